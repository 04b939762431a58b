//! Where there is no room for another flow, the idlest make it, and nothing is lost.

use std::collections::HashSet;

use flowtrace_flow::{EndReason, Record, Settings, Table};
use flowtrace_wire::{Packet, tcp};
use proptest::prelude::*;

use crate::craft::*;
use crate::kernel::Kernel;
use crate::laws::check_laws;
use crate::traffic::*;

const B: Host = (2, 80);

fn client(port: u16) -> Packet {
    udp((1, port), B)
}

fn small(max_flows: usize) -> Settings {
    Settings { max_flows, ..Settings::default() }
}

/// Ports of the clients of records.
fn ports(records: &[Record]) -> Vec<u16> {
    records.iter().filter_map(|record| record.source.port).collect()
}

#[test]
fn in_a_file_the_idlest_flows_make_room() {
    let script: Vec<_> = (0..33).map(|n| (u64::from(n), client(1000 + n))).collect();
    let (table, records) = play(&small(32), &script);
    assert_eq!((table.open(), ports(&records)), (31, vec![1000, 1001]), "a sixteenth at once");
    assert!(records.iter().all(|record| record.end_reason == EndReason::LackOfResources));
    let mut touched = script.clone();
    touched.insert(32, (31, client(1000)));
    let (_, records) = play(&small(32), &touched);
    assert_eq!(ports(&records), [1001, 1002], "the others had a packet since");
}

#[test]
fn flows_that_began_at_the_same_time_go_in_the_order_in_which_they_began() {
    let script: Vec<_> = (0..321).map(|n| (0, client(2000 - n))).collect();
    assert_eq!(ports(&play(&small(320), &script).1), (1981..=2000).rev().collect::<Vec<_>>());
}

#[test]
fn a_flow_that_made_room_comes_back_in_its_trace() {
    let script = [(0, client(1)), (10, client(2)), (20, client(1)), (30, client(2))];
    let (mut table, mut records) = play(&small(1), &script);
    table.close_all(&mut records);
    assert_eq!(ports(&records), [1, 2, 1, 2]);
    assert_eq!(records.iter().map(|record| record.trace_id).collect::<HashSet<_>>().len(), 2);
    assert_eq!(records.iter().map(|record| record.span_id).collect::<HashSet<_>>().len(), 4);
    assert!(records.iter().all(|record| record.parent_span_id.is_none() && record.forward.packets_total == 1));
    let reset = [(0, tcp((1, 1), B, tcp::RST, 1, 1)), (10, client(2))];
    let (_, records) = play(&small(1), &reset);
    assert_eq!(lines(&records), ["0-0 1/0 end_of_flow_detected"], "an end that was seen stays one");
}

#[test]
fn there_is_room_for_one_flow_at_least() {
    let (mut table, mut records) = play(&small(0), &[(0, client(1)), (0, client(2)), (0, client(1))]);
    assert_eq!(table.open(), 1);
    table.close_all(&mut records);
    assert_eq!(records.len(), 3);
}

/// A host whose kernel has room for so many entries.
struct Watch {
    kernel: Kernel,
    table: Table,
    records: Vec<Record>,
}

impl Watch {
    fn new(settings: &Settings, most: u64, shuffle: u64) -> Self {
        let mut kernel = Kernel::new(settings.timeouts(), shuffle);
        kernel.most = most;
        Self { kernel, table: Table::new(settings.clone()), records: Vec::new() }
    }

    fn packet(&mut self, at: u64, packet: &Packet) {
        self.kernel.packet(BEGIN + at * MILLI, packet);
    }

    fn read(&mut self, at: u64, count: usize) {
        self.kernel.read(BEGIN + at * MILLI, count, &mut self.table, &mut self.records);
    }

    fn scan(&mut self, at: u64) {
        self.kernel.scan(BEGIN + at * MILLI, &mut self.table, &mut self.records);
    }
}

#[test]
fn in_the_kernel_the_idlest_flows_make_room_two_scans_later() {
    let mut watch = Watch::new(&Settings::default(), 100, 1);
    for n in 0..90 {
        watch.packet(u64::from(n) * 100, &client(1000 + n));
    }
    watch.scan(9_000);
    watch.scan(10_000);
    assert_eq!(watch.kernel.flows.len(), 90, "the kernel was told just now");
    watch.scan(11_000);
    let left = watch.kernel.flows.len();
    assert!((75..=80).contains(&left), "{left}");
    assert!(watch.records.iter().all(|record| record.end_reason == EndReason::LackOfResources));
    let mut gone = ports(&watch.records);
    gone.sort_unstable();
    assert_eq!(gone, (1000..1000 + gone.len() as u16).collect::<Vec<_>>(), "the idlest");
    watch.scan(12_000);
    watch.scan(20_000);
    assert_eq!(watch.kernel.flows.len(), left, "then there is room");
}

