//! Silence ends a flow, each protocol's after its own time; and nothing else does.

use flowtrace_abi::Timeouts;
use flowtrace_flow::{EndReason, Settings, Table};
use flowtrace_wire::{Packet, protocol, tcp};

use crate::craft::*;

const A: Host = (1, 40_000);
const B: Host = (2, 80);

#[test]
fn each_timeout_is_its_own() {
    let timeouts = Timeouts {
        tcp: 3 * SECOND,
        tcp_fin: SECOND,
        tcp_rst: 2 * SECOND,
        udp: 4 * SECOND,
        icmp: 5 * SECOND,
        generic: 6 * SECOND,
        ..Timeouts::DEFAULT
    };
    let settings = Settings { timeouts, ..Settings::default() };
    let ended = EndReason::EndOfFlowDetected;
    let closing = [
        (0, tcp(A, B, tcp::FIN | tcp::ACK, 10, 20)),
        (0, tcp(B, A, tcp::FIN | tcp::ACK, 20, 11)),
        (0, tcp(A, B, tcp::ACK, 11, 21)),
    ];
    let table = [
        ("tcp", vec![(0, tcp(A, B, tcp::ACK, 1, 1))], 3000, EndReason::IdleTimeout),
        ("tcp_fin", closing.to_vec(), 1000, ended),
        ("tcp_rst", vec![(0, tcp(A, B, tcp::RST, 1, 1))], 2000, ended),
        ("udp", vec![(0, udp(A, B))], 4000, EndReason::IdleTimeout),
        ("icmp", vec![(0, icmp(1, 2, 8, 0, 7))], 5000, EndReason::IdleTimeout),
        (
            "icmpv6",
            vec![(0, Packet { protocol: protocol::ICMPV6, ..icmp(1, 2, 128, 0, 7) })],
            5000,
            EndReason::IdleTimeout,
        ),
        ("generic", vec![(0, packet((1, 0), (2, 0), 47))], 6000, EndReason::IdleTimeout),
        ("sctp", vec![(0, packet(A, B, protocol::SCTP))], 6000, EndReason::IdleTimeout),
        ("fragment", vec![(0, fragment(1, 2, protocol::UDP))], 4000, EndReason::IdleTimeout),
    ];
    for (name, script, silence, reason) in table {
        let (mut flows, mut records) = play(&settings, &script);
        flows.poll(BEGIN + silence * MILLI - 1, &mut records);
        assert!(records.is_empty() && flows.open() == 1, "{name}: too early");
        flows.poll(BEGIN + silence * MILLI, &mut records);
        assert_eq!((records.len(), flows.open()), (1, 0), "{name}");
        assert_eq!(records[0].end_reason, reason, "{name}");
        assert_eq!(records[0].end, BEGIN, "{name}: a last record ends at the last packet");
    }
}

#[test]
fn idle_is_counted_from_the_last_packet_of_either_way() {
    let script = [(0, udp(A, B)), (50_000, udp(B, A)), (100_000, udp(A, B)), (159_999, udp(B, A))];
    let settings = Settings { active: 3600 * SECOND, ..Settings::default() };
    assert_eq!(lines(&play_out(&settings, &script)), ["0-159999 2/2 idle_timeout"]);
}

#[test]
fn a_gap_of_the_idle_timeout_begins_a_flow() {
    for (gap, expected) in [
        (59_999, vec!["0-59999 2/0 idle_timeout"]),
        (60_000, vec!["0-0 1/0 idle_timeout", "60000-60000 1/0 idle_timeout"]),
    ] {
        let settings = Settings { active: 3600 * SECOND, ..Settings::default() };
        assert_eq!(lines(&play_out(&settings, &[(0, udp(A, B)), (gap, udp(A, B))])), expected);
    }
}

