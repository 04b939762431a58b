//! Times of TCP connections: handshakes, questions and answers, and the order of segments.

use std::net::IpAddr;

use flowtrace_flow::{Handshake, Host, Latency, Packets, Record, Settings, Socket, SourceMode, Table, Tcp};
use flowtrace_wire::{Packet, tcp::*};
use proptest::prelude::*;

use crate::craft::*;
use crate::kernel::Kernel;

const A: crate::craft::Host = (1, 50_000);
const B: crate::craft::Host = (2, 80);
const DATA: u8 = PSH | ACK;

fn settings(active: u64) -> Settings {
    Settings { active: active * MILLI, active_jitter: 0.0, ..Settings::default() }
}

/// What the records of these packets say about TCP.
fn tcp_of(settings: &Settings, script: &[(u64, Packet)]) -> Vec<Tcp> {
    play_out(settings, script).into_iter().map(|record| *record.tcp.expect("TCP with ports")).collect()
}

fn up(flags: u8, sequence: u32, acknowledgement: u32, length: u32) -> Packet {
    data(A, B, flags, sequence, acknowledgement, length)
}

fn down(flags: u8, sequence: u32, acknowledgement: u32, length: u32) -> Packet {
    data(B, A, flags, sequence, acknowledgement, length)
}

/// A handshake: SYN at 0, SYN-ACK at 30, its acknowledgement at 45.
fn open() -> Vec<(u64, Packet)> {
    vec![(0, up(SYN, 100, 0, 0)), (30, down(SYN | ACK, 500, 101, 0)), (45, up(ACK, 101, 501, 0))]
}

/// Questions at some times, with answers at others.
fn talk(exchanges: &[(u64, u64)]) -> Vec<(u64, Packet)> {
    let mut script = open();
    for (n, &(asked, answered)) in (0_u32..).zip(exchanges) {
        script.push((asked, up(DATA, 101 + n * 10, 501 + n * 20, 10)));
        script.push((answered, down(DATA, 501 + n * 20, 111 + n * 10, 20)));
    }
    script
}

fn millis(latency: Option<Latency>) -> Option<(u64, u64)> {
    latency.map(|latency| (latency.mean / MILLI, latency.jitter / MILLI))
}

