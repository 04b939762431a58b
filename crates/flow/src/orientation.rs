//! Which end is the source, who began, and from whose side the flow is seen.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use flowtrace_abi::{FlowEntry, FlowKey, Way, state};
use flowtrace_wire::Address;

use crate::Direction;

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
    /// The observer's perspective.
    pub direction: Direction,
}

/// Decides from what is known of the flow now.
pub fn orient(
    key: &FlowKey,
    entry: &FlowEntry,
    ephemeral: &Ephemeral,
    source: SourceMode,
    local: &HashSet<IpAddr>,
) -> Orientation {
    let initiator = initiator(key, entry, ephemeral);
    let low_local = local.contains(&address(key.low, key.ip_version));
    let high_local = local.contains(&address(key.high, key.ip_version));
    let opened = if entry.state & state::OPENED_DOWN == 0 { Way::Up } else { Way::Down };
    let one_way = key.icmp_one_way(opened).is_some();
    let forward = match source {
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
    Orientation { forward, initiator, direction }
}

/// The way of the initiator's packets: by handshake, by ICMP request, by ports.
fn initiator(key: &FlowKey, entry: &FlowEntry, ephemeral: &Ephemeral) -> Option<Way> {
    if entry.state & state::INITIATOR_KNOWN != 0 {
        return Some(if entry.state & state::INITIATOR_HIGH == 0 { Way::Up } else { Way::Down });
    }
    if key.is_icmp() {
        return key.icmp_query_way();
    }
    if key.has_ports() { by_ports(key.low_port, key.high_port, ephemeral) } else { None }
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
            let local = local.iter().copied().collect();
            let by_initiator = orient(&key(), &FlowEntry::default(), &Ephemeral::Files, SourceMode::Initiator, &local);
            assert_eq!(by_initiator.direction, direction);
            assert_eq!(by_initiator.forward, Way::Up);
            let by_local = orient(&key(), &FlowEntry::default(), &Ephemeral::Files, SourceMode::Local, &local);
            assert_eq!(by_local.direction, direction);
            assert_eq!(by_local.forward, forward_of_local);
            assert_eq!(by_local.initiator, Some(Way::Up));
        }
    }

    #[test]
    fn a_handshake_outweighs_the_ports() {
        let entry = FlowEntry { state: state::INITIATOR_KNOWN | state::INITIATOR_HIGH, ..FlowEntry::default() };
        let seen = orient(&key(), &entry, &Ephemeral::Files, SourceMode::Initiator, &HashSet::new());
        assert_eq!((seen.forward, seen.initiator), (Way::Down, Some(Way::Down)));
    }

    #[test]
    fn without_evidence_the_first_sender_is_the_source() {
        let mut unknown = key();
        unknown.low_port = 80;
        let entry = FlowEntry { state: state::OPENED_DOWN, ..FlowEntry::default() };
        let seen = orient(&unknown, &entry, &Ephemeral::Files, SourceMode::Initiator, &HashSet::new());
        assert_eq!((seen.forward, seen.initiator, seen.direction), (Way::Down, None, Direction::Unknown));
    }
}
