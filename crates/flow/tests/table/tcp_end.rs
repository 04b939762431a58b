//! How a TCP connection ends, and what may follow on its ends.

use flowtrace_flow::{End, Failure, Record, Settings};
use flowtrace_wire::{Packet, tcp::*};

use crate::craft::*;

const A: Host = (1, 50_000);
const B: Host = (2, 80);

fn up(flags: u8, sequence: u32, acknowledgement: u32) -> Packet {
    tcp(A, B, flags, sequence, acknowledgement)
}

fn down(flags: u8, sequence: u32, acknowledgement: u32) -> Packet {
    tcp(B, A, flags, sequence, acknowledgement)
}

/// Packets a tenth of a second apart.
fn spaced(packets: &[Packet]) -> Vec<(u64, Packet)> {
    (0..).step_by(100).zip(packets.iter().copied()).collect()
}

fn run(packets: &[Packet]) -> Vec<Record> {
    play_out(&Settings::default(), &spaced(packets))
}

fn handshake() -> [Packet; 3] {
    [up(SYN, 100, 0), down(SYN | ACK, 500, 101), up(ACK, 101, 501)]
}

fn after_handshake(packets: &[Packet]) -> Vec<Packet> {
    handshake().into_iter().chain(packets.iter().copied()).collect()
}

#[test]
fn end_reason_closer_and_failure() {
    let fin = FIN | ACK;
    let table = [
        ("open", handshake().to_vec(), "idle_timeout", None, None),
        (
            "closed by the client",
            after_handshake(&[up(fin, 101, 501), down(fin, 501, 102), up(ACK, 102, 502)]),
            "end_of_flow_detected",
            Some(End::Source),
            None,
        ),
        (
            "closed by the server",
            after_handshake(&[down(fin, 501, 101), up(fin, 101, 502), down(ACK, 502, 102)]),
            "end_of_flow_detected",
            Some(End::Destination),
            None,
        ),
        (
            "both at once",
            after_handshake(&[up(fin, 101, 501), down(fin, 501, 101), up(ACK, 102, 502), down(ACK, 502, 102)]),
            "end_of_flow_detected",
            Some(End::Source),
            None,
        ),
        (
            "the last FIN is not acknowledged",
            after_handshake(&[up(fin, 101, 501), down(fin, 501, 102)]),
            "idle_timeout",
            Some(End::Source),
            None,
        ),
        (
            "half closed",
            after_handshake(&[up(fin, 101, 501), down(ACK, 501, 102)]),
            "idle_timeout",
            Some(End::Source),
            None,
        ),
        (
            "reset by the client",
            after_handshake(&[up(RST, 101, 0)]),
            "end_of_flow_detected",
            Some(End::Source),
            Some(Failure::Reset),
        ),
        (
            "reset by the server",
            after_handshake(&[down(RST | ACK, 501, 101)]),
            "end_of_flow_detected",
            Some(End::Destination),
            Some(Failure::Reset),
        ),
        (
            "refused",
            vec![up(SYN, 100, 0), down(RST | ACK, 0, 101)],
            "end_of_flow_detected",
            Some(End::Destination),
            Some(Failure::Refused),
        ),
        (
            "refused at the second try",
            vec![up(SYN, 100, 0), up(SYN, 100, 0), down(RST | ACK, 0, 101)],
            "end_of_flow_detected",
            Some(End::Destination),
            Some(Failure::Refused),
        ),
        (
            "an RST after a FIN is no error",
            after_handshake(&[up(fin, 101, 501), down(RST, 501, 0)]),
            "end_of_flow_detected",
            Some(End::Source),
            None,
        ),
        (
            "the client gives up",
            vec![up(SYN, 100, 0), up(RST, 101, 0)],
            "end_of_flow_detected",
            Some(End::Source),
            Some(Failure::Reset),
        ),
    ];
    for (name, packets, reason, closed_by, failure) in table {
        let records = run(&packets);
        assert_eq!(records.len(), 1, "{name}");
        assert_eq!(records[0].end_reason.name(), reason, "{name}");
        assert_eq!((records[0].closed_by, records[0].failure), (closed_by, failure), "{name}");
    }
}

