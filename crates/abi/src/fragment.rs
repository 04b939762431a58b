//! Which datagram a fragment is of, and what its first fragment showed.

use flowtrace_wire::{Address, Fragment, Packet};

/// What all fragments of a datagram have in common (RFC 791 section 3.2; RFC 8200 section 4.5).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FragmentKey {
    /// Sender.
    pub source: Address,
    /// Receiver.
    pub destination: Address,
    /// Identification.
    pub identification: u32,
    /// IPv4: the protocol. IPv6: 0, since what follows the fragment header may be another extension header.
    pub protocol: u8,
    /// 4 or 6.
    pub ip_version: u8,
    /// Zero.
    pub reserved: u16,
}

/// What the first fragment of a datagram showed of the transport header.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentFacts {
    /// When it was seen, in nanoseconds.
    pub time: u64,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// ICMP identifier.
    pub icmp_identifier: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// ICMP type.
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

impl FragmentKey {
    /// The datagram of a fragment.
    #[inline(always)]
    pub const fn of(packet: &Packet) -> Self {
        Self {
            source: packet.source,
            destination: packet.destination,
            identification: packet.identification,
            protocol: if packet.ip_version == 4 { packet.protocol } else { 0 },
            ip_version: packet.ip_version,
            reserved: 0,
        }
    }
}

impl FragmentFacts {
    /// How long the rest of a datagram may take, in nanoseconds: as long as Linux waits to put one together
    /// (`IP_FRAG_TIME`, `IPV6_FRAG_TIMEOUT`).
    const fn patience(ip_version: u8) -> u64 {
        const SECOND: u64 = 1_000_000_000;
        if ip_version == 4 { 30 * SECOND } else { 60 * SECOND }
    }

    /// Whether a packet has to be remembered for the fragments that follow it.
    #[inline(always)]
    pub const fn is_first(packet: &Packet) -> bool {
        packet.ip_version != 0 && matches!(packet.fragment, Fragment::First) && packet.has_transport
    }

    /// What it shows.
    #[inline(always)]
    pub const fn of(packet: &Packet, time: u64) -> Self {
        Self {
            time,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
            icmp_identifier: packet.icmp_identifier,
            protocol: packet.protocol,
            icmp_type: packet.icmp_type,
            icmp_code: packet.icmp_code,
            reserved: [0; 7],
        }
    }

    /// Says of a later fragment what the first one showed, unless that was too long ago.
    #[inline(always)]
    pub fn apply(&self, packet: &mut Packet, now: u64) {
        if now.saturating_sub(self.time) > Self::patience(packet.ip_version) {
            return;
        }
        packet.has_transport = true;
        packet.protocol = self.protocol;
        packet.source_port = self.source_port;
        packet.destination_port = self.destination_port;
        packet.icmp_type = self.icmp_type;
        packet.icmp_code = self.icmp_code;
        packet.icmp_identifier = self.icmp_identifier;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowtrace_wire::protocol;

    const SECOND: u64 = 1_000_000_000;

    fn fragment(ip_version: u8, fragment: Fragment) -> Packet {
        Packet { ip_version, protocol: protocol::UDP, fragment, identification: 7, ..Packet::default() }
    }

    #[test]
    fn the_rest_has_the_ports_of_the_first_for_a_while() {
        for (version, patience) in [(4, 30 * SECOND), (6, 60 * SECOND)] {
            let first = Packet { has_transport: true, source_port: 5, ..fragment(version, Fragment::First) };
            assert!(FragmentFacts::is_first(&first));
            let facts = FragmentFacts::of(&first, SECOND);
            for (now, known) in [(0, true), (SECOND + patience, true), (SECOND + patience + 1, false)] {
                let mut rest = fragment(version, Fragment::Later);
                facts.apply(&mut rest, now);
                assert_eq!((rest.has_transport, rest.source_port), if known { (true, 5) } else { (false, 0) });
            }
        }
    }

    #[test]
    fn what_has_no_ports_is_not_remembered() {
        assert!(!FragmentFacts::is_first(&fragment(4, Fragment::First)));
        let whole = Packet { has_transport: true, ..fragment(4, Fragment::Whole) };
        assert!(!FragmentFacts::is_first(&whole));
    }

    #[test]
    fn a_datagram_is_known_by_its_ends_and_number() {
        let key = |packet: &Packet| FragmentKey::of(packet);
        let first = fragment(4, Fragment::First);
        assert_eq!(key(&first), key(&fragment(4, Fragment::Later)));
        assert_ne!(key(&first), key(&Packet { protocol: protocol::TCP, ..first }));
        assert_ne!(key(&first), key(&Packet { identification: 8, ..first }));
        let v6 = fragment(6, Fragment::First);
        assert_eq!(key(&v6), key(&Packet { protocol: protocol::DESTINATION_OPTIONS, ..v6 }));
    }
}
