//! Reading by reading: when a flow is written and when its entry may go.

use flowtrace_abi::{FlowEntry, FlowKey, Rival, Segments, Tally, Timeouts, Transactions, state};
use flowtrace_flow::{Clock, Record, Settings, Table, Verdict};
use flowtrace_wire::{Packet, tcp};

use crate::craft::*;
use crate::kernel::{BOOT, Kernel};

const A: Host = (1, 50_000);
const B: Host = (2, 80);

/// A host with its kernel; times are milliseconds after [`BEGIN`].
struct Watch {
    kernel: Kernel,
    table: Table,
    records: Vec<Record>,
}

impl Watch {
    fn new(active: u64) -> Self {
        let settings = Settings { active: active * SECOND, active_jitter: 0.0, ..Settings::default() };
        Self { kernel: Kernel::new(settings.timeouts(), 1), table: Table::new(settings), records: Vec::new() }
    }

    fn packet(&mut self, at: u64, packet: Packet) {
        self.kernel.packet(BEGIN + at * MILLI, &packet);
    }

    /// Scans, and answers how many entries are left in the kernel.
    fn scan(&mut self, at: u64) -> usize {
        self.kernel.scan(BEGIN + at * MILLI, &mut self.table, &mut self.records);
        self.kernel.flows.len()
    }

    /// Scans until nothing is left: what was over is gone after a few.
    fn drain(&mut self, at: u64) {
        for n in 0..8 {
            self.scan(at + n);
        }
        assert!(self.kernel.flows.is_empty() && self.table.open() == 0, "all is written and gone");
    }
}

#[test]
fn an_idle_flow_is_written_and_deleted_a_quarter_of_a_second_after_its_deadline() {
    let mut watch = Watch::new(3600);
    watch.packet(0, udp(A, B));
    assert_eq!(watch.scan(0), 1);
    watch.packet(10, udp(B, A));
    assert_eq!(watch.scan(60_259), 1);
    assert!(watch.records.is_empty());
    assert_eq!(watch.scan(60_260), 0);
    assert_eq!(lines(&watch.records), ["0-10 1/1 idle_timeout"]);
}

#[test]
fn an_entry_is_not_deleted_while_a_cpu_counts_that_found_it_in_time() {
    let mut watch = Watch::new(3600);
    watch.packet(0, udp(A, B));
    watch.scan(59_000);
    watch.kernel.slow_packet(BEGIN + 59_999 * MILLI, &udp(A, B));
    for at in [60_000, 60_050, 60_150, 60_198, 60_300] {
        assert_eq!(watch.scan(at), 1, "{at}");
    }
    watch.drain(130_000);
    assert_eq!(lines(&watch.records), ["0-59999 2/0 idle_timeout"]);
}

#[test]
fn nor_one_that_was_found_before_the_kernel_was_told_of_a_short_silence() {
    let mut watch = Watch::new(3600);
    watch.kernel.most = 1;
    watch.packet(0, udp(A, B));
    watch.scan(10_000);
    watch.kernel.slow_packet(BEGIN + 10_099 * MILLI, &udp(A, B));
    // Scans without a pause: the first tells the kernel.
    for at in [10_100, 10_110, 10_150, 10_200, 10_250, 10_290] {
        watch.kernel.read(BEGIN + at * MILLI, usize::MAX, &mut watch.table, &mut watch.records);
    }
    assert!(watch.records.is_empty());
    watch.drain(130_000);
    assert_eq!(watch.records.iter().map(|record| record.forward.packets).sum::<u64>(), 2);
}

#[test]
fn an_entry_that_is_first_read_when_all_is_over_is_written_at_once() {
    let mut watch = Watch::new(3600);
    watch.packet(0, udp(A, B));
    assert_eq!(watch.scan(61_000), 0);
    assert_eq!(lines(&watch.records), ["0-0 1/0 idle_timeout"]);
}

#[test]
fn a_lingering_flow_goes_a_quarter_of_a_second_after_its_linger() {
    let mut watch = Watch::new(1);
    watch.packet(0, tcp(A, B, tcp::RST, 1, 1));
    watch.scan(100);
    watch.packet(4_000, tcp(A, B, tcp::ACK, 1, 1));
    assert_eq!(watch.scan(5_249), 1);
    assert_eq!(watch.scan(5_250), 0);
    assert_eq!(lines(&watch.records), ["0-4000 2/0 end_of_flow_detected"], "nor was it cut");
}

