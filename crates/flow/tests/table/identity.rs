//! Which trace a flow is of, and which span a record is.

use std::collections::HashSet;
use std::net::IpAddr;

use flowtrace_flow::{Record, Settings, Socket, Table, TraceSettings};
use flowtrace_wire::{Address, Packet, protocol, tcp};

use crate::craft::*;

const A: Host = (1, 50_000);
const B: Host = (2, 80);
const HOUR: u64 = 3_600_000;

fn traces(records: &[Record]) -> usize {
    records.iter().map(|record| record.trace_id).collect::<HashSet<_>>().len()
}

fn spans(records: &[Record]) -> usize {
    records.iter().map(|record| record.span_id).collect::<HashSet<_>>().len()
}

fn run(script: &[(u64, Packet)]) -> Vec<Record> {
    let (mut table, mut records) = play(&Settings::default(), script);
    table.close_all(&mut records);
    assert_eq!(spans(&records), records.len(), "span ids are unique");
    records
}

#[test]
fn a_flow_that_comes_back_is_of_the_same_trace_for_an_hour_after_its_end() {
    let ack = tcp(A, B, tcp::ACK, 1, 1);
    let syn = tcp(A, B, tcp::SYN, 1, 0);
    let other = tcp(A, B, tcp::SYN, 900, 0);
    let (udp, echo) = (udp(A, B), icmp(1, 2, 8, 0, 7));
    let table = [
        ("UDP", vec![(0, udp), (100_000, udp), (200_000, udp)], 1),
        ("across the edge of a bucket", vec![(0, udp), (HOUR - 1, udp), (2 * HOUR - 2, udp)], 1),
        ("too late", vec![(0, udp), (HOUR, udp)], 2),
        ("echo", vec![(0, echo), (HOUR - 1, echo)], 1),
        ("TCP after its handshake", vec![(0, syn), (HOUR - 1, ack)], 1),
        ("TCP without one", vec![(0, ack), (HOUR - 1, ack)], 1),
        ("the same SYN again", vec![(0, syn), (HOUR * 5, syn)], 1),
        ("another SYN", vec![(0, syn), (100_000, other)], 2),
        ("a SYN on ends without one", vec![(0, ack), (100_000, syn)], 2),
        ("after an end nothing comes back", vec![(0, syn), (1, tcp(B, A, tcp::RST, 0, 2)), (100_000, ack)], 2),
    ];
    for (name, script, expected) in table {
        assert_eq!(traces(&run(&script)), expected, "{name}");
    }
}

#[test]
fn connections_that_take_turns_keep_their_traces_and_never_repeat_a_span() {
    let syn = |sequence| tcp(A, B, tcp::SYN, sequence, 0);
    let script = [(0, syn(7)), (100_000, syn(9)), (200_000, syn(7)), (300_000, syn(9)), (400_000, syn(7))];
    let records = run(&script);
    assert_eq!((records.len(), traces(&records)), (5, 2));
}

#[test]
fn a_file_that_is_played_twice_repeats_its_traces_but_no_span() {
    let script: Vec<_> = (0..20).map(|n| (n * 1000, udp((1, 1000 + n as u16), B))).collect();
    let twice: Vec<_> = script.iter().chain(&script).map(|&(at, packet)| (at, packet)).collect();
    let apart: Vec<_> =
        script.iter().copied().chain(script.iter().map(|&(at, packet)| (at + 500_000, packet))).collect();
    assert_eq!(traces(&run(&twice)), 20);
    assert_eq!(traces(&run(&apart)), 20);
}

#[test]
fn time_that_falls_back_by_hours_repeats_no_span() {
    let packet = udp(A, B);
    let other = udp((3, 1), B);
    run(&[
        (0, packet),
        (100_000, other),
        (4 * HOUR, packet),
        (5 * HOUR, other),
        (0, packet),
        (100_000, other),
        (0, packet),
    ]);
}

