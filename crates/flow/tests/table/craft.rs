//! Packets and scripts of packets.

use flowtrace_flow::{End, Record, Settings, Table};
use flowtrace_wire::{Address, Packet, protocol};

/// One second in nanoseconds.
pub const SECOND: u64 = 1_000_000_000;
/// One millisecond in nanoseconds.
pub const MILLI: u64 = 1_000_000;
/// When scripts begin: half an hour into a bucket of an hour.
pub const BEGIN: u64 = 472_222 * 3600 * SECOND + 1800 * SECOND;

/// Host 10.0.0.n and a port.
pub type Host = (u8, u16);

/// An IPv4 packet of 100 bytes.
pub fn packet(from: Host, to: Host, protocol: u8) -> Packet {
    Packet {
        ip_version: 4,
        protocol,
        source: Address::from_v4([10, 0, 0, from.0]),
        destination: Address::from_v4([10, 0, 0, to.0]),
        source_port: from.1,
        destination_port: to.1,
        has_transport: true,
        hop_limit: 64,
        ip_length: 100,
        header_length: 100,
        ..Packet::default()
    }
}

pub fn udp(from: Host, to: Host) -> Packet {
    packet(from, to, protocol::UDP)
}

/// A segment without payload.
pub fn tcp(from: Host, to: Host, tcp_flags: u8, sequence: u32, acknowledgement: u32) -> Packet {
    Packet { tcp_flags, sequence, acknowledgement, window: 1000, ..packet(from, to, protocol::TCP) }
}

/// A segment with payload.
pub fn data(from: Host, to: Host, tcp_flags: u8, sequence: u32, acknowledgement: u32, length: u32) -> Packet {
    Packet { ip_length: 100 + length, ..tcp(from, to, tcp_flags, sequence, acknowledgement) }
}

/// An ICMP message.
pub fn icmp(from: u8, to: u8, icmp_type: u8, icmp_code: u8, icmp_identifier: u16) -> Packet {
    Packet { icmp_type, icmp_code, icmp_identifier, ..packet((from, 0), (to, 0), protocol::ICMP) }
}

/// A later fragment: its ports are not known.
pub fn fragment(from: u8, to: u8, protocol: u8) -> Packet {
    Packet { has_transport: false, ..packet((from, 0), (to, 0), protocol) }
}

/// Plays packets, each at its milliseconds after [`BEGIN`], in file mode.
pub fn play(settings: &Settings, script: &[(u64, Packet)]) -> (Table, Vec<Record>) {
    let mut table = Table::new(settings.clone());
    let mut records = Vec::new();
    for (at, packet) in script {
        table.packet(BEGIN + at * MILLI, packet, 0, &mut records);
    }
    (table, records)
}

/// The same; then lets an hour pass.
pub fn play_out(settings: &Settings, script: &[(u64, Packet)]) -> Vec<Record> {
    let (mut table, mut records) = play(settings, script);
    table.poll(BEGIN + 3600 * SECOND, &mut records);
    assert_eq!(table.open(), 0, "nothing stays open for an hour");
    records
}

/// A record in a line: window in milliseconds, packets each way, end reason.
pub fn line(record: &Record) -> String {
    let (start, end) = (record.start.wrapping_sub(BEGIN) / MILLI, record.end.wrapping_sub(BEGIN) / MILLI);
    let (forward, reverse) = (record.forward.packets, record.reverse.packets);
    format!("{start}-{end} {forward}/{reverse} {}", record.end_reason.name())
}

/// All records, a line each.
pub fn lines(records: &[Record]) -> Vec<String> {
    records.iter().map(line).collect()
}

/// The span id of the first record of a record's flow.
pub fn root(record: &Record) -> [u8; 8] {
    record.parent_span_id.unwrap_or(record.span_id)
}

/// Last octet of the source and of the initiator.
pub fn sides(record: &Record) -> (u8, Option<u8>) {
    let octet = |end: End| {
        let endpoint = if end == End::Source { record.source } else { record.destination };
        match endpoint.address {
            std::net::IpAddr::V4(address) => address.octets()[3],
            std::net::IpAddr::V6(address) => address.octets()[15],
        }
    };
    (octet(End::Source), record.initiator.map(octet))
}
