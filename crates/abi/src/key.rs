//! The key of a flow: the same for both directions.

use core::hash::{Hash, Hasher};

use flowtrace_wire::{Address, Envelope, Packet, icmp, protocol};

/// Which way a packet goes between the two ends of a [`FlowKey`].
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the low end to the high end.
    Up = 0,
    /// From the high end to the low end.
    Down = 1,
}

impl Way {
    /// The opposite way.
    #[inline(always)]
    pub const fn back(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }

    /// Place of this way in an array of two.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What tells flows apart beside ends and protocol: bits of [`FlowKey::within`]'s argument.
#[derive(Clone, Copy, Debug)]
pub struct KeyParts;

impl KeyParts {
    /// The frame's VLANs.
    pub const VLAN: u32 = 1;
    /// The identifier of the outermost tunnel.
    pub const TUNNEL_ID: u32 = 2;
}

/// The two ends in their canonical order, the protocol, and what else tells flows apart. 48 bytes without padding.
///
/// Ports are in host order. The two ports and [`detail`](Self::detail) of ICMP say which conversation it is:
/// - query and reply: both ports are the identifier, `detail` is the type that the *low* end sends;
/// - one-way messages: the sender's port is `type << 8 | code`, the receiver's its complement, `detail` is 0. So the
///   same error sent both ways makes two flows, as the Community ID specification wants it.
///
/// For other protocols `detail` is 0. Where a protocol with ports, or ICMP, showed none (later fragments, headers cut
/// short) it is [`PORTLESS`](Self::PORTLESS).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// The end that is smaller by (address, port); of a host that asks itself by ICMP, the one that asks.
    pub low: Address,
    /// The other end.
    pub high: Address,
    /// Port of the low end.
    pub low_port: u16,
    /// Port of the high end.
    pub high_port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// 4 or 6: an IPv6 packet may carry mapped addresses, too.
    pub ip_version: u8,
    /// See above.
    pub detail: u8,
    /// Which flow of these ends this is, where one follows another before the first entry is gone. 0 is the first, and
    /// knows the latest ([`FlowEntry::successor`](crate::FlowEntry::successor)); after [`LAST_GENERATION`] comes 1
    /// again, if its entry is gone.
    ///
    /// [`LAST_GENERATION`]: Self::LAST_GENERATION
    pub generation: u8,
    /// Where flows are told apart by VLAN: the outermost in bits 0–11, the innermost of several in bits 12–23. Bit 31
    /// ([`OUTER`](Self::OUTER)): the flow is that of packets which hold others that are counted, too.
    pub scope: u32,
    /// Where flows are told apart by tunnel: the identifier of the outermost ([`Envelope::shared_id`]).
    pub tunnel_id: u32,
}

/// By the word: field by field costs more than the look-up that follows.
impl Hash for FlowKey {
    #[inline(always)]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for word in self.low.words().into_iter().chain(self.high.words()) {
            hasher.write_u64(word);
        }
        let [a, b] = self.low_port.to_ne_bytes();
        let [c, d] = self.high_port.to_ne_bytes();
        let ends = [a, b, c, d, self.protocol, self.ip_version, self.detail, self.generation];
        hasher.write_u64(u64::from_ne_bytes(ends));
        hasher.write_u64(u64::from(self.scope) << 32 | u64::from(self.tunnel_id));
    }
}

impl FlowKey {
    /// Value of `detail` where a protocol with ports showed none. No ICMP query or reply has this type.
    pub const PORTLESS: u8 = 1;
    /// Bit of `scope`: a flow of outer packets.
    pub const OUTER: u32 = 1 << 31;
    /// The last generation that a key can name.
    pub const LAST_GENERATION: u8 = u8::MAX;

    /// The key of a packet's flow (generation 0) and the packet's way in it.
    #[inline(always)]
    pub fn of(packet: &Packet) -> (Self, Way) {
        let is_icmp = packet.protocol == protocol::ICMP || packet.protocol == protocol::ICMPV6;
        if is_icmp && packet.has_transport {
            return Self::of_icmp(packet);
        }
        let expected = is_icmp || protocol::has_ports(packet.protocol);
        let detail = if expected && !packet.has_transport { Self::PORTLESS } else { 0 };
        let first = packet.source_port <= packet.destination_port;
        Self::ordered(packet, packet.source_port, packet.destination_port, detail, detail, first)
    }

