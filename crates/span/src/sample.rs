//! Records for tests.

use flowtrace_flow::{Direction, End, EndReason, Endpoint, Failure, HeaderValues, IcmpPair, Interface, Record, Side};

/// A TCP record between two addresses, initiator seen, nothing failed.
pub fn between(source: &str, destination: &str) -> Record {
    let source: std::net::IpAddr = source.parse().unwrap();
    Record {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: None,
        start: 1_700_000_000_000_000_000,
        end: 1_700_000_001_000_000_000,
        end_reason: EndReason::IdleTimeout,
        ip_version: if source.is_ipv6() { 6 } else { 4 },
        protocol: 6,
        source: Endpoint { address: source, port: Some(54211) },
        destination: Endpoint { address: destination.parse().unwrap(), port: Some(443) },
        initiator: Some(End::Source),
        direction: Direction::Forward,
        forward: side(10, 1024, 0xb9, Some(0x12)),
        reverse: Side::default(),
        interface: None,
        closed_by: None,
        failure: None,
        icmp: None,
    }
}

/// One direction, first window.
pub fn side(packets: u64, bytes: u64, traffic_class: u8, tcp_flags: Option<u8>) -> Side {
    Side {
        packets,
        bytes,
        packets_total: packets,
        bytes_total: bytes,
        header: Some(HeaderValues { hop_limit: 64, traffic_class, flow_label: 0, icmp_type: 0, icmp_code: 0 }),
        tcp_flags,
    }
}

/// An ICMP echo in both directions.
pub fn echo(source: &str, destination: &str) -> Record {
    let mut record = between(source, destination);
    let v6 = record.ip_version == 6;
    let (request, reply) = if v6 { (128, 129) } else { (8, 0) };
    record.protocol = if v6 { 58 } else { 1 };
    record.source.port = None;
    record.destination.port = None;
    record.forward = side(1, 84, 0, None);
    record.reverse = side(1, 84, 0, None);
    for (side, icmp_type) in [(&mut record.forward, request), (&mut record.reverse, reply)] {
        side.header = side.header.map(|values| HeaderValues { icmp_type, ..values });
    }
    record.icmp = Some(IcmpPair { source: request, destination: reply, one_way: false });
    record
}

/// Records that between them have a value for every attribute that has a source.
pub fn everything() -> Vec<Record> {
    let mut refused = between("10.1.1.5", "10.1.2.10");
    refused.reverse = side(1, 40, 0b10, Some(0x14));
    refused.failure = Some(Failure::Refused);
    refused.closed_by = Some(End::Destination);
    let mac = Some([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    refused.interface = Some(Interface { index: Some(2), name: Some("eth0".into()), mac });
    let mut labelled = between("2001:db8::1", "2001:db8::2");
    labelled.reverse = side(1, 60, 0, Some(0x12));
    for side in [&mut labelled.forward, &mut labelled.reverse] {
        side.header = side.header.map(|values| HeaderValues { flow_label: 0xabcde, ..values });
    }
    let mut unreachable = echo("10.0.0.1", "10.0.0.2");
    for side in [&mut unreachable.forward, &mut unreachable.reverse] {
        side.header = side.header.map(|values| HeaderValues { icmp_type: 3, icmp_code: 1, ..values });
    }
    vec![refused, labelled, unreachable, echo("fe80::1", "fe80::2")]
}
