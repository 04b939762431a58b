//! One direction of a connection, and the flow that its packets are counted in.

use flowtrace_abi::{FlowKey, Way};
use flowtrace_wire::{Address, Packet, icmp, protocol};

/// How the packets of a connection look on one side of a translation: the key of their flow (generation 0, without VLAN
/// and tunnel), and the way that the initiator's packets go in it.
pub type Side = (FlowKey, Way);

/// What the kernel tracks of one direction (`struct nf_conntrack_tuple`). Ports in host order; 0 where there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tuple {
    /// 4 or 6.
    pub ip_version: u8,
    /// IP protocol number.
    pub protocol: u8,
    /// Where its packets come from.
    pub source: Address,
    /// Where they go.
    pub destination: Address,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// ICMP: type, code and identifier.
    pub icmp: (u8, u8, u16),
}

impl Tuple {
    /// The side on which packets of this direction are the initiator's.
    pub fn side(&self) -> Side {
        let ported = protocol::has_ports(self.protocol);
        // Others (GRE) have keys there, which are no ports.
        let port = |port| if ported { port } else { 0 };
        let (icmp_type, icmp_code, icmp_identifier) = self.icmp;
        FlowKey::of(&Packet {
            ip_version: self.ip_version,
            protocol: self.protocol,
            source: self.source,
            destination: self.destination,
            source_port: port(self.source_port),
            destination_port: port(self.destination_port),
            has_transport: true,
            icmp_type,
            icmp_code,
            icmp_identifier,
            ..Packet::default()
        })
    }

    /// What answers this, on the same side; `None` for ICMP messages that nothing answers.
    pub fn back(&self) -> Option<Self> {
        let (kind, code, identifier) = self.icmp;
        let is_icmp = matches!(self.protocol, protocol::ICMP | protocol::ICMPV6);
        let kind = match icmp::role(self.protocol, kind) {
            _ if !is_icmp => 0,
            icmp::Role::Query { reply } => reply,
            icmp::Role::Reply { request } => request,
            icmp::Role::OneWay => return None,
        };
        Some(Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            icmp: (kind, code, identifier),
            ..*self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(protocol: u8) -> Tuple {
        Tuple {
            ip_version: 4,
            protocol,
            source: Address::from_v4([10, 0, 0, 1]),
            destination: Address::from_v4([10, 0, 0, 2]),
            source_port: 40_000,
            destination_port: 80,
            icmp: if protocol == protocol::ICMP { (8, 0, 77) } else { (0, 0, 0) },
        }
    }

    #[test]
    fn answers_are_in_the_same_flow_the_other_way() {
        for number in [protocol::TCP, protocol::UDP, protocol::ICMP, protocol::SCTP, protocol::GRE] {
            let asked = tuple(number);
            let answer = asked.back().expect("an answer");
            let ((key, way), (back_key, back_way)) = (asked.side(), answer.side());
            assert_eq!((key, way), (back_key, back_way.back()), "{number}");
            assert_eq!(answer.back(), Some(asked), "{number}");
        }
        assert_eq!(Tuple { icmp: (3, 1, 0), ..tuple(protocol::ICMP) }.back(), None);
    }

    #[test]
    fn sides_are_keys_of_packets() {
        assert_eq!(tuple(protocol::GRE).side().0.low_port, 0);
        let (ping, _) = tuple(protocol::ICMP).side();
        assert_eq!((ping.low_port, ping.high_port), (77, 77));
        let (web, _) = tuple(protocol::TCP).side();
        assert!(web.has_ports() && web.generation == 0 && web.scope == 0);
    }
}