#[test]
fn a_packet_just_after_the_deadline_begins_a_flow_and_mixes_nothing() {
    let mut watch = Watch::new(3600);
    watch.packet(0, udp(A, B));
    watch.scan(1);
    watch.packet(60_100, udp(A, B));
    assert_eq!(watch.scan(60_200), 2);
    assert!(watch.records.is_empty(), "superseded: final at the second reading");
    assert_eq!(watch.scan(60_240), 2);
    assert_eq!(lines(&watch.records), ["0-0 1/0 idle_timeout"]);
    assert_eq!(watch.scan(120_400), 1, "the successor goes first");
    watch.drain(120_500);
    assert_eq!(lines(&watch.records), ["0-0 1/0 idle_timeout", "60100-60100 1/0 idle_timeout"]);
}

#[test]
fn an_anchor_stays_while_a_generation_comes_again() {
    let mut watch = Watch::new(3600);
    watch.packet(0, udp(A, B));
    watch.packet(60_000, udp(A, B));
    watch.scan(60_001);
    watch.scan(60_002);
    assert_eq!(watch.scan(121_000), 1);
    watch.packet(121_500, udp(A, B));
    for at in [121_600, 121_700, 121_800, 121_900] {
        assert_eq!(watch.scan(at), 2, "the entry of generation 0 leads to the new one");
    }
    watch.packet(122_000, udp(A, B));
    watch.drain(200_000);
    assert_eq!(
        lines(&watch.records),
        ["0-0 1/0 idle_timeout", "60000-60000 1/0 idle_timeout", "121500-122000 2/0 idle_timeout"]
    );
}

#[test]
fn a_window_is_cut_where_it_was_read_once_a_packet_shows_that_the_flow_goes_on() {
    let mut watch = Watch::new(10);
    for at in [0, 9_000, 10_100] {
        watch.packet(at, udp(A, B));
    }
    watch.scan(9_500);
    watch.scan(10_500);
    watch.scan(11_000);
    assert!(watch.records.is_empty(), "the window is full, but nothing came since");
    watch.packet(11_500, udp(B, A));
    watch.scan(12_000);
    assert_eq!(lines(&watch.records), ["0-11000 3/0 active_timeout"]);
    watch.scan(100_000);
    assert_eq!(lines(&watch.records), ["0-11000 3/0 active_timeout", "11000-11500 0/1 idle_timeout"]);
    assert_eq!(watch.records[1].parent_span_id, Some(watch.records[0].span_id));
}

#[test]
fn a_flow_that_falls_silent_over_its_deadline_is_not_cut() {
    let mut watch = Watch::new(10);
    watch.packet(0, udp(A, B));
    for at in [1_000, 10_500, 30_000, 61_000] {
        watch.scan(at);
    }
    assert_eq!(lines(&watch.records), ["0-0 1/0 idle_timeout"]);
}

#[test]
fn header_values_belong_to_the_window() {
    let mut watch = Watch::new(10);
    for (at, hop_limit) in [(0, 10), (10_200, 11)] {
        watch.packet(at, Packet { hop_limit, ..udp(A, B) });
        watch.scan(at + 100);
    }
    watch.packet(10_400, Packet { hop_limit: 12, ..udp(A, B) });
    watch.packet(10_450, Packet { hop_limit: 13, ..udp(A, B) });
    watch.scan(11_000);
    watch.scan(100_000);
    let seen: Vec<_> = watch.records.iter().map(|record| record.forward.header.map(|h| h.hop_limit)).collect();
    assert_eq!(seen, [Some(10), Some(12)]);
    assert!(watch.records.iter().all(|record| record.reverse.header.is_none()));
}

