//! How a TCP connection ends, and what may follow on its ends.

use flowtrace_flow::{ConnectionState, End, EndReason, Evidence, Failure, Record, Settings};
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

#[test]
fn simultaneous_open_and_close() {
    let opening = [up(SYN, 100, 0), down(SYN, 500, 0), up(SYN | ACK, 100, 501), down(SYN | ACK, 500, 101)];
    let record = run(&opening).remove(0);
    assert_eq!((record.initiator, record.state), (Some(End::Source), Some(ConnectionState::Established)));
    let closing =
        after_handshake(&[up(FIN | ACK, 101, 501), down(FIN | ACK, 501, 101), up(ACK, 102, 502), down(ACK, 502, 102)]);
    let states: Vec<_> = (4..=7).map(|count| run(&closing[..count]).remove(0)).map(|record| record.state).collect();
    use ConnectionState::{Closing, FinWait1, TimeWait};
    assert_eq!(states, [Some(FinWait1), Some(Closing), Some(Closing), Some(TimeWait)]);
    assert_eq!(run(&closing)[0].end_reason, EndReason::EndOfFlowDetected);
}

#[test]
fn an_rst_ends_a_connection_in_any_state() {
    let (fin, back) = (up(FIN | ACK, 101, 501), down(FIN | ACK, 501, 102));
    let whole = after_handshake(&[up(PSH | ACK, 101, 501), fin, down(ACK, 501, 102), back]);
    for count in 0..=whole.len() {
        for rst in [up(RST, 101, 0), down(RST, 501, 0)] {
            let packets: Vec<_> = whole[..count].iter().copied().chain([rst]).collect();
            let records = run(&packets);
            assert_eq!(records.len(), 1, "{count}");
            assert_eq!(records[0].end_reason, EndReason::EndOfFlowDetected, "{count}");
            assert_eq!(records[0].state, Some(ConnectionState::Closed), "{count}");
            assert_eq!(records[0].failure.is_some(), count < 5, "no error after a FIN: {count}");
        }
    }
}

#[test]
fn a_half_open_scan_is_a_flow_a_port() {
    let mut script = Vec::new();
    for port in 1..=100 {
        let (syn, target) = (tcp(A, (2, port), SYN, 7, 0), (2, port));
        let answer = match port % 3 {
            0 => Some(tcp(target, A, RST | ACK, 0, 8)),
            1 => Some(tcp(target, A, SYN | ACK, 9, 8)),
            _ => None,
        };
        script.push((u64::from(port), syn));
        script.extend(answer.map(|answer| (u64::from(port), answer)));
    }
    let records = play_out(&Settings::default(), &script);
    assert_eq!(records.len(), 100);
    for record in records {
        use ConnectionState::{Closed, Established, SynSent};
        let expected = match record.destination.port.map(|port| port % 3) {
            Some(0) => (Closed, Some(Failure::Refused), EndReason::EndOfFlowDetected),
            Some(1) => (Established, None, EndReason::IdleTimeout),
            _ => (SynSent, None, EndReason::IdleTimeout),
        };
        assert_eq!((record.state, record.failure, record.end_reason), (Some(expected.0), expected.1, expected.2));
        assert_eq!((record.evidence, record.initiator), (Evidence::Handshake, Some(End::Source)));
    }
}

#[test]
fn a_connection_that_is_picked_up_in_the_middle_is_established() {
    let record = run(&[down(PSH | ACK, 501, 101), up(ACK, 101, 601)]).remove(0);
    assert_eq!((record.state, record.evidence), (Some(ConnectionState::Established), Evidence::Ports));
    let ended = run(&[down(FIN | ACK, 501, 101), up(FIN | ACK, 101, 502), down(ACK, 502, 102)]).remove(0);
    assert_eq!((ended.state, ended.closed_by), (Some(ConnectionState::Closed), Some(End::Destination)));
    assert_eq!(ended.end_reason, EndReason::EndOfFlowDetected);
}

#[test]
fn keep_alives_keep_a_flow_alive_and_are_no_retransmissions() {
    let mut script = spaced(&handshake());
    for n in 1..=10 {
        let last = [up(ACK, 100, 501), data(A, B, ACK, 100, 501, 1)][n as usize % 2];
        script.extend([(n * 15_000, last), (n * 15_000 + 1, down(ACK, 501, 101))]);
    }
    let records = play_out(&Settings { active: 3600 * SECOND, ..Settings::default() }, &script);
    assert_eq!(lines(&records), ["0-150001 12/11 idle_timeout"]);
    let tcp = records[0].tcp.as_ref().unwrap();
    assert_eq!((tcp.forward.retransmits.total, tcp.forward.out_of_order.total), (0, 0));
    assert_eq!(tcp.round_trip, None, "nobody asked");
}

#[test]
fn a_syn_tells_who_began_until_the_first_record_may_be_made_and_not_after() {
    let settings = Settings { active: 10 * SECOND, active_jitter: 0.1, ..Settings::default() };
    // 7000 and 8000 say nothing; the SYN-ACK says that (1, 7000) began, with 100.
    let (a, b) = ((1, 7_000), (2, 8_000));
    let seen = |at: u64| {
        let answer = tcp(b, a, SYN | ACK, 500, 101);
        let records =
            play_out(&settings, &[(0, tcp(b, a, ACK, 1, 1)), (at, answer), (at + 1, tcp(a, b, ACK, 101, 501))]);
        let first = &records[0];
        (first.evidence, first.initiator.is_some(), sides(first).0, records.len())
    };
    assert_eq!(seen(1), (Evidence::Handshake, true, 1, 1));
    assert_eq!(seen(8_999), (Evidence::Handshake, true, 1, 1));
    assert_eq!(seen(9_000).0, Evidence::Nothing, "flows may have a record by now");
    assert_eq!(seen(19_000), (Evidence::Nothing, false, 2, 2), "the first sender stays the source");
}
