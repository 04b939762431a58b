//! Arbitrary traffic between few ends, so that collisions are frequent.

use flowtrace_abi::Timeouts;
use flowtrace_wire::{Address, Packet, protocol};
use proptest::prelude::*;

use crate::craft::*;

/// Short timeouts, in a ratio like the real ones.
pub const TIMEOUTS: Timeouts = Timeouts {
    tcp: 2 * SECOND,
    tcp_fin: SECOND / 2,
    tcp_rst: SECOND / 3,
    udp: 3 * SECOND,
    icmp: SECOND,
    generic: SECOND * 3 / 2,
    // The table sets it.
    evidence: u64::MAX,
};

fn host() -> impl Strategy<Value = Host> {
    (1..4_u8, prop::sample::select(vec![0, 80, 443, 50_000, 50_001]))
}

fn ports_known() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.9)
}

fn segment() -> impl Strategy<Value = Packet> {
    let flags = prop::sample::select(vec![0x02, 0x12, 0x10, 0x18, 0x11, 0x11, 0x04, 0x14, 0x00, 0xff]);
    let number = prop::sample::select(vec![0_u32, 1, 100, 101, 102, 201, u32::MAX]);
    let room = prop::sample::select(vec![0_u16, 1000, 1000]);
    (host(), host(), flags, number.clone(), number, ports_known(), room).prop_map(
        |(from, to, flags, sequence, number, known, window)| {
            let segment = Packet { window, ..tcp(from, to, flags, sequence, number) };
            if known { segment } else { fragment(from.0, to.0, protocol::TCP) }
        },
    )
}

fn message() -> impl Strategy<Value = Packet> {
    let kind = prop::sample::select(vec![0_u8, 8, 3, 11, 255, 128, 129]);
    (1..4_u8, 1..4_u8, kind, 0..2_u8, 0..2_u16, any::<bool>()).prop_map(|(from, to, kind, code, identifier, six)| {
        let packet = icmp(from, to, kind, code, identifier);
        if six { v6(Packet { protocol: protocol::ICMPV6, ..packet }) } else { packet }
    })
}

fn datagram() -> impl Strategy<Value = Packet> {
    let protocol = prop::sample::select(vec![protocol::UDP, protocol::UDP, protocol::SCTP, 47, 50]);
    (host(), host(), protocol, ports_known(), any::<bool>()).prop_map(|(from, to, protocol, known, six)| {
        let ported = protocol::has_ports(protocol);
        let packet = match (ported, known) {
            (true, true) => packet(from, to, protocol),
            (true, false) => fragment(from.0, to.0, protocol),
            (false, _) => packet((from.0, 0), (to.0, 0), protocol),
        };
        if six { v6(packet) } else { packet }
    })
}

fn v6(packet: Packet) -> Packet {
    let address = |v4: Address| {
        let [.., last] = v4.v4_octets();
        Address::from_v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
    };
    Packet { ip_version: 6, source: address(packet.source), destination: address(packet.destination), ..packet }
}

/// A packet of any kind; its bytes and header values vary.
pub fn any_packet() -> impl Strategy<Value = Packet> {
    let shape = prop_oneof![3 => segment(), 2 => datagram(), 1 => message()];
    (shape, prop_oneof![9 => 40..2000_u32, 1 => Just(u32::MAX)], 1..200_u8)
        .prop_map(|(packet, ip_length, hop_limit)| Packet { ip_length, header_length: 40, hop_limit, ..packet })
}

/// The same, without the ends that the hash of trace ids cannot tell apart (ports of 0 and no ports).
pub fn distinct_packet() -> impl Strategy<Value = Packet> {
    any_packet().prop_map(|packet| {
        let is_ported = protocol::has_ports(packet.protocol) && packet.has_transport;
        if is_ported && packet.source_port == 0 { Packet { source_port: 1, ..packet } } else { packet }
    })
}

/// Steps of time in milliseconds, never back.
pub fn forward_step() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..100_u64, 4 => 100..1500_u64, 2 => 1500..10_000_u64, 1 => 0..10_000_000_u64]
}
