//! Windows: where a long flow is cut.

use flowtrace_flow::Settings;
use flowtrace_wire::{Packet, tcp};

use crate::craft::*;

const A: Host = (1, 50_000);
const B: Host = (2, 80);

fn settings(seconds: u64) -> Settings {
    Settings { active: seconds * SECOND, active_jitter: 0.0, ..Settings::default() }
}

fn at(times: &[u64]) -> Vec<(u64, Packet)> {
    times.iter().map(|&time| (time, udp(A, B))).collect()
}

#[test]
fn windows_are_cut_where_the_semantics_say() {
    let table: [(&str, &[u64], &[&str]); 7] = [
        (
            "lively: at the deadline",
            &[0, 9_001, 10_500],
            &["0-10000 2/0 active_timeout", "10000-10500 1/0 idle_timeout"],
        ),
        (
            "silent for 1 s: at the next packet",
            &[0, 9_000, 12_000],
            &["0-12000 2/0 active_timeout", "12000-12000 1/0 idle_timeout"],
        ),
        (
            "a packet at the deadline is of the next window",
            &[0, 9_500, 10_000],
            &["0-10000 2/0 active_timeout", "10000-10000 1/0 idle_timeout"],
        ),
        ("without another packet: no cut", &[0, 9_500], &["0-9500 2/0 idle_timeout"]),
        ("a silent flow that ends: no cut", &[0], &["0-0 1/0 idle_timeout"]),
        (
            "a window begins at the cut, not at its first packet",
            &[0, 9_500, 13_000, 19_500, 20_500],
            &["0-10000 2/0 active_timeout", "10000-20000 2/0 active_timeout", "20000-20500 1/0 idle_timeout"],
        ),
        (
            "no window is empty",
            &[0, 9_500, 45_000, 45_500, 46_000],
            &["0-10000 2/0 active_timeout", "10000-45500 1/0 active_timeout", "45500-46000 2/0 idle_timeout"],
        ),
    ];
    for (name, times, expected) in table {
        assert_eq!(lines(&play_out(&settings(10), &at(times))), expected, "{name}");
    }
}

#[test]
fn a_lingering_flow_is_not_cut() {
    let script = [
        (0, tcp(A, B, tcp::ACK, 1, 1)),
        (900, tcp(A, B, tcp::RST, 1, 1)),
        (1500, tcp(B, A, tcp::ACK, 1, 1)),
        (3500, tcp(B, A, tcp::ACK, 1, 1)),
    ];
    assert_eq!(lines(&play_out(&settings(1), &script)), ["0-3500 2/2 end_of_flow_detected"]);
}

#[test]
fn the_first_record_is_the_root_of_the_others() {
    let records = play_out(&settings(1), &at(&[0, 500, 1_100, 1_600, 2_100, 2_700]));
    assert_eq!(records.len(), 3);
    assert_eq!(records[0].parent_span_id, None);
    for record in &records[1..] {
        assert_eq!(record.parent_span_id, Some(records[0].span_id));
        assert_eq!(record.trace_id, records[0].trace_id);
    }
    let totals: Vec<_> =
        records.iter().map(|record| (record.forward.packets_total, record.forward.bytes_total)).collect();
    assert_eq!(totals, [(2, 200), (4, 400), (6, 600)]);
}

#[test]
fn header_values_are_those_of_the_windows_first_packet_each_way() {
    let hops = |from, to, hop_limit| Packet { hop_limit, ..udp(from, to) };
    let script = [
        (0, hops(A, B, 10)),
        (100, hops(A, B, 11)),
        (200, hops(B, A, 20)),
        (900, hops(B, A, 21)),
        (1_100, hops(A, B, 12)),
        (1_900, hops(A, B, 13)),
        (2_100, hops(B, A, 22)),
    ];
    let records = play_out(&settings(1), &script);
    let seen: Vec<_> = records
        .iter()
        .map(|record| (record.forward.header.map(|h| h.hop_limit), record.reverse.header.map(|h| h.hop_limit)))
        .collect();
    assert_eq!(seen, [(Some(10), Some(20)), (Some(12), None), (None, Some(22))]);
}

#[test]
fn tcp_flags_are_those_of_the_flows_life() {
    let script = [
        (0, tcp(A, B, tcp::SYN, 1, 0)),
        (10, tcp(B, A, tcp::SYN | tcp::ACK, 5, 2)),
        (900, tcp(A, B, tcp::ACK, 2, 6)),
        (1_100, tcp(A, B, tcp::PSH | tcp::ACK, 2, 6)),
    ];
    let records = play_out(&settings(1), &script);
    let flags: Vec<_> = records.iter().map(|record| (record.forward.tcp_flags, record.reverse.tcp_flags)).collect();
    assert_eq!(flags, [(Some(0x12), Some(0x12)), (Some(0x1a), Some(0x12))]);
}

/// Ends of the windows of a flow with a packet each 100 ms for 40 s, in milliseconds.
fn cuts(active_jitter: f64, port: u16) -> Vec<u64> {
    let settings = Settings { active: 10 * SECOND, active_jitter, ..Settings::default() };
    let script: Vec<_> = (0..400).map(|n| (n * 100, udp((1, port), B))).collect();
    let records = play_out(&settings, &script);
    records[..records.len() - 1].iter().map(|record| (record.end - BEGIN) / MILLI).collect()
}

#[test]
fn only_the_first_window_is_shorter_by_up_to_the_jitter() {
    let mut firsts = std::collections::BTreeSet::new();
    for port in 1000..1200 {
        let cuts = cuts(0.2, port);
        assert!((8_000..=10_000).contains(&cuts[0]), "{cuts:?}");
        assert!(cuts.windows(2).all(|pair| pair[1] - pair[0] == 10_000), "{cuts:?}");
        firsts.insert(cuts[0] / 100);
    }
    assert!(firsts.len() > 18, "flows that began together are cut apart: {firsts:?}");
    assert_eq!(cuts(0.0, 1000), [10_000, 20_000, 30_000]);
}

#[test]
fn a_flow_is_cut_at_the_same_place_in_every_run_and_in_the_kernel_within_a_scan() {
    for port in 1000..1020 {
        let expected = cuts(0.5, port);
        assert_eq!(cuts(0.5, port), expected);
        let settings = Settings { active: 10 * SECOND, active_jitter: 0.5, ..Settings::default() };
        let mut kernel = crate::kernel::Kernel::new(settings.timeouts(), 1);
        let (mut table, mut records) = (flowtrace_flow::Table::new(settings), Vec::new());
        for n in 0..400 {
            kernel.packet(BEGIN + n * 100 * MILLI, &udp((1, port), B));
            kernel.scan(BEGIN + (n * 100 + 50) * MILLI, &mut table, &mut records);
        }
        let live: Vec<_> = records.iter().map(|record| (record.end - BEGIN) / MILLI).collect();
        assert!(live[0] >= expected[0] && live[0] <= expected[0] + 100, "{live:?} {expected:?}");
    }
}