#[test]
fn messages_between_the_same_hosts_share_a_trace_but_no_orientation() {
    let script = [
        (0, icmp(1, 2, 3, 1, 0)),
        (20_000, icmp(2, 1, 3, 1, 0)),
        (40_000, icmp(1, 2, 11, 0, 0)),
        (60_000, icmp(1, 2, 8, 0, 0)),
        (80_000, icmp(2, 1, 8, 0, 0)),
    ];
    let records = run(&script);
    assert_eq!(traces(&records), 1);
    let seen: Vec<_> = records.iter().map(|record| (sides(record).0, record.icmp.map(|pair| pair.source))).collect();
    assert_eq!(seen, [(1, Some(3)), (2, Some(3)), (1, Some(11)), (1, Some(8)), (2, Some(8))]);
    assert!(records.iter().all(|record| record.forward.packets == 1), "the sender of a message is its source");
}

#[test]
fn flows_that_look_alike_to_the_hash_have_spans_of_their_own() {
    let mapped = |octet: u8| Address::from_v6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, octet]);
    let v6 = Packet { ip_version: 6, source: mapped(1), destination: mapped(2), ..udp(A, B) };
    let records = run(&[(0, udp(A, B)), (1, v6)]);
    assert_eq!((records.len(), traces(&records)), (2, 1));
    let records = run(&[(0, udp((1, 0), (2, 0))), (1, fragment(1, 2, protocol::UDP))]);
    assert_eq!((records.len(), traces(&records)), (2, 1));
}

#[test]
fn generations_count_flows_in_the_order_in_which_they_began() {
    // The first flow outlives the second: that it is written later does not matter.
    let long = [(0, icmp(1, 2, 3, 1, 0)), (1_000, icmp(1, 2, 3, 3, 0)), (9_000, icmp(1, 2, 3, 1, 0))];
    let short = [(0, icmp(1, 2, 3, 1, 0)), (1_000, icmp(1, 2, 3, 3, 0))];
    let id = |script: &[(u64, Packet)], code| {
        let records = play_out(&Settings::default(), script);
        records
            .iter()
            .find(|record| record.icmp.is_some_and(|pair| pair.destination == code))
            .map(|record| record.span_id)
    };
    assert!(id(&long, 1).is_some());
    assert_eq!(id(&long, 1), id(&short, 1));
    assert_eq!(id(&long, 3), id(&short, 3));
}

#[test]
fn the_memory_of_ended_flows_is_bounded() {
    let settings = Settings { identities: 100, ..Settings::default() };
    let flows = |from: u64, count: u64| (0..count).map(move |n| (from + n, udp((1, 1000 + n as u16), B)));
    let few: Vec<_> = flows(0, 100).chain(flows(100_000, 100)).collect();
    assert_eq!(traces(&play_out(&settings, &few)), 100);
    let none = Settings { identities: 0, ..Settings::default() };
    let across: Vec<_> = flows(1_799_000, 10).chain(flows(1_860_000, 10)).collect();
    assert_eq!(traces(&play_out(&none, &across)), 20, "nothing is remembered: the bucket decides");
    assert_eq!(traces(&play_out(&settings, &across)), 10);
}

#[test]
fn observers_have_spans_of_their_own_in_the_same_trace() {
    let of = |observer: &str| {
        let settings = Settings { observer: observer.to_owned(), ..Settings::default() };
        play_out(&settings, &[(0, udp(A, B))]).remove(0)
    };
    assert_eq!(of("a").trace_id, of("b").trace_id);
    assert_ne!(of("a").span_id, of("b").span_id);
}

