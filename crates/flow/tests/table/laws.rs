//! What holds for every record of every traffic.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use flowtrace_flow::{
    Direction, End, EndReason, Evidence, Packets, Record, Segments, Settings, SourceMode, Table, Tcp, TraceSettings,
};
use flowtrace_wire::{Packet, protocol};
use proptest::prelude::*;

use crate::craft::*;
use crate::traffic::*;

/// Who sent: version, address, protocol, port (where flows have ports).
type Sender = (IpAddr, u8, Option<u16>);
type Sums = HashMap<Sender, (u64, u64)>;

fn add(sums: &mut Sums, sender: Sender, packets: u64, bytes: u64) {
    if packets > 0 {
        let sum = sums.entry(sender).or_default();
        *sum = (sum.0 + packets, sum.1 + bytes);
    }
}

fn sent(packets: &[Packet]) -> Sums {
    let mut sums = Sums::new();
    for packet in packets {
        let address = if packet.ip_version == 4 {
            IpAddr::from(packet.source.v4_octets())
        } else {
            IpAddr::from(packet.source.octets())
        };
        let port = (protocol::has_ports(packet.protocol) && packet.has_transport).then_some(packet.source_port);
        add(&mut sums, (address, packet.protocol, port), 1, u64::from(packet.ip_length));
    }
    sums
}

fn recorded(records: &[Record]) -> Sums {
    let mut sums = Sums::new();
    for record in records {
        let sender = |end: flowtrace_flow::Endpoint| (end.address, record.protocol, end.port);
        add(&mut sums, sender(record.source), record.forward.packets, record.forward.bytes);
        add(&mut sums, sender(record.destination), record.reverse.packets, record.reverse.bytes);
    }
    sums
}

/// Every law that a set of records can be held against; `packets` is what was fed.
pub fn check_laws(packets: &[Packet], records: &[Record]) {
    assert_eq!(sent(packets), recorded(records), "the sum of the records is what was sent, sender by sender");
    let spans: HashSet<_> = records.iter().map(|record| record.span_id).collect();
    assert_eq!(spans.len(), records.len(), "span ids are unique");
    let mut flows: HashMap<_, Vec<&Record>> = HashMap::new();
    for record in records {
        check_record(record);
        flows.entry(root(record)).or_default().push(record);
    }
    for flow in flows.values() {
        check_flow(flow);
    }
}

fn check_record(record: &Record) {
    assert!(record.forward.packets + record.reverse.packets > 0, "no window is empty: {record:?}");
    assert!(record.start <= record.end);
    for side in [&record.forward, &record.reverse] {
        assert_eq!(side.header.is_some(), side.packets > 0, "header values where there are packets");
        if side.tcp_flags.is_some() {
            assert!(record.protocol == protocol::TCP && side.packets_total > 0);
        }
    }
    assert_eq!(record.direction == Direction::Unknown, record.initiator.is_none());
    assert_eq!(record.source.port.is_some(), record.destination.port.is_some());
    if record.failure.is_some() {
        assert!(record.closed_by.is_some());
    }
    assert_eq!(record.initiator.is_none(), record.evidence == Evidence::Nothing);
    assert_eq!(record.tcp.is_some(), record.protocol == protocol::TCP && record.source.port.is_some());
    if let Some(tcp) = &record.tcp {
        check_times(record, tcp);
    }
    if let Some(pair) = record.icmp.filter(|pair| pair.one_way) {
        assert_eq!(record.reverse.packets, 0, "{pair:?} comes from the source");
    }
}