#[test]
fn a_steady_stream_of_flows_always_finds_room() {
    for (interval, each) in [(100, 100), (1000, 250), (2000, 500)] {
        let mut watch = Watch::new(&Settings::default(), 100, 1);
        let mut most = 0;
        for n in 0..2000_u64 {
            watch.packet(n * each, &client(1000 + n as u16));
            // One that goes on stays.
            watch.packet(n * each, &client(1));
            for at in (n * each..(n + 1) * each).filter(|at| at % interval == 0) {
                watch.scan(at);
            }
            most = most.max(watch.kernel.flows.len());
        }
        assert!((85..100).contains(&most), "{most} entries with scans each {interval} ms");
        let kept = watch.records.iter().filter(|record| record.source.port == Some(1));
        assert!(kept.clone().all(|record| record.end_reason == EndReason::ActiveTimeout));
        assert!(watch.records.len() > 1000 && kept.count() < 50);
    }
}

#[test]
fn a_flow_that_the_kernel_ended_for_lack_of_room_says_so_whenever_it_is_read() {
    for (again, reason) in [(30_000, "lack_of_resources"), (70_000, "idle_timeout")] {
        for shuffle in 0..16 {
            let mut watch = Watch::new(&Settings::default(), 1, shuffle);
            watch.packet(0, &client(1));
            watch.packet(0, &client(2));
            watch.scan(10_000);
            // The kernel knows of the short silence now, this table does not yet. The flow that follows is not of this scan.
            watch.read(10_010, 1);
            watch.packet(again, &client(1));
            for at in 0..4 {
                watch.scan(80_000 + at);
            }
            let first = watch.records.iter().find(|record| record.source.port == Some(1)).map(line);
            assert_eq!(first, Some(format!("0-0 1/0 {reason}")), "{shuffle}");
        }
    }
}

#[test]
fn a_flow_that_waits_for_the_one_before_is_not_closed_for_a_silence_that_holds_no_more() {
    for shuffle in 0..16 {
        let mut watch = Watch::new(&Settings::default(), 1, shuffle);
        let all = usize::MAX;
        watch.packet(0, &client(1));
        watch.read(1_000, all);
        // From now on the kernel ends flows by a short silence: two more begin.
        watch.read(2_000, 0);
        watch.packet(2_500, &client(1));
        watch.packet(3_300, &client(1));
        watch.read(3_400, all);
        watch.read(3_500, all);
        watch.read(3_600, all);
        // The last is over by that silence, but waits for the one before, which is closed now.
        watch.kernel.most = u64::MAX;
        watch.read(4_600, all);
        // Now the silence holds no more.
        watch.read(4_700, 0);
        watch.packet(4_800, &client(1));
        watch.scan(4_900);
        watch.table.close_all(&mut watch.records);
        assert_eq!(watch.records.iter().map(|record| record.forward.packets).sum::<u64>(), 4, "{shuffle}");
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    Packet(Packet),
    Slow(Packet),
    Read(usize),
    Room(u64),
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let read = prop_oneof![3 => Just(usize::MAX), 1 => 1..8_usize];
    let what = prop_oneof![
        8 => distinct_packet().prop_map(Step::Packet),
        2 => distinct_packet().prop_map(Step::Slow),
        5 => read.prop_map(Step::Read),
        1 => prop_oneof![0..12_u64, Just(u64::MAX)].prop_map(Step::Room),
    ];
    let step = prop_oneof![20 => 0..100_u64, 10 => 100..1500_u64, 2 => 1500..10_000_u64];
    prop::collection::vec((step, what), 1..250)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_in_a_file(
        steps in prop::collection::vec((forward_step(), any_packet()), 1..250),
        max_flows in 0..20_usize,
        active in prop::sample::select(vec![SECOND, 3600 * SECOND]),
    ) {
        let settings = Settings { timeouts: TIMEOUTS, max_flows, active, ..Settings::default() };
        let (mut table, mut records, mut time) = (Table::new(settings), Vec::new(), BEGIN);
        for (step, packet) in &steps {
            time += step * MILLI;
            table.packet(time, packet, 0, &mut records);
            assert!(table.open() <= max_flows.max(1));
        }
        table.close_all(&mut records);
        let packets: Vec<_> = steps.iter().map(|(_, packet)| *packet).collect();
        check_laws(&packets, &records);
    }

    #[test]
    fn nor_in_the_kernel(
        steps in steps(),
        most in 0..12_u64,
        shuffle in any::<u64>(),
        active in prop::sample::select(vec![SECOND, 3600 * SECOND]),
    ) {
        let settings = Settings { timeouts: TIMEOUTS, active, ..Settings::default() };
        let mut watch = Watch::new(&settings, most, shuffle);
        let (mut at, mut packets) = (0, Vec::new());
        for (step, what) in &steps {
            at += step;
            match what {
                Step::Packet(packet) => watch.packet(at, packet),
                Step::Slow(packet) => watch.kernel.slow_packet(BEGIN + at * MILLI, packet),
                Step::Read(count) => watch.read(at, *count),
                Step::Room(most) => watch.kernel.most = *most,
            }
            packets.extend(match what {
                Step::Packet(packet) | Step::Slow(packet) => Some(*packet),
                Step::Read(_) | Step::Room(_) => None,
            });
        }
        for n in 0..8 {
            watch.scan(at + 1000 + n);
        }
        watch.table.close_all(&mut watch.records);
        check_laws(&packets, &watch.records);
    }
}