/// Computed by an implementation of SipHash-2-4-128 of its own, from the text of the semantics.
#[test]
fn published_vectors() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let ids = |record: &Record| [hex(&record.trace_id), hex(&record.span_id)];
    let settings = Settings { active: SECOND, active_jitter: 0.0, ..Settings::default() };
    let segment = |flags| tcp(A, B, flags, 100, 1);
    let records = play_out(&settings, &[(0, segment(tcp::SYN)), (900, segment(tcp::ACK)), (1100, segment(tcp::ACK))]);
    assert_eq!(ids(&records[0]), ["1d75d3309556f4ae2d06b2115478b770", "13329da8d5686c26"]);
    assert_eq!(ids(&records[1]), ["1d75d3309556f4ae2d06b2115478b770", "3e8a198aba4fe305"], "the second record");
    let records = play_out(&settings, &[(0, udp(A, (2, 53))), (100_000, udp(A, (2, 53)))]);
    assert_eq!(ids(&records[0]), ["cd265ecd6a72ccfba88ee66876021cb1", "883d6de0a12fc920"]);
    assert_eq!(ids(&records[1]), ["cd265ecd6a72ccfba88ee66876021cb1", "34b5247eccf9c156"], "the second flow");
    let key = std::array::from_fn(|at| at as u8);
    let trace = TraceSettings { key, ..TraceSettings::default() };
    let settings = Settings { observer: "node-1".to_owned(), trace, ..settings };
    let records = play_out(&settings, &[(0, icmp(2, 1, 8, 0, 7))]);
    assert_eq!(ids(&records[0]), ["3f06973f5afa99bb2d6e608f8a0a2fc5", "d5582a08bc48e946"]);
}

/// A host of which every connection to port 80 is open.
struct Open;

impl flowtrace_flow::Host for Open {
    fn listens(&self, _: u8, _: Socket, _: u64, _: u64) -> bool {
        false
    }

    fn has_open(&self, ends: [Socket; 2]) -> bool {
        ends.iter().any(|end| end.1 == 80)
    }
}

#[test]
fn a_connection_that_a_socket_here_has_open_is_one_trace_however_long_it_is_silent() {
    let ack = |from, to| tcp(from, to, tcp::ACK, 1, 1);
    let handshake = |to| [tcp(A, to, tcp::SYN, 7, 0), tcp(to, A, tcp::SYN | tcp::ACK, 9, 8), ack(A, to)];
    let elsewhere = (2, 81);
    // Whether 10.0.0.1 is this host; first packets, those that come hours later: traces.
    let table = [
        ("it is open", true, handshake(B).to_vec(), ack(A, B), 1),
        ("not on this host", false, handshake(B).to_vec(), ack(A, B), 2),
        ("it is not open", true, handshake(elsewhere).to_vec(), ack(A, elsewhere), 2),
        ("nobody answered", true, handshake(B)[..1].to_vec(), ack(A, B), 2),
        ("it was not TCP", true, vec![udp(A, B)], udp(A, B), 2),
        ("another connection", true, handshake(B).to_vec(), tcp(A, B, tcp::SYN, 900, 0), 2),
        ("it was reset", true, vec![ack(A, B), tcp(B, A, tcp::RST, 1, 1)], ack(A, B), 2),
    ];
    for (name, is_here, first, later, expected) in table {
        let mut kernel = crate::kernel::Kernel::new(Settings::default().timeouts(), 1);
        let (mut table, mut records) = (Table::new(Settings::default()), Vec::new());
        table.set_host(Box::new(Open));
        let local = if is_here { vec![IpAddr::from([10, 0, 0, 1])] } else { Vec::new() };
        table.set_local_addresses(local.into_iter().collect());
        for (n, packet) in (0..).zip(&first) {
            kernel.packet(BEGIN + n * MILLI, packet);
        }
        for minute in 1..300 {
            kernel.scan(BEGIN + minute * 60 * SECOND, &mut table, &mut records);
        }
        kernel.packet(BEGIN + 5 * HOUR * MILLI, &later);
        for minute in 0..5 {
            kernel.scan(BEGIN + 5 * HOUR * MILLI + minute * 60 * SECOND, &mut table, &mut records);
        }
        assert_eq!((records.len(), traces(&records), spans(&records)), (2, expected, 2), "{name}");
    }
}
