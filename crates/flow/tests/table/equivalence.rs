//! The same packets, counted in file mode and through the kernel's entries read at arbitrary times, are the same flows.

use std::collections::HashMap;

use flowtrace_abi::Timeouts;
use flowtrace_flow::{Record, Settings, Table};
use flowtrace_wire::{Packet, tcp};
use proptest::prelude::*;

use crate::craft::*;
use crate::kernel::Kernel;
use crate::laws::check_laws;
use crate::traffic::*;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    Packet(Packet),
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
            format!("{times:?} {ends} {forward:?} {reverse:?} {flags} {:?} {ids}", last.end_reason)
        })
        .collect();
    seen.sort_unstable();
    seen
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
        if let Step::Packet(packet) = what {
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

fn by_kernel(settings: &Settings, steps: &[(u64, Step)], finish: Finish, shuffle: u64) -> Vec<Record> {
    let (mut table, mut records, mut time) = (Table::new(settings.clone()), Vec::new(), BEGIN);
    let mut kernel = Kernel::new(settings.timeouts(), shuffle);
    for (step, what) in steps {
        time += step * MILLI;
        match what {
            Step::Packet(packet) => kernel.packet(time, packet),
            Step::Read(count) => kernel.read(time, *count, &mut table, &mut records),
        }
    }
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
    let packet = |step: &(u64, Step)| if let Step::Packet(packet) = step.1 { Some(packet) } else { None };
    steps.iter().filter_map(packet).collect()
}

fn compare(settings: &Settings, steps: &[(u64, Step)], finish: Finish, shuffle: u64) {
    let (file, kernel) = (by_file(settings, steps, finish), by_kernel(settings, steps, finish, shuffle));
    check_laws(&packets(steps), &file);
    check_laws(&packets(steps), &kernel);
    let (file, kernel) = (flows(&file), flows(&kernel));
    let but = |all: &[String], others: &[String]| -> Vec<_> {
        all.iter().filter(|flow| !others.contains(flow)).cloned().collect()
    };
    assert_eq!(but(&file, &kernel), but(&kernel, &file), "file, kernel");
    assert_eq!(file.len(), kernel.len());
}

fn steps(packet: impl Strategy<Value = Packet>) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let read = prop_oneof![Just(usize::MAX), 1..8_usize];
    let what = prop_oneof![4 => packet.prop_map(Step::Packet), 1 => read.prop_map(Step::Read)];
    prop::collection::vec((forward_step(), what), 1..250)
}

fn finish() -> impl Strategy<Value = Finish> {
    prop::sample::select(vec![Finish::Stop, Finish::Silence])
}

fn settings(active: u64) -> Settings {
    Settings { timeouts: TIMEOUTS, active, ..Settings::default() }
}

/// A handshake in the middle of a flow may come before or after its first cut.
fn without_late_handshake() -> impl Strategy<Value = Packet> {
    distinct_packet().prop_map(|packet| Packet { tcp_flags: packet.tcp_flags & !tcp::SYN, ..packet })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scans_change_nothing(steps in steps(distinct_packet()), finish in finish(), shuffle in any::<u64>()) {
        compare(&settings(3_600_000 * SECOND), &steps, finish, shuffle);
    }

    #[test]
    fn nor_do_they_where_flows_are_cut(steps in steps(without_late_handshake()), finish in finish(), shuffle in any::<u64>()) {
        compare(&settings(SECOND), &steps, finish, shuffle);
    }
}

#[test]
fn the_whole_chain_of_generations_can_be_used_up() {
    let timeouts = Timeouts { udp: SECOND, ..TIMEOUTS };
    let settings = Settings { timeouts, ..settings(3600 * SECOND) };
    let mut steps: Vec<_> = (0..300).map(|_| (1000, Step::Packet(udp((1, 50_000), (2, 53))))).collect();
    let records = by_kernel(&settings, &steps, Finish::Silence, 1);
    check_laws(&packets(&steps), &records);
    assert_eq!(records.len(), 256, "without a reading the last generation takes what comes");
    for at in (0..steps.len()).step_by(50) {
        steps.insert(at, (0, Step::Read(usize::MAX)));
    }
    compare(&settings, &steps, Finish::Silence, 1);
}