#[test]
fn a_fin_is_acknowledged_by_number_also_across_the_wrap() {
    let mut data = up(FIN | ACK, u32::MAX - 9, 501);
    data.ip_length += 20;
    let closing = [data, down(FIN | ACK, 501, 10), down(ACK, 502, 10), up(ACK, 11, 502)];
    assert_eq!(run(&closing)[0].end_reason.name(), "idle_timeout", "10 does not acknowledge 11");
    let closing = [data, down(FIN | ACK, 501, 11), up(ACK, 11, 502)];
    assert_eq!(run(&closing)[0].end_reason.name(), "end_of_flow_detected");
}

#[test]
fn what_comes_during_the_linger_belongs_to_the_flow_what_comes_after_does_not() {
    for (wait, expected) in [
        (4_999, vec!["0-4999 1/1 end_of_flow_detected"]),
        (5_000, vec!["0-0 1/0 end_of_flow_detected", "5000-5000 0/1 idle_timeout"]),
    ] {
        let records = play_out(&Settings::default(), &[(0, up(RST, 1, 0)), (wait, down(ACK, 1, 1))]);
        assert_eq!(lines(&records), expected);
    }
}

#[test]
fn the_linger_is_counted_from_the_end() {
    let script = [(0, up(RST, 1, 0)), (3_000, down(ACK, 1, 1)), (6_000, down(ACK, 1, 1))];
    let records = play_out(&Settings::default(), &script);
    assert_eq!(lines(&records), ["0-3000 1/1 end_of_flow_detected", "6000-6000 0/1 idle_timeout"]);
}

#[test]
fn an_end_with_an_earlier_stamp_counts_from_the_latest_seen() {
    let script = [(5_000, up(ACK, 1, 1)), (1_000, up(RST, 1, 0)), (9_000, down(ACK, 1, 1))];
    assert_eq!(lines(&play_out(&Settings::default(), &script)), ["5000-9000 2/1 end_of_flow_detected"]);
}

#[test]
fn a_new_sequence_number_reuses_the_ends_at_once_the_old_one_is_a_retransmission() {
    let reset = [up(SYN, 100, 0), down(RST | ACK, 0, 101)];
    for (again, flows) in [
        (up(SYN, 100, 0), 1),
        (up(SYN, 900, 0), 2),
        (down(SYN, 900, 0), 2),
        (down(SYN | ACK, 900, 1), 1),
        (up(ACK, 900, 1), 1),
    ] {
        let records = run(&[reset[0], reset[1], again]);
        assert_eq!(records.len(), flows, "{again:?}");
        assert!(records.iter().all(|record| record.parent_span_id.is_none()));
        if flows == 2 {
            assert_eq!(records[0].end_reason.name(), "end_of_flow_detected");
            assert_ne!(records[0].trace_id, records[1].trace_id, "another connection is another trace");
        }
    }
}

#[test]
fn a_syn_on_an_open_connection_is_part_of_it() {
    let records = run(&after_handshake(&[up(SYN, 9_000, 0), up(SYN, 100, 0)]));
    assert_eq!(lines(&records), ["0-400 4/1 idle_timeout"]);
}

#[test]
fn many_connections_on_the_same_ends_are_as_many_traces() {
    let packets: Vec<_> = (0..50).flat_map(|n| [up(SYN, n * 1000, 0), down(RST | ACK, 0, n * 1000 + 1)]).collect();
    let records = run(&packets);
    let traces: std::collections::HashSet<_> = records.iter().map(|record| record.trace_id).collect();
    assert_eq!((records.len(), traces.len()), (50, 50));
}