    #[inline(always)]
    fn of_icmp(packet: &Packet) -> (Self, Way) {
        let identifier = packet.icmp_identifier;
        let kind = packet.icmp_type;
        match icmp::role(packet.protocol, kind) {
            icmp::Role::Query { reply } => Self::ordered(packet, identifier, identifier, kind, reply, true),
            icmp::Role::Reply { request } => Self::ordered(packet, identifier, identifier, kind, request, false),
            icmp::Role::OneWay => {
                let message = u16::from_be_bytes([kind, packet.icmp_code]);
                Self::ordered(packet, message, !message, 0, 0, message <= !message)
            }
        }
    }

    /// Puts the ends in order; `detail` is the sender's where the sender is the low end, else the receiver's. Where a
    /// host talks to itself, `first` says whether the sender is the low end.
    #[inline(always)]
    fn ordered(
        packet: &Packet,
        sender: u16,
        receiver: u16,
        sender_detail: u8,
        receiver_detail: u8,
        first: bool,
    ) -> (Self, Way) {
        let up = packet.source < packet.destination || (packet.source == packet.destination && first);
        let (low, high, low_port, high_port, detail, way) = if up {
            (packet.source, packet.destination, sender, receiver, sender_detail, Way::Up)
        } else {
            (packet.destination, packet.source, receiver, sender, receiver_detail, Way::Down)
        };
        let key = Self {
            low,
            high,
            low_port,
            high_port,
            protocol: packet.protocol,
            ip_version: packet.ip_version,
            detail,
            generation: 0,
            scope: 0,
            tunnel_id: 0,
        };
        (key, way)
    }

    /// The same flow, told apart by what lies around its packets ([`KeyParts`]).
    #[inline(always)]
    pub const fn within(mut self, envelope: &Envelope, parts: u32) -> Self {
        if parts & KeyParts::VLAN != 0 {
            self.scope |= envelope.vlan as u32 | (envelope.inner_vlan as u32) << 12;
        }
        if parts & KeyParts::TUNNEL_ID != 0 {
            self.tunnel_id = envelope.shared_id();
        }
        self
    }

    /// The same ends as a flow of outer packets.
    #[inline(always)]
    pub const fn outer(mut self) -> Self {
        self.scope |= Self::OUTER;
        self
    }

    /// Whether it is a flow of outer packets.
    #[inline(always)]
    pub const fn is_outer(&self) -> bool {
        self.scope & Self::OUTER != 0
    }

    /// Whether this is ICMP or ICMPv6.
    #[inline(always)]
    pub const fn is_icmp(&self) -> bool {
        matches!(self.protocol, protocol::ICMP | protocol::ICMPV6)
    }

    /// For an ICMP conversation of query and reply: the way the query goes.
    pub fn icmp_query_way(&self) -> Option<Way> {
        if !self.is_icmp() || self.low_port != self.high_port {
            return None;
        }
        match icmp::role(self.protocol, self.detail) {
            icmp::Role::Query { .. } => Some(Way::Up),
            icmp::Role::Reply { .. } => Some(Way::Down),
            icmp::Role::OneWay => None,
        }
    }

    /// Type and code of a one-way ICMP message that goes this way.
    pub fn icmp_one_way(&self, way: Way) -> Option<(u8, u8)> {
        if !self.is_icmp() || self.low_port != !self.high_port {
            return None;
        }
        let message = if way == Way::Up { self.low_port } else { self.high_port };
        let [kind, code] = message.to_be_bytes();
        Some((kind, code))
    }

    /// Whether the two ports are ports: a protocol that has them, and they were seen.
    #[inline(always)]
    pub const fn has_ports(&self) -> bool {
        protocol::has_ports(self.protocol) && self.detail != Self::PORTLESS
    }

    /// The generation that follows this one.
    #[inline(always)]
    pub const fn next_generation(self) -> Self {
        let next = if self.generation == Self::LAST_GENERATION { 1 } else { self.generation + 1 };
        self.with_generation(next)
    }

