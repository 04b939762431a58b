//! Which end is the source, who began, and from whose side the flow is seen.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use flowtrace_abi::{FlowEntry, FlowKey, Way, state};
use flowtrace_wire::{Address, protocol};

use crate::join::end;
use crate::nat::Side;
use crate::{Direction, Evidence, Host, Socket};

/// Which end is the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceMode {
    /// The initiator; where it is not known, the sender of the first packet.
    #[default]
    Initiator,
    /// The end on this host, where exactly one is (IPFIX's reading); else as above.
    Local,
}

/// Which ports a client gets from its system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ephemeral {
    /// In files: 49152–65535 (RFC 6335), and 32768–60999 (Linux) against a port below 1024.
    Files,
    /// This host's range (`net.ipv4.ip_local_port_range`).
    Host(RangeInclusive<u16>),
}

/// What was decided about a flow's ends; it holds for all its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orientation {
    /// The way from source to destination.
    pub forward: Way,
    /// The way from initiator to responder, where the initiator is known.
    pub initiator: Option<Way>,
    /// What shows that.
    pub evidence: Evidence,
    /// The observer's perspective.
    pub direction: Direction,
    /// Both ends are on this host.
    pub is_within: bool,
}

/// By what is known beside the flow itself.
pub struct Surroundings<'a> {
    /// Which ports are ephemeral.
    pub ephemeral: &'a Ephemeral,
    /// Which end is the source.
    pub source: SourceMode,
    /// This host's addresses.
    pub local: &'a HashSet<IpAddr>,
    /// This host's sockets.
    pub host: &'a dyn Host,
}

impl Surroundings<'_> {
    /// Decides from what is known of the flow now.
    pub fn orient(&self, key: &FlowKey, entry: &FlowEntry) -> Orientation {
        let are_local = ends(key).map(|(address, _)| self.local.contains(&address));
        self.decide(key, entry, self.initiator(key, entry), are_local)
    }

    /// The same for a translated connection, whose key is that of the initiator's side. Its ends are the initiator on the
    /// one side and the responder on the other. Connection tracking knows which is which where no handshake shows it.
    pub fn orient_translated(&self, key: &FlowKey, entry: &FlowEntry, first: Side, last: Side) -> Orientation {
        let way = first.1;
        let seen = match self.initiator(key, entry) {
            Some(seen @ (_, Evidence::Handshake)) => seen,
            Some(seen) if seen.0 == way => seen,
            _ => (way, Evidence::Translation),
        };
        let [initiator, responder] = [end(&first, false), end(&last, true)].map(|(end, _)| self.local.contains(&end));
        let are_local = if way == Way::Up { [initiator, responder] } else { [responder, initiator] };
        self.decide(key, entry, Some(seen), are_local)
    }

    /// Decides, where what shows the initiator and which of the low and the high end are on this host is known.
    fn decide(
        &self,
        key: &FlowKey,
        entry: &FlowEntry,
        seen: Option<(Way, Evidence)>,
        [low_local, high_local]: [bool; 2],
    ) -> Orientation {
        let initiator = seen.map(|(way, _)| way);
        let evidence = seen.map_or(Evidence::Nothing, |(_, evidence)| evidence);
        let opened = opened(entry);
        let one_way = key.icmp_one_way(opened).is_some();
        let forward = match self.source {
            SourceMode::Local if low_local != high_local && !one_way => {
                if low_local {
                    Way::Up
                } else {
                    Way::Down
                }
            }
            _ => initiator.unwrap_or(opened),
        };
        let direction = match initiator {
            None => Direction::Unknown,
            Some(way) => {
                let (from, to) = if way == Way::Up { (low_local, high_local) } else { (high_local, low_local) };
                if from || !to { Direction::Forward } else { Direction::Reverse }
            }
        };
        Orientation { forward, initiator, evidence, direction, is_within: low_local && high_local }
    }

    /// The way of the initiator's packets: by handshake, by listening socket, by ICMP request, by ports.
    fn initiator(&self, key: &FlowKey, entry: &FlowEntry) -> Option<(Way, Evidence)> {
        if entry.state & state::INITIATOR_KNOWN != 0 {
            let way = if entry.state & state::INITIATOR_HIGH == 0 { Way::Up } else { Way::Down };
            return Some((way, Evidence::Handshake));
        }
        if key.is_icmp() {
            return key.icmp_query_way().map(|way| (way, Evidence::IcmpQuery));
        }
        if !key.has_ports() {
            return None;
        }
        let by_socket = self.by_socket(key, entry).map(|way| (way, Evidence::ListeningSocket));
        by_socket.or_else(|| by_ports(key.low_port, key.high_port, self.ephemeral).map(|way| (way, Evidence::Ports)))
    }

    /// The end that talks to a listening socket. Where both ends listen, that says nothing. A UDP socket listens and asks
    /// alike: it is the one that is asked only where the other end was the first to send, and from another port than its
    /// own.
    fn by_socket(&self, key: &FlowKey, entry: &FlowEntry) -> Option<Way> {
        let last = entry.ways[0].last.max(entry.ways[1].last).max(entry.first);
        let asks = match ends(key).map(|end| self.host.listens(key.protocol, end, entry.first, last)) {
            [true, false] => Way::Down,
            [false, true] => Way::Up,
            _ => return None,
        };
        let is_asked = key.low_port != key.high_port && opened(entry) == asks;
        (key.protocol != protocol::UDP || is_asked).then_some(asks)
    }
}