#[test]
fn port_reuse_between_two_scans_is_two_flows_in_either_reading_order() {
    let mut reasons = std::collections::HashSet::new();
    for shuffle in 0..16 {
        let mut watch = Watch::new(3600);
        watch.kernel = Kernel::new(Timeouts::DEFAULT, shuffle);
        for n in 0..5 {
            watch.packet(n * 100, tcp(A, B, tcp::SYN, n as u32 * 1000, 0));
            watch.packet(n * 100 + 50, tcp(B, A, tcp::RST | tcp::ACK, 0, n as u32 * 1000 + 1));
        }
        for at in [1_000, 2_000, 20_000] {
            watch.scan(at);
        }
        watch.drain(20_001);
        assert_eq!(watch.records.len(), 5);
        assert!(watch.records.iter().all(|record| record.forward.packets == 1 && record.reverse.packets == 1));
        reasons.extend(watch.records.iter().map(|record| record.end_reason.name()));
    }
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), ["end_of_flow_detected"]);
}

#[test]
fn generations_are_named_in_their_order_whatever_is_read_first() {
    let run = |shuffle, scans: &[u64]| {
        let mut watch = Watch::new(3600);
        watch.kernel = Kernel::new(Timeouts::DEFAULT, shuffle);
        for at in [0, 60_000, 120_000] {
            watch.packet(at, udp(A, B));
        }
        for &at in scans {
            watch.scan(at);
        }
        watch.drain(300_000);
        let mut seen: Vec<_> =
            watch.records.iter().map(|record| (record.start, record.trace_id, record.span_id)).collect();
        seen.sort_unstable();
        seen
    };
    let expected = run(0, &[1, 60_001, 62_000, 64_000, 120_001, 122_000]);
    assert_eq!(expected.len(), 3);
    for shuffle in 0..32 {
        assert_eq!(run(shuffle, &[200_000, 200_001]), expected, "{shuffle}");
    }
}

#[test]
fn messages_of_one_trace_are_named_as_in_a_file_across_the_edge_of_a_bucket() {
    let (unreachable, filtered) = (icmp(1, 2, 3, 1, 0), icmp(1, 2, 3, 13, 0));
    // The second continues the first, so it is of its trace; the third begins that of the new bucket.
    let script = [(1_795_000, unreachable), (1_806_000, unreachable), (1_806_500, filtered)];
    let ids = |records: &[Record]| {
        let mut ids: Vec<_> = records.iter().map(|record| (record.start, record.trace_id, record.span_id)).collect();
        ids.sort_unstable();
        ids
    };
    let expected = ids(&play_out(&Settings::default(), &script));
    assert!(expected[0].1 == expected[1].1 && expected[1].1 != expected[2].1);
    for shuffle in 0..16 {
        let mut watch = Watch::new(3600);
        watch.kernel = Kernel::new(Timeouts::DEFAULT, shuffle);
        for (at, packet) in script {
            watch.packet(at, packet);
        }
        watch.drain(1_830_000);
        assert_eq!(ids(&watch.records), expected, "{shuffle}");
    }
}

#[test]
fn at_the_end_reasons_are_the_true_ones() {
    let mut watch = Watch::new(3600);
    watch.packet(0, udp(A, B));
    watch.packet(0, udp((3, 7), B));
    watch.packet(59_000, udp((4, 7), B));
    watch.packet(60_100, udp(A, B));
    watch.packet(60_100, tcp(A, B, tcp::RST, 1, 1));
    watch.scan(60_500);
    watch.table.close_all(&mut watch.records);
    let mut seen = lines(&watch.records);
    seen.sort();
    assert_eq!(
        seen,
        [
            "0-0 1/0 idle_timeout",
            "0-0 1/0 idle_timeout",
            "59000-59000 1/0 forced_end",
            "60100-60100 1/0 end_of_flow_detected",
            "60100-60100 1/0 forced_end"
        ]
    );
}