#[test]
fn steps_of_the_handshake_are_in_the_record_of_their_window() {
    let (syn, answer, ack) = (up(SYN, 100, 0, 0), down(SYN | ACK, 500, 101, 0), up(ACK, 101, 501, 0));
    // Answer and confirmation of each record, in milliseconds.
    type Row = (&'static str, Vec<(u64, Packet)>, Vec<(Option<u64>, Option<u64>)>);
    let table: [Row; 9] = [
        ("in one window", open(), vec![(Some(30), Some(15))]),
        ("SYN again", vec![(0, syn), (1000, syn), (1030, answer), (1045, ack)], vec![(Some(1030), Some(15))]),
        ("SYN-ACK again", vec![(0, syn), (30, answer), (1030, answer), (1045, ack)], vec![(Some(30), Some(1015))]),
        ("the SYN was not seen", vec![(0, answer), (15, ack)], vec![(None, Some(15))]),
        ("nor the SYN-ACK", vec![(0, syn), (15, ack)], vec![(None, None)]),
        ("nobody answers", vec![(0, syn)], vec![(None, None)]),
        ("refused", vec![(0, syn), (5, down(RST | ACK, 0, 101, 0))], vec![(None, None)]),
        (
            "each in a window of its own",
            vec![(0, syn), (9_500, syn), (10_100, answer), (19_900, answer), (20_100, ack), (20_200, ack)],
            vec![(None, None), (Some(10_100), None), (None, Some(10_000))],
        ),
        (
            "not said again",
            [open(), vec![(9_500, ack), (10_500, ack)]].concat(),
            vec![(Some(30), Some(15)), (None, None)],
        ),
    ];
    for (name, script, expected) in table {
        let said =
            |steps: Handshake| (steps.answer.map(|took| took / MILLI), steps.confirmation.map(|took| took / MILLI));
        let seen: Vec<_> = tcp_of(&settings(10_000), &script).iter().map(|tcp| said(tcp.handshake)).collect();
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn a_handshake_differs_from_the_one_before_to_the_same_server() {
    const HOUR: u64 = 3_600_000;
    let shake = |at: u64, client: crate::craft::Host, server: crate::craft::Host, answer: u64, confirmation: u64| {
        let sequence = at as u32;
        [
            (at, tcp(client, server, SYN, sequence, 0)),
            (at + answer, tcp(server, client, SYN | ACK, 500, sequence + 1)),
            (at + answer + confirmation, tcp(client, server, ACK, sequence + 1, 501)),
        ]
    };
    let script = [
        shake(0, (1, 50_000), B, 30, 15),
        shake(1_000, (1, 50_001), B, 37, 13),
        shake(2_000, (3, 50_000), B, 90, 5),
        shake(3_000, (1, 50_002), (2, 81), 90, 5),
        shake(4_000, (1, 50_003), (4, 80), 90, 5),
        shake(5_000, (1, 50_004), B, 30, 15),
        shake(5_000 + HOUR, (1, 50_005), B, 30, 15),
        shake(5_000 + 2 * HOUR - 1, (1, 50_006), B, 30, 14),
    ];
    let run = |settings: &Settings| {
        let (mut table, mut records) = play(settings, script.as_flattened());
        table.close_all(&mut records);
        records
    };
    let records = run(&Settings::default());
    let seen: Vec<_> = records.iter().map(|record| record.tcp.as_ref().unwrap().handshake).collect();
    let jitter = |steps: &Handshake| {
        (steps.answer_jitter.map(|took| took / MILLI), steps.confirmation_jitter.map(|took| took / MILLI))
    };
    let expected = [
        (None, None),
        (Some(7), Some(2)),
        (None, None),
        (None, None),
        (None, None),
        (Some(7), Some(2)),
        (None, None),
        (Some(0), Some(1)),
    ];
    assert_eq!(seen.iter().map(jitter).collect::<Vec<_>>(), expected);
    let none = run(&Settings { identities: 0, ..Settings::default() });
    assert!(none.iter().all(|record| record.tcp.as_ref().unwrap().handshake.answer_jitter.is_none()));
}

/// Ports and handshakes of all flows.
fn handshakes(records: &[Record]) -> Vec<(u16, Handshake)> {
    let of = |record: &Record| Some((record.source.port?, record.tcp.as_ref()?.handshake));
    let mut all: Vec<_> = records.iter().filter_map(of).collect();
    all.sort_by_key(|(port, _)| *port);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn live_handshakes_are_compared_in_the_order_in_which_they_were_made(
        shakes in prop::collection::vec((0..6_000_u64, 1..500_u64, 1..500_u64), 1..40),
        scans in prop::collection::vec((1..1000_u64, 1..50_usize), 20..60),
        shuffle in any::<u64>(),
    ) {
        // No two at the same nanosecond.
        let mut script: Vec<_> = shakes.iter().enumerate().flat_map(|(n, &(at, answer, confirmation))| {
            let client = (1, 1000 + n as u16);
            let begin = BEGIN + at * MILLI + n as u64;
            [
                (begin, tcp(client, B, SYN, 1, 0)),
                (begin + answer * MILLI, tcp(B, client, SYN | ACK, 5, 2)),
                (begin + (answer + confirmation) * MILLI, tcp(client, B, ACK, 2, 6)),
            ]
        }).collect();
        script.sort_by_key(|(time, _)| *time);
        let settings = Settings::default();
        let (mut table, mut expected) = (Table::new(settings.clone()), Vec::new());
        for (time, packet) in &script {
            table.packet(*time, packet, 0, &mut expected);
        }
        table.close_all(&mut expected);

        let mut kernel = Kernel::new(settings.timeouts(), shuffle);
        let (mut table, mut records, mut packets) = (Table::new(settings), Vec::new(), script.iter().peekable());
        let mut now = BEGIN;
        for (step, count) in scans {
            now += step * MILLI;
            while let Some((time, packet)) = packets.next_if(|(time, _)| *time <= now) {
                kernel.packet(*time, packet);
            }
            kernel.read(now, count, &mut table, &mut records);
        }
        for (time, packet) in packets {
            kernel.packet(*time, packet);
        }
        for end in [8_000, 9_000] {
            kernel.scan(BEGIN + end * MILLI, &mut table, &mut records);
        }
        table.close_all(&mut records);
        prop_assert_eq!(handshakes(&records), handshakes(&expected));
    }
}

#[test]
fn questions_and_answers_are_timed_without_the_pause_to_think() {
    type Row = (&'static str, Vec<(u64, Packet)>, Vec<Option<(u64, u64)>>);
    let table: [Row; 8] = [
        ("no question", open(), vec![None]),
        ("one", talk(&[(1000, 1020)]), vec![Some((20, 0))]),
        ("two, a second apart", talk(&[(1000, 1020), (2000, 2050)]), vec![Some((35, 30))]),
        ("three", talk(&[(1000, 1020), (2000, 2050), (3000, 3020)]), vec![Some((30, 30))]),
        ("no answer", [open(), vec![(1000, up(DATA, 101, 501, 10))]].concat(), vec![None]),
        (
            "a question of two segments, an answer of two",
            [
                open(),
                vec![
                    (1000, up(ACK, 101, 501, 10)),
                    (1005, up(DATA, 111, 501, 10)),
                    (1025, down(ACK, 501, 121, 10)),
                    (1040, down(DATA, 511, 121, 10)),
                ],
            ]
            .concat(),
            vec![Some((20, 0))],
        ),
        (
            "the first sample of a window differs from the last of the one before",
            talk(&[(1000, 1020), (9_500, 9_530), (10_100, 10_150), (19_500, 19_550), (21_000, 21_010)]),
            vec![Some((25, 10)), Some((50, 10)), Some((10, 40))],
        ),
        (
            "a window without one",
            [talk(&[(1000, 1020)]), vec![(9_900, up(ACK, 111, 521, 0)), (10_100, up(ACK, 111, 521, 0))]].concat(),
            vec![Some((20, 0)), None],
        ),
    ];
    for (name, script, expected) in table {
        let records = tcp_of(&settings(10_000), &script);
        let seen: Vec<_> = records.iter().map(|tcp| millis(tcp.round_trip)).collect();
        assert_eq!(seen, expected, "{name}");
        assert!(records.iter().all(|tcp| tcp.service.is_none()), "{name}");
    }
}

/// The record of these packets where a host with these addresses sees them.
fn seen_by(local: &[u8], source: SourceMode, host: Box<dyn Host>, script: &[(u64, Packet)]) -> Record {
    let mut table = Table::new(Settings { source, ..Settings::default() });
    table.set_local_addresses(local.iter().map(|&octet| IpAddr::from([10, 0, 0, octet])).collect());
    table.set_host(host);
    let mut records = Vec::new();
    for (at, packet) in script {
        table.packet(BEGIN + at * MILLI, packet, 0, &mut records);
    }
    table.close_all(&mut records);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn whose_side_sees_what() {
    let script = talk(&[(1000, 1020)]);
    let sample = Some((20, 0));
    // This host's addresses: time to answer, time there and back.
    let table: [(&[u8], _, _); 4] =
        [(&[], None, sample), (&[1], None, sample), (&[2], sample, None), (&[1, 2], sample, sample)];
    for (local, service, round_trip) in table {
        for source in [SourceMode::Initiator, SourceMode::Local] {
            let tcp = seen_by(local, source, Box::new(()), &script).tcp.unwrap();
            assert_eq!((millis(tcp.service), millis(tcp.round_trip)), (service, round_trip), "{local:?}");
        }
    }
}

/// A socket that listens at the end (1, 50000).
struct Listening;

impl Host for Listening {
    fn listens(&self, _: u8, (address, port): Socket, _: u64, _: u64) -> bool {
        address == IpAddr::from([10, 0, 0, 1]) && port == 50_000
    }

    fn has_open(&self, _: [Socket; 2]) -> bool {
        false
    }
}

#[test]
fn without_a_handshake_questions_come_from_the_larger_port_or_are_not_known() {
    let without_handshake = &talk(&[(1000, 1020), (2000, 2030)])[3..];
    let times = |host, script: &[(u64, Packet)]| {
        let record = seen_by(&[], SourceMode::Initiator, host, script);
        millis(record.tcp.unwrap().round_trip)
    };
    assert_eq!(times(Box::new(()), without_handshake), Some((25, 10)));
    assert_eq!(times(Box::new(Listening), without_handshake), None, "the other end asked");
    let unknown: Vec<_> = without_handshake
        .iter()
        .map(|&(at, packet)| {
            let port = |port| if port == 50_000 { 5_000 } else { port };
            let (source_port, destination_port) = (port(packet.source_port), port(packet.destination_port));
            (at, Packet { source_port, destination_port, ..packet })
        })
        .collect();
    assert_eq!(times(Box::new(()), &unknown), None, "nobody knows who asked");
}

#[test]
fn segments_out_of_place_are_counted_each_way_in_their_window() {
    let mut script = talk(&[(1000, 1020)]);
    script.extend([
        (1100, up(DATA, 101, 501, 10)),
        (9_900, Packet { window: 0, ..down(ACK, 521, 111, 0) }),
        (10_100, up(DATA, 101, 501, 10)),
        (10_200, down(DATA, 621, 111, 10)),
        (10_201, down(DATA, 521, 111, 100)),
        (10_300, up(ACK, 111, 631, 0)),
    ]);
    let count = |delta, total| Packets { delta, total };
    let seen = tcp_of(&settings(10_000), &script);
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].forward.retransmits, seen[1].forward.retransmits), (count(1, 1), count(1, 2)));
    assert_eq!((seen[0].reverse.out_of_order, seen[1].reverse.out_of_order), (count(0, 0), count(1, 1)));
    assert_eq!((seen[0].reverse.zero_window, seen[1].reverse.zero_window), (count(1, 1), count(0, 1)));
    assert_eq!((seen[1].reverse.retransmits, seen[1].forward.out_of_order), (count(0, 0), count(0, 0)));
    let round_trips: Vec<_> = seen.iter().map(|tcp| (tcp.forward.round_trip, tcp.reverse.round_trip)).collect();
    assert_eq!(round_trips[0], (Some(20 * MILLI), None), "the answer acknowledges the question");
    // The same from the other side.
    let record = seen_by(&[2], SourceMode::Local, Box::new(()), &script);
    let tcp = record.tcp.unwrap();
    assert_eq!((tcp.reverse.retransmits, tcp.forward.out_of_order), (count(2, 2), count(1, 1)));
    assert_eq!(tcp.reverse.round_trip, Some(20 * MILLI));
}

#[test]
fn only_tcp_with_ports_has_times() {
    for packet in [udp(A, B), icmp(1, 2, 8, 0, 7), fragment(1, 2, flowtrace_wire::protocol::TCP)] {
        assert_eq!(play_out(&Settings::default(), &[(0, packet)])[0].tcp, None);
    }
}