fn check_times(record: &Record, tcp: &Tcp) {
    let sides = (tcp.service.is_some(), tcp.round_trip.is_some());
    match record.direction {
        Direction::Unknown => assert_eq!(sides, (false, false)),
        Direction::Reverse => assert!(!sides.1),
        Direction::Forward => assert!(!sides.0 || tcp.service == tcp.round_trip),
    }
    for (segments, packets) in [(&tcp.forward, record.forward.packets), (&tcp.reverse, record.reverse.packets)] {
        assert!(segments.retransmits.delta + segments.out_of_order.delta <= packets);
        assert!(segments.zero_window.delta <= packets);
    }
    let handshake = &tcp.handshake;
    assert!(handshake.answer.is_some() || handshake.answer_jitter.is_none());
    assert!(handshake.confirmation.is_some() || handshake.confirmation_jitter.is_none());
}

/// Packets of each kind that are out of order, each way.
fn anomalies(record: &Record) -> [Packets; 6] {
    let tcp = record.tcp.as_deref().copied().unwrap_or_default();
    let of = |segments: Segments| [segments.retransmits, segments.out_of_order, segments.zero_window];
    let ([a, b, c], [d, e, f]) = (of(tcp.forward), of(tcp.reverse));
    [a, b, c, d, e, f]
}

fn check_flow(records: &[&Record]) {
    let first = records[0];
    assert_eq!(first.parent_span_id, None, "the root is written first");
    let mut totals = [(0, 0); 2];
    let mut out_of_place = [0; 6];
    let mut end = first.start;
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record.parent_span_id.is_none(), at == 0);
        let same = |record: &Record| {
            (record.trace_id, record.source, record.destination, record.initiator, record.direction, record.icmp)
        };
        assert_eq!(same(record), same(first));
        assert_eq!(record.evidence, first.evidence);
        assert_eq!(record.start, end, "windows tile");
        end = record.end;
        let is_last = at + 1 == records.len();
        assert_eq!(record.end_reason != EndReason::ActiveTimeout, is_last);
        for (side, total) in [&record.forward, &record.reverse].into_iter().zip(&mut totals) {
            *total = (total.0 + side.packets, total.1 + side.bytes);
            assert_eq!((side.packets_total, side.bytes_total), *total, "totals are the sum of the deltas");
        }
        for (packets, total) in anomalies(record).into_iter().zip(&mut out_of_place) {
            *total += packets.delta;
            assert_eq!(packets.total, *total, "totals are the sum of the deltas");
        }
    }
    let steps =
        |step: fn(&Tcp) -> bool| records.iter().filter(|record| record.tcp.as_deref().is_some_and(step)).count();
    assert!(steps(|tcp| tcp.handshake.answer.is_some()) <= 1, "a step of the handshake is in one record");
    assert!(steps(|tcp| tcp.handshake.confirmation.is_some()) <= 1);
}

fn settings(active: u64, source: SourceMode) -> Settings {
    Settings { timeouts: TIMEOUTS, active, source, ..Settings::default() }
}

/// Feeds packets at times; steps may lead anywhere.
fn feed(settings: Settings, local: u8, steps: &[(i128, Packet)], begin: u64, finish: bool) -> Vec<Record> {
    let mut table = Table::new(settings);
    table.set_local_addresses(
        (0..8).filter(|bit| local >> bit & 1 == 1).map(|bit| IpAddr::from([10, 0, 0, bit])).collect(),
    );
    let mut records = Vec::new();
    let mut time = i128::from(begin);
    for (step, packet) in steps {
        time = (time + step).clamp(0, i128::from(u64::MAX));
        table.packet(time as u64, packet, 0, &mut records);
    }
    if finish {
        table.poll(u64::MAX, &mut records);
        assert_eq!(table.open(), 0);
    }
    table.close_all(&mut records);
    assert_eq!(table.open(), 0);
    records
}

fn any_step() -> impl Strategy<Value = i128> {
    prop_oneof![
        6 => (0..2000_i128).prop_map(|millis| millis * 1_000_000),
        2 => Just(0),
        2 => (-3000..10_000_i128).prop_map(|millis| millis * 1_000_000),
        1 => any::<i64>().prop_map(i128::from),
        1 => Just(i128::from(u64::MAX)),
        1 => Just(-i128::from(u64::MAX)),
    ]
}