#[test]
fn the_flow_after_a_gap_is_a_root_of_the_same_trace_with_totals_from_zero() {
    let records = play_out(&Settings::default(), &[(0, udp(A, B)), (1, udp(A, B)), (70_000, udp(B, A))]);
    assert_eq!(lines(&records), ["0-1 2/0 idle_timeout", "70000-70000 0/1 idle_timeout"]);
    assert_eq!(records[0].trace_id, records[1].trace_id);
    assert_ne!(records[0].span_id, records[1].span_id);
    assert_eq!(records[1].parent_span_id, None);
    assert_eq!((records[1].forward.packets_total, records[1].reverse.bytes_total), (0, 100));
    assert_eq!(records[1].source, records[0].source, "the orientation is kept");
}

#[test]
fn time_never_runs_backwards_within_a_flow() {
    let records =
        play_out(&Settings::default(), &[(5000, udp(A, B)), (1000, udp(A, B)), (5500, udp(B, A)), (5400, udp(A, B))]);
    assert_eq!(lines(&records), ["5000-5500 3/1 idle_timeout"]);
}

#[test]
fn an_earlier_stamp_does_not_end_other_flows_or_begin_one_late() {
    let other = (3, 1000);
    let records = play_out(
        &Settings::default(),
        &[(5000, udp(A, B)), (1000, udp(other, B)), (1500, udp(other, B)), (6000, udp(A, B))],
    );
    assert_eq!(lines(&records), ["1000-1500 2/0 idle_timeout", "5000-6000 2/0 idle_timeout"]);
}

#[test]
fn the_poll_interval_changes_nothing() {
    let script: Vec<_> =
        (0..400_u64).map(|n| (n * n % 977 * 10 + n * 900, udp((1 + (n % 5) as u8, 1000), B))).collect();
    let expected = play_out(&Settings::default(), &script);
    for step in [1, 7, 1000, 61_000] {
        let mut table = Table::new(Settings::default());
        let mut records = Vec::new();
        let mut sorted = script.clone();
        sorted.sort_by_key(|&(at, _)| at);
        let mut polled = 0;
        for (at, packet) in &sorted {
            while polled + step <= *at {
                polled += step;
                table.poll(BEGIN + polled * MILLI, &mut records);
            }
            table.packet(BEGIN + at * MILLI, packet, 0, &mut records);
        }
        table.poll(BEGIN + 3600 * SECOND, &mut records);
        let (_, again) = play(&Settings::default(), &sorted);
        assert_eq!(records[..again.len()], again[..], "step {step}");
        assert_eq!(records.iter().map(|record| record.forward.packets).sum::<u64>(), 400);
    }
    assert_eq!(expected.iter().map(|record| record.forward.packets).sum::<u64>(), 400);
}

#[test]
fn at_the_end_flows_are_forced_to_end_but_keep_an_end_that_was_seen() {
    let (mut table, mut records) =
        play(&Settings::default(), &[(0, udp(A, B)), (500, tcp(A, B, tcp::RST, 1, 1)), (700, icmp(1, 2, 8, 0, 7))]);
    table.close_all(&mut records);
    assert_eq!(lines(&records), ["0-0 1/0 forced_end", "500-500 1/0 end_of_flow_detected", "700-700 1/0 forced_end"]);
    assert_eq!(table.open(), 0);
}

#[test]
fn records_at_the_end_come_in_the_order_in_which_flows_began() {
    let mut script: Vec<_> = (1..20).map(|n| (u64::from(n) * 3000, udp((n, 1000), (200, 53)))).collect();
    script.push((120_000, udp((100, 1000), (200, 53))));
    let (mut table, mut records) = play(&Settings { active: 3600 * SECOND, ..Settings::default() }, &script);
    table.packet(BEGIN + 120_001 * MILLI, &udp((101, 1000), (200, 53)), 0, &mut records);
    table.packet(BEGIN + 120_002 * MILLI, &udp((102, 1000), (200, 53)), 0, &mut records);
    let closed = records.len();
    table.close_all(&mut records);
    assert_eq!(
        lines(&records[closed..]),
        ["120000-120000 1/0 forced_end", "120001-120001 1/0 forced_end", "120002-120002 1/0 forced_end"]
    );
}