#[test]
fn an_orphan_does_not_wait_for_a_later_flow_of_generation_0() {
    // The entry that led to generation 1 was deleted while that began: generation 0 then begins again, later.
    let mut table = Table::new(Settings::default());
    let mut records = Vec::new();
    let packet = udp(A, B);
    let key = FlowKey::of(&packet).0;
    let entry = |first: u64, last: u64| FlowEntry {
        ways: [Tally { packets: 1, bytes: 100, last }, Tally::default()],
        first,
        ..FlowEntry::default()
    };
    let boot = BEGIN - BOOT;
    let mut read = |at: u64, generation, entry: &FlowEntry| {
        let now = Clock { boot: boot + at, wall: BEGIN + at };
        table.reading(now, key.with_generation(generation), entry, || None, &mut records)
    };
    let orphan = entry(boot, boot);
    assert_eq!(read(1, 1, &orphan), Verdict::Keep);
    assert_eq!(read(2, 1, &orphan), Verdict::Keep);
    assert_eq!(read(2 * SECOND, 0, &entry(boot + SECOND, boot + SECOND)), Verdict::Keep);
    assert_eq!(read(61 * SECOND, 0, &entry(boot + SECOND, boot + 60 * SECOND)), Verdict::Keep);
    assert_eq!(read(61 * SECOND, 1, &orphan), Verdict::Delete);
}

#[test]
fn hostile_readings_do_no_harm() {
    let mut table = Table::new(Settings { active: 0, ..Settings::default() });
    let mut records = Vec::new();
    let key = FlowKey::of(&tcp(A, B, tcp::ACK, 1, 1)).0;
    let most = Tally { packets: u64::MAX, bytes: u64::MAX, last: u64::MAX };
    for (boot, wall) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX), (0, 0)] {
        for state in [0, u32::MAX, state::SUPERSEDED, state::ENDED] {
            for (tally, number) in [(most, u64::MAX), (most, 1), (Tally::default(), u64::MAX), (Tally::default(), 0)] {
                let entry = FlowEntry {
                    ways: [tally; 2],
                    state,
                    first: boot,
                    ended: boot,
                    successor: u32::MAX,
                    ..numbered(number)
                };
                for generation in [0, 1, 255] {
                    let now = Clock { boot, wall };
                    table.reading(now, key.with_generation(generation), &entry, || None, &mut records);
                    table.end_of_scan(now, number, &mut records);
                }
            }
        }
    }
    table.close_all(&mut records);
}

/// An entry that has this number wherever times and order are.
fn numbered(number: u64) -> FlowEntry {
    let low = number as u32;
    let segments = Segments { anomalies: [low; 3], round_trip: low, ..Segments::default() };
    let rival = Rival { point: low, last: low, ahead: i32::MAX, seen: low, bytes: number };
    let transactions = Transactions {
        syn: number / 2,
        answer: number,
        confirmation: number,
        sum: number,
        difference: number,
        count: low,
        ..Transactions::default()
    };
    FlowEntry { segments: [segments; 2], transactions, rivals: [rival; 2], ..FlowEntry::default() }
}

#[test]
fn windows_that_may_not_be_cut_go_on_and_lose_nothing() {
    let mut watch = Watch::new(1);
    watch.table.allow_cuts(0);
    for second in 0..10 {
        for port in 0..4 {
            watch.packet(second * 1000, udp((1, 50_000 + port), B));
        }
        if second == 5 {
            watch.packet(5_000, tcp(A, B, tcp::RST, 1, 1));
        }
        watch.scan(second * 1000 + 10);
    }
    assert_eq!((watch.records.len(), watch.table.waiting_cuts()), (0, 32), "four flows in eight scans");
    watch.scan(10_300);
    assert_eq!(lines(&watch.records), ["5000-5000 1/0 end_of_flow_detected"], "a flow that ends is written");
    for (second, cut, waiting) in [(11, 3, 1), (12, 1, 0)] {
        watch.records.clear();
        watch.table.allow_cuts(3);
        for port in 0..4 {
            watch.packet(second * 1000, udp((1, 50_000 + port), B));
        }
        watch.scan(second * 1000 + 10);
        assert_eq!((watch.records.len(), watch.table.waiting_cuts()), (cut, waiting), "second {second}");
    }
}

#[test]
fn a_window_that_waited_ends_where_it_was_last_read() {
    let mut watch = Watch::new(1);
    watch.table.allow_cuts(0);
    for second in 0..4 {
        watch.packet(second * 1000, udp(A, B));
        watch.scan(second * 1000 + 10);
    }
    watch.table.allow_cuts(1);
    watch.packet(4_000, udp(A, B));
    watch.scan(4_010);
    watch.drain(70_000);
    assert_eq!(lines(&watch.records), ["0-3010 4/0 active_timeout", "3010-4000 1/0 idle_timeout"]);
}
