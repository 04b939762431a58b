//! Packets that pass several points of a host: each is counted once, also where the way changes at the end.

use flowtrace_flow::{EndReason, Record, Settings, Table};
use flowtrace_wire::Packet;

use crate::craft::*;
use crate::kernel::{Kernel, POINT};

const A: Host = (1, 50_000);
const B: Host = (2, 80);
const OTHER: u32 = POINT + 2;

/// Packets at milliseconds and points; the records when all is over, or when the observer stops at a time.
fn run(script: &[(u64, u32, Packet)], stop: Option<u64>) -> Vec<Record> {
    let settings = Settings { active: 3600 * SECOND, ..Settings::default() };
    let mut kernel = Kernel::new(settings.timeouts(), 1);
    let (mut table, mut records) = (Table::new(settings), Vec::new());
    for &(at, point, packet) in script {
        kernel.packet_at(BEGIN + at * MILLI, &packet, point);
    }
    match stop {
        Some(at) => {
            kernel.scan(BEGIN + at * MILLI, &mut table, &mut records);
            table.close_all(&mut records);
        }
        None => {
            let end = script.iter().map(|(at, ..)| at).max().unwrap_or(&0);
            for n in 0..3 {
                kernel.scan(BEGIN + (end + 100_000 + n) * MILLI, &mut table, &mut records);
            }
        }
    }
    assert_eq!(table.open(), 0);
    records
}

/// Requests at these times and points.
fn up(script: &[(u64, u32)]) -> Vec<(u64, u32, Packet)> {
    script.iter().map(|&(at, point)| (at, point, udp(A, B))).collect()
}

#[test]
fn at_the_end_what_did_not_pass_the_observation_point_is_counted() {
    type Row = (&'static str, Vec<(u64, u32)>, &'static str);
    let table: [Row; 7] = [
        ("one point", vec![(0, POINT), (100, POINT)], "0-100 2/0"),
        ("both in step", vec![(0, POINT), (0, OTHER), (100, POINT), (100, OTHER)], "0-100 2/0"),
        ("the other way round", vec![(0, POINT), (1, OTHER), (99, OTHER), (100, POINT)], "0-100 2/0"),
        ("the last is on its way to the observation point", vec![(0, POINT), (1, OTHER), (19, OTHER)], "0-0 1/0"),
        ("it did not come there", vec![(0, POINT), (1, OTHER), (30, OTHER)], "0-29 2/0"),
        ("the way moved", vec![(0, POINT), (100, POINT), (1200, OTHER), (1300, OTHER), (1400, OTHER)], "0-1400 5/0"),
        ("just before the end", vec![(0, POINT), (0, OTHER), (100, OTHER), (200, OTHER)], "0-199 3/0"),
    ];
    for (name, script, expected) in table {
        let records = run(&up(&script), None);
        assert_eq!(lines(&records), [format!("{expected} idle_timeout")], "{name}");
        let bytes = records[0].forward.packets * 100;
        assert_eq!((records[0].forward.bytes, records[0].forward.bytes_total), (bytes, bytes), "{name}");
    }
}

#[test]
fn each_way_has_a_point_of_its_own() {
    let script = [(0, POINT, udp(A, B)), (10, OTHER, udp(B, A)), (20, POINT, udp(A, B)), (30, OTHER, udp(B, A))];
    let records = run(&script, None);
    assert_eq!(lines(&records), ["0-30 2/2 idle_timeout"]);
    assert_eq!(records[0].interface.as_ref().and_then(|seen| seen.index), Some(POINT >> 1));
}

#[test]
fn what_another_point_saw_is_counted_at_a_stop_too() {
    let records = run(&up(&[(0, POINT), (0, OTHER), (100, OTHER)]), Some(150));
    assert_eq!(lines(&records), ["0-99 2/0 forced_end"]);
    assert_eq!(records[0].end_reason, EndReason::ForcedEnd);
    let records = run(&up(&[(0, POINT), (0, OTHER)]), Some(150));
    assert_eq!(lines(&records), ["0-0 1/0 forced_end"]);
}

#[test]
fn a_clock_of_32_bits_that_has_gone_round_does_no_harm() {
    // The clock of other points counts milliseconds since boot: 50 days until it begins again.
    let day = 86_400_000;
    for days in [0, 49, 50, 51, 99, 100, 101] {
        let at = |ms: u64| days * day + ms;
        let records = run(&up(&[(at(0), POINT), (at(1), OTHER), (at(30), OTHER)]), None);
        assert_eq!(records[0].forward.packets, 2, "{days}");
        let took = records[0].end - records[0].start;
        assert!((28 * MILLI..=30 * MILLI).contains(&took), "{days}: {took}");
    }
}
