//! The same packets, counted in file mode and through the kernel's entries read at arbitrary times, are the same flows.

use std::collections::HashMap;

use flowtrace_abi::Timeouts;
use flowtrace_flow::{Handshake, Record, Segments, Settings, Table};
use flowtrace_wire::Packet;
use proptest::prelude::*;

use crate::craft::*;
use crate::kernel::{Kernel, POINT};
use crate::laws::check_laws;
use crate::traffic::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    Packet(Packet),
    /// The same, counted by a CPU that is held up.
    Slow(Packet),
    /// A scan reads up to so many entries.
    Read(usize),
}

/// What must not depend on when anybody looked: a flow in one text.
fn flows(records: &[Record]) -> Vec<String> {
    let mut flows: HashMap<_, Vec<&Record>> = HashMap::new();
    for record in records {
        flows.entry(root(record)).or_default().push(record);
    }
    let mut seen: Vec<_> = flows
        .values()
        .map(|flow| {
            let (first, last) = (flow[0], flow[flow.len() - 1]);
            let sums = |side: fn(&Record) -> (u64, u64)| {
                flow.iter().map(|record| side(record)).fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1))
            };
            let forward = sums(|record| (record.forward.packets, record.forward.bytes));
            let reverse = sums(|record| (record.reverse.packets, record.reverse.bytes));
            let ids = format!("{:02x?} {:02x?}", first.trace_id, first.span_id);
            let ends = format!("{:?} {:?} {:?} {:?}", last.source, last.destination, last.initiator, last.direction);
            let flags = format!(
                "{:?} {:?} {:?} {:?}",
                last.forward.tcp_flags, last.reverse.tcp_flags, last.closed_by, last.failure
            );
            let times = (first.start - BEGIN, last.end - BEGIN);
            let tcp = last.tcp.as_deref().map(|tcp| (order(&tcp.forward), order(&tcp.reverse)));
            let steps = |step: fn(&Handshake) -> Option<u64>| {
                flow.iter().filter_map(|record| step(&record.tcp.as_deref()?.handshake)).collect::<Vec<_>>()
            };
            let shake = (steps(|steps| steps.answer), steps(|steps| steps.confirmation));
            let why = (first.evidence, last.end_reason);
            format!("{times:?} {ends} {forward:?} {reverse:?} {flags} {tcp:?} {shake:?} {why:?} {ids}")
        })
        .collect();
    seen.sort_unstable();
    seen
}

/// Segments that are out of place, and the smoothed round trip.
fn order(segments: &Segments) -> (u64, u64, u64, Option<u64>) {
    let Segments { retransmits, out_of_order, zero_window, round_trip } = segments;
    (retransmits.total, out_of_order.total, zero_window.total, *round_trip)
}

/// How the capture ends.
#[derive(Clone, Copy, Debug)]
enum Finish {
    Stop,
    Silence,
}

fn by_file(settings: &Settings, steps: &[(u64, Step)], finish: Finish) -> Vec<Record> {
    let (mut table, mut records, mut time) = (Table::new(settings.clone()), Vec::new(), BEGIN);
    for (step, what) in steps {
        time += step * MILLI;
        if let Step::Packet(packet) | Step::Slow(packet) = what {
            table.packet(time, packet, 0, &mut records);
        }
    }
    match finish {
        Finish::Stop => table.poll(time, &mut records),
        Finish::Silence => table.poll(time + 3600 * SECOND, &mut records),
    }
    table.close_all(&mut records);
    records
}

/// `points`: those that every packet passes.
fn by_kernel(settings: &Settings, steps: &[(u64, Step)], finish: Finish, shuffle: u64, points: &[u32]) -> Vec<Record> {
    let (mut table, mut records, mut time) = (Table::new(settings.clone()), Vec::new(), BEGIN);
    let mut kernel = Kernel::new(settings.timeouts(), shuffle);
    for (step, what) in steps {
        time += step * MILLI;
        match what {
            Step::Packet(packet) => points.iter().for_each(|&point| kernel.packet_at(time, packet, point)),
            Step::Slow(packet) if points.len() == 1 => kernel.slow_packet(time, packet),
            Step::Slow(packet) => points.iter().for_each(|&point| kernel.packet_at(time, packet, point)),
            Step::Read(count) => kernel.read(time, *count, &mut table, &mut records),
        }
    }
    kernel.catch_up(u64::MAX);
    kernel.scan(time, &mut table, &mut records);
    if matches!(finish, Finish::Silence) {
        for n in 0..1000 {
            kernel.scan(time + 3600 * SECOND + n, &mut table, &mut records);
            if kernel.flows.is_empty() {
                break;
            }
        }
        assert!(kernel.flows.is_empty(), "every entry is deleted in the end");
        assert_eq!(table.open(), 0);
    }
    table.close_all(&mut records);
    records
}