    /// The same ends, another generation.
    #[inline(always)]
    pub const fn with_generation(mut self, generation: u8) -> Self {
        self.generation = generation;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(source: u8, destination: u8, source_port: u16, destination_port: u16) -> Packet {
        Packet {
            ip_version: 4,
            protocol: protocol::UDP,
            source: Address::from_v4([10, 0, 0, source]),
            destination: Address::from_v4([10, 0, 0, destination]),
            has_transport: true,
            source_port,
            destination_port,
            ..Packet::default()
        }
    }

    fn message(source: u8, destination: u8, kind: u8, code: u8, identifier: u16) -> Packet {
        Packet {
            protocol: protocol::ICMP,
            icmp_type: kind,
            icmp_code: code,
            icmp_identifier: identifier,
            ..packet(source, destination, 0, 0)
        }
    }

    #[test]
    fn both_ways_have_one_key() {
        let (key, way) = FlowKey::of(&packet(1, 2, 1000, 53));
        let (back, way_back) = FlowKey::of(&packet(2, 1, 53, 1000));
        assert_eq!(key, back);
        assert_eq!(way, way_back.back());
        assert!(key.has_ports());
    }

    #[test]
    fn the_port_decides_between_equal_addresses() {
        let (key, way) = FlowKey::of(&packet(1, 1, 1000, 53));
        let (back, way_back) = FlowKey::of(&packet(1, 1, 53, 1000));
        assert_eq!((key, way), (back, way_back.back()));
        assert_eq!(FlowKey::of(&packet(1, 1, 7, 7)).1, Way::Up);
    }

    #[test]
    fn echo_and_reply_share_a_key_by_identifier() {
        let (request, way) = FlowKey::of(&message(1, 2, 8, 0, 77));
        let (reply, way_back) = FlowKey::of(&message(2, 1, 0, 0, 77));
        assert_eq!((request, way), (reply, way_back.back()));
        assert_eq!(request.icmp_query_way(), Some(way));
        assert_ne!(request, FlowKey::of(&message(1, 2, 8, 0, 78)).0);
    }

    #[test]
    fn who_asks_tells_echo_flows_apart() {
        let (mine, way) = FlowKey::of(&message(1, 2, 8, 0, 77));
        let (theirs, their_way) = FlowKey::of(&message(2, 1, 8, 0, 77));
        assert_ne!(mine, theirs);
        assert_eq!(mine.icmp_query_way(), Some(way));
        assert_eq!(theirs.icmp_query_way(), Some(their_way));
    }

    #[test]
    fn a_host_that_asks_itself_has_one_key() {
        let (request, way) = FlowKey::of(&message(1, 1, 8, 0, 77));
        let (reply, way_back) = FlowKey::of(&message(1, 1, 0, 0, 77));
        assert_eq!((request, way), (reply, way_back.back()));
        assert_eq!(request.icmp_query_way(), Some(way));
    }

    #[test]
    fn one_way_messages_are_flows_of_their_direction() {
        for (kind, code) in [(3, 1), (255, 255), (4, 0)] {
            let (there, _) = FlowKey::of(&message(1, 2, kind, code, 0));
            let (back, _) = FlowKey::of(&message(2, 1, kind, code, 0));
            assert_ne!(there, back);
            assert_eq!(there.icmp_query_way(), None);
            let (_, way) = FlowKey::of(&message(1, 2, kind, code, 0));
            assert_eq!(there.icmp_one_way(way), Some((kind, code)));
        }
    }

    #[test]
    fn what_lies_around_tells_flows_apart_where_it_is_asked_for() {
        let (key, _) = FlowKey::of(&packet(1, 2, 1000, 53));
        let envelope = Envelope { vlan: 0xfff, inner_vlan: 0xffe, tunnel_id: 7, ..Envelope::default() };
        assert_eq!(key.within(&envelope, 0), key);
        assert_eq!(key.within(&envelope, KeyParts::VLAN), FlowKey { scope: 0xff_efff, ..key });
        assert_eq!(key.within(&envelope, KeyParts::TUNNEL_ID), FlowKey { tunnel_id: 7, ..key });
        assert!(key.outer().is_outer() && !key.within(&envelope, 3).is_outer());
    }

    #[test]
    fn a_fragment_is_a_flow_without_ports() {
        let (key, _) = FlowKey::of(&Packet { has_transport: false, ..packet(1, 2, 0, 0) });
        assert!(!key.has_ports());
        assert_ne!(key, FlowKey::of(&packet(1, 2, 0, 0)).0);
    }
}