fn mode() -> impl Strategy<Value = SourceMode> {
    prop::sample::select(vec![SourceMode::Initiator, SourceMode::Local])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_for_traffic_in_order(
        steps in prop::collection::vec((forward_step().prop_map(|millis| i128::from(millis * MILLI)), any_packet()), 1..200),
        active in prop::sample::select(vec![0, SECOND / 4, SECOND, 3600 * SECOND]),
        source in mode(),
        local in 0..16_u8,
        finish in any::<bool>(),
    ) {
        let packets: Vec<_> = steps.iter().map(|(_, packet)| *packet).collect();
        let records = feed(settings(active, source), local, &steps, BEGIN, finish);
        check_laws(&packets, &records);
    }

    #[test]
    fn in_a_file_the_records_are_the_same_whatever_the_poll_interval(
        steps in prop::collection::vec((forward_step(), any_packet(), prop::collection::vec(0..1000_u64, 0..4)), 1..150),
        active in prop::sample::select(vec![SECOND, 3600 * SECOND]),
        max_flows in prop::sample::select(vec![5, 1000]),
    ) {
        let settings = Settings { max_flows, ..settings(active, SourceMode::Initiator) };
        let run = |polls: bool| {
            let (mut table, mut records, mut time) = (Table::new(settings.clone()), Vec::new(), BEGIN);
            for (step, packet, between) in &steps {
                let mut between: Vec<_> = between.iter().map(|share| time + step * MILLI * share / 1000).collect();
                between.sort_unstable();
                for at in between.into_iter().filter(|_| polls) {
                    table.poll(at, &mut records);
                }
                time += step * MILLI;
                table.packet(time, packet, 0, &mut records);
            }
            table.close_all(&mut records);
            records
        };
        assert_eq!(run(true), run(false));
    }

    #[test]
    fn the_laws_hold_whatever_time_does(
        steps in prop::collection::vec((any_step(), any_packet()), 1..200),
        active in prop::sample::select(vec![0, SECOND, u64::MAX]),
        window in prop::sample::select(vec![0, SECOND, 3600 * SECOND, u64::MAX]),
        begin in prop::sample::select(vec![0, BEGIN, u64::MAX]),
        finish in any::<bool>(),
    ) {
        let packets: Vec<_> = steps.iter().map(|(_, packet)| *packet).collect();
        let trace = TraceSettings { window, ..TraceSettings::default() };
        let records = feed(Settings { trace, ..settings(active, SourceMode::Initiator) }, 2, &steps, begin, finish);
        check_laws(&packets, &records);
    }

    #[test]
    fn timeouts_of_any_size_do_no_harm(
        steps in prop::collection::vec((any_step(), any_packet()), 1..60),
        timeout in prop::sample::select(vec![0, 1, SECOND, u64::MAX]),
        linger in prop::sample::select(vec![0, 1, SECOND, u64::MAX]),
    ) {
        let packets: Vec<_> = steps.iter().map(|(_, packet)| *packet).collect();
        let timeouts = flowtrace_abi::Timeouts {
            tcp: timeout, tcp_fin: linger, tcp_rst: linger, udp: timeout, icmp: timeout, generic: timeout,
            evidence: u64::MAX,
        };
        let records = feed(Settings { timeouts, ..settings(SECOND, SourceMode::Initiator) }, 0, &steps, BEGIN, false);
        check_laws(&packets, &records);
    }
}

#[test]
fn the_initiator_is_the_source_unless_the_local_end_is_asked_for() {
    let packets = [(0, udp((1, 50_000), (2, 53))), (0, udp((3, 53), (1, 50_001)))];
    let records = feed(settings(SECOND, SourceMode::Initiator), 0, &packets, BEGIN, true);
    assert!(records.iter().all(|record| record.initiator == Some(End::Source)));
    let records = feed(settings(SECOND, SourceMode::Local), 0b1100, &packets, BEGIN, true);
    assert!(records.iter().all(|record| record.initiator == Some(End::Destination)));
}