/// The way of the flow's first packet.
fn opened(entry: &FlowEntry) -> Way {
    if entry.state & state::OPENED_DOWN == 0 { Way::Up } else { Way::Down }
}

/// The low and the high end.
pub fn ends(key: &FlowKey) -> [Socket; 2] {
    [(address(key.low, key.ip_version), key.low_port), (address(key.high, key.ip_version), key.high_port)]
}

/// The end with an ephemeral port talks to the one with a well-known or registered port.
fn by_ports(low: u16, high: u16, ephemeral: &Ephemeral) -> Option<Way> {
    match (is_client(low, high, ephemeral), is_client(high, low, ephemeral)) {
        (true, false) => Some(Way::Up),
        (false, true) => Some(Way::Down),
        _ => None,
    }
}

fn is_client(port: u16, peer: u16, ephemeral: &Ephemeral) -> bool {
    match ephemeral {
        Ephemeral::Files => port >= 49_152 && peer < 49_152 || (32_768..=60_999).contains(&port) && peer < 1_024,
        Ephemeral::Host(range) => range.contains(&port) && !range.contains(&peer) && peer < 49_152,
    }
}

/// The address as the standard library has it.
pub fn address(address: Address, ip_version: u8) -> IpAddr {
    if ip_version == 4 {
        IpAddr::V4(Ipv4Addr::from(address.v4_octets()))
    } else {
        IpAddr::V6(Ipv6Addr::from(address.octets()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_tell_the_client_or_nothing() {
        let host = Ephemeral::Host(32_768..=60_999);
        let table = [
            (&Ephemeral::Files, 50_000, 443, Some(Way::Up)),
            (&Ephemeral::Files, 443, 50_000, Some(Way::Down)),
            (&Ephemeral::Files, 40_000, 443, Some(Way::Up)),
            (&Ephemeral::Files, 40_000, 8_080, None),
            (&Ephemeral::Files, 50_000, 8_080, Some(Way::Up)),
            (&Ephemeral::Files, 50_000, 60_000, None),
            (&Ephemeral::Files, 123, 123, None),
            (&host, 40_000, 8_080, Some(Way::Up)),
            (&host, 8_080, 40_000, Some(Way::Down)),
            (&host, 40_000, 50_000, None),
            (&host, 1_000, 2_000, None),
            (&host, 40_000, 62_000, None),
        ];
        for (ephemeral, low, high, expected) in table {
            assert_eq!(by_ports(low, high, ephemeral), expected, "{low} {high} {ephemeral:?}");
        }
    }

    fn key() -> FlowKey {
        FlowKey {
            low: Address::from_v4([10, 0, 0, 1]),
            high: Address::from_v4([10, 0, 0, 2]),
            low_port: 50_000,
            high_port: 80,
            protocol: 6,
            ip_version: 4,
            ..FlowKey::default()
        }
    }

    /// Sockets that listen at one end each.
    struct Listeners(&'static [(u8, u8, u16)]);

    impl Host for Listeners {
        fn listens(&self, protocol: u8, (address, port): Socket, first: u64, last: u64) -> bool {
            assert_eq!((first, last), (5, 9));
            self.0
                .iter()
                .any(|&(of, octet, at)| of == protocol && address == IpAddr::from([10, 0, 0, octet]) && at == port)
        }

        fn has_open(&self, _: [Socket; 2]) -> bool {
            false
        }
    }

    fn orient(key: &FlowKey, flow_state: u32, source: SourceMode, local: &[IpAddr], host: &dyn Host) -> Orientation {
        let local = local.iter().copied().collect();
        let mut entry = FlowEntry { state: flow_state, first: 5, ..FlowEntry::default() };
        entry.ways[1].last = 9;
        Surroundings { ephemeral: &Ephemeral::Files, source, local: &local, host }.orient(key, &entry)
    }

    #[test]
    fn perspective_follows_the_local_end() {
        let (low, high) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let table: [(&[IpAddr], Direction, Way); 4] = [
            (&[], Direction::Forward, Way::Up),
            (&[low], Direction::Forward, Way::Up),
            (&[high], Direction::Reverse, Way::Down),
            (&[low, high], Direction::Forward, Way::Up),
        ];
        for (local, direction, forward_of_local) in table {
            let by_initiator = orient(&key(), 0, SourceMode::Initiator, local, &());
            assert_eq!(by_initiator.direction, direction);
            assert_eq!(by_initiator.forward, Way::Up);
            let by_local = orient(&key(), 0, SourceMode::Local, local, &());
            assert_eq!(by_local.direction, direction);
            assert_eq!(by_local.forward, forward_of_local);
            assert_eq!(by_local.initiator, Some(Way::Up));
            assert_eq!(by_local.is_within, local.len() == 2);
        }
    }

    #[test]
    fn the_stronger_evidence_decides() {
        const TCP: u8 = protocol::TCP;
        const UDP: u8 = protocol::UDP;
        const HIGH_BEGAN: u32 = state::INITIATOR_KNOWN | state::INITIATOR_HIGH;
        // Protocol, ports of 10.0.0.1 and 10.0.0.2, state, who listens: who began, by what evidence.
        type Row = ((u8, u16, u16), u32, &'static [(u8, u8, u16)], Option<Way>, Evidence);
        let table: [Row; 13] = [
            ((TCP, 50_000, 80), HIGH_BEGAN, &[(TCP, 2, 80)], Some(Way::Down), Evidence::Handshake),
            ((TCP, 50_000, 80), 0, &[(TCP, 1, 50_000)], Some(Way::Down), Evidence::ListeningSocket),
            ((TCP, 50_000, 80), 0, &[(TCP, 2, 80)], Some(Way::Up), Evidence::ListeningSocket),
            ((TCP, 50_000, 80), 0, &[], Some(Way::Up), Evidence::Ports),
            ((TCP, 50_000, 80), 0, &[(UDP, 1, 50_000)], Some(Way::Up), Evidence::Ports),
            ((TCP, 7000, 8000), 0, &[(TCP, 1, 7000), (TCP, 2, 8000)], None, Evidence::Nothing),
            ((TCP, 7000, 7000), 0, &[(TCP, 1, 7000)], Some(Way::Down), Evidence::ListeningSocket),
            ((UDP, 7000, 8000), 0, &[(UDP, 2, 8000)], Some(Way::Up), Evidence::ListeningSocket),
            ((UDP, 7000, 8000), 0, &[(UDP, 1, 7000), (UDP, 2, 8000)], None, Evidence::Nothing),
            ((UDP, 123, 123), 0, &[(UDP, 2, 123)], None, Evidence::Nothing),
            ((UDP, 50_000, 53), 0, &[(UDP, 1, 50_000), (UDP, 2, 53)], Some(Way::Up), Evidence::Ports),
            ((47, 7000, 8000), 0, &[(47, 2, 8000)], None, Evidence::Nothing),
            ((UDP, 7000, 8000), 0, &[], None, Evidence::Nothing),
        ];
        for ((protocol, low_port, high_port), flow_state, listeners, initiator, evidence) in table {
            let key = FlowKey { protocol, low_port, high_port, ..key() };
            let seen = orient(&key, flow_state, SourceMode::Initiator, &[], &Listeners(listeners));
            assert_eq!((seen.initiator, seen.evidence), (initiator, evidence), "{protocol} {low_port} {listeners:?}");
            assert_eq!(seen.forward, initiator.unwrap_or(Way::Up));
        }
    }

    #[test]
    fn without_evidence_the_first_sender_is_the_source() {
        let unknown = FlowKey { low_port: 80, ..key() };
        let seen = orient(&unknown, state::OPENED_DOWN, SourceMode::Initiator, &[], &());
        assert_eq!((seen.forward, seen.initiator, seen.direction), (Way::Down, None, Direction::Unknown));
    }
}