fn packets(steps: &[(u64, Step)]) -> Vec<Packet> {
    let packet = |step: &(u64, Step)| match step.1 {
        Step::Packet(packet) | Step::Slow(packet) => Some(packet),
        Step::Read(_) => None,
    };
    steps.iter().filter_map(packet).collect()
}

fn compare(settings: &Settings, steps: &[(u64, Step)], finish: Finish, shuffle: u64) {
    compare_at(settings, steps, finish, shuffle, &[POINT]);
}

fn compare_at(settings: &Settings, steps: &[(u64, Step)], finish: Finish, shuffle: u64, points: &[u32]) {
    let file = by_file(settings, steps, finish);
    let kernel = by_kernel(settings, steps, finish, shuffle, points);
    check_laws(&packets(steps), &file);
    check_laws(&packets(steps), &kernel);
    let (file, kernel) = (flows(&file), flows(&kernel));
    let but = |all: &[String], others: &[String]| -> Vec<_> {
        all.iter().filter(|flow| !others.contains(flow)).cloned().collect()
    };
    assert_eq!(but(&file, &kernel), but(&kernel, &file), "file, kernel");
    assert_eq!(file.len(), kernel.len());
}

/// `slow`: how many of the packets are counted by a CPU that is held up.
fn steps(packet: impl Strategy<Value = Packet>, slow: f64) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let read = prop_oneof![Just(usize::MAX), 1..8_usize];
    let packet = (packet, prop::bool::weighted(slow))
        .prop_map(|(packet, slow)| if slow { Step::Slow(packet) } else { Step::Packet(packet) });
    let what = prop_oneof![4 => packet, 1 => read.prop_map(Step::Read)];
    prop::collection::vec((forward_step(), what), 1..250)
}

fn finish() -> impl Strategy<Value = Finish> {
    prop::sample::select(vec![Finish::Stop, Finish::Silence])
}

fn settings(active: u64) -> Settings {
    Settings { timeouts: TIMEOUTS, active, ..Settings::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scans_change_nothing(steps in steps(distinct_packet(), 0.1), finish in finish(), shuffle in any::<u64>()) {
        compare(&settings(3_600_000 * SECOND), &steps, finish, shuffle);
    }

    #[test]
    fn nor_do_they_where_flows_are_cut(
        steps in steps(distinct_packet(), 0.0),
        finish in finish(),
        shuffle in any::<u64>(),
        active_jitter in prop::sample::select(vec![0.0, 0.1, 0.9]),
    ) {
        compare(&Settings { active_jitter, ..settings(SECOND) }, &steps, finish, shuffle);
    }

    #[test]
    fn nor_how_many_points_a_packet_passes(
        steps in steps(distinct_packet(), 0.0),
        finish in finish(),
        shuffle in any::<u64>(),
        active in prop::sample::select(vec![SECOND, 3600 * SECOND]),
        points in prop::sample::select(vec![&[POINT, 6][..], &[POINT, 6, 9]]),
    ) {
        compare_at(&settings(active), &steps, finish, shuffle, points);
    }
}

#[test]
fn the_whole_chain_of_generations_can_be_used_up() {
    let timeouts = Timeouts { udp: SECOND, ..TIMEOUTS };
    let settings = Settings { timeouts, ..settings(3600 * SECOND) };
    let mut steps: Vec<_> = (0..300).map(|_| (1000, Step::Packet(udp((1, 50_000), (2, 53))))).collect();
    let records = by_kernel(&settings, &steps, Finish::Silence, 1, &[POINT]);
    check_laws(&packets(&steps), &records);
    assert_eq!(records.len(), 256, "without a reading the last generation takes what comes");
    for at in (0..steps.len()).step_by(50) {
        steps.insert(at, (0, Step::Read(usize::MAX)));
    }
    compare(&settings, &steps, Finish::Silence, 1);
}
