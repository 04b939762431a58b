//! TCP segments in order, out of order and sent again, and round trips, from sequence and acknowledgement numbers.

use flowtrace_wire::{Packet, tcp};

use crate::{Cells, Event, Way, state};

/// Unit of [`Segments::round_trip`] and [`Segments::timed_at`], in nanoseconds: an eighth of a microsecond, as in the
/// kernel's own `srtt_us`. 32 bits of it are nine minutes.
pub const TICK: u64 = 125;
/// Below this age a hole in the sequence is filled by what was overtaken, above it by what was sent again; nanoseconds.
/// Where the handshake's round trip is known, that is taken instead.
pub const REORDERING: u64 = 3_000_000;

/// What can be wrong with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anomaly {
    /// It was seen before, or fills a hole that is older than a round trip.
    Retransmission = 0,
    /// It was overtaken by later ones.
    OutOfOrder = 1,
    /// Its sender has no room for data.
    ZeroWindow = 2,
}

impl Anomaly {
    /// All.
    pub const ALL: [Self; 3] = [Self::Retransmission, Self::OutOfOrder, Self::ZeroWindow];
}

/// Sequence numbers of one way of a TCP connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// The sequence number behind the last byte that was sent so far.
    pub next: u32,
    /// First number of the latest hole.
    pub hole_start: u32,
    /// The number behind it; equal to the first: there is no hole.
    pub hole_end: u32,
    /// When it was torn, in [`TICK`]s.
    pub hole_at: u32,
    /// Packets by [`Anomaly`].
    pub anomalies: [u32; 3],
    /// The acknowledgement that ends the measurement of a round trip.
    pub timed_end: u32,
    /// When it began, in [`TICK`]s; 0: none is going on.
    pub timed_at: u32,
    /// Smoothed round trip (RFC 6298: an eighth of each new one), in [`TICK`]s: from here to the receiver and back. 0:
    /// unknown. Its highest bit is [`FROM_SOCKET`](Self::FROM_SOCKET).
    pub round_trip: u32,
}

impl Segments {
    /// Bit of `round_trip`: it is what the sender's socket on this host says.
    pub const FROM_SOCKET: u32 = 1 << 31;

    /// Smoothed round trip in nanoseconds, if it is known.
    pub const fn smoothed_round_trip(&self) -> Option<u64> {
        let ticks = self.round_trip & !Self::FROM_SOCKET;
        if ticks == 0 { None } else { Some(ticks as u64 * TICK) }
    }
}

/// Where a segment stands in its sender's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It is the way's first.
    First,
    /// It holds nothing that counts in the sequence.
    Empty,
    /// It goes on where the last one ended.
    Next,
    /// Something is missing before it.
    Ahead,
    /// It begins before the end of what was sent.
    Back,
    /// It asks whether the receiver is still there: nothing new, or one old byte.
    KeepAlive,
}

/// How far the sequence advances: payload, SYN and FIN.
#[inline(always)]
const fn advance(packet: &Packet) -> u32 {
    let syn = (packet.tcp_flags & tcp::SYN != 0) as u32;
    let fin = (packet.tcp_flags & tcp::FIN != 0) as u32;
    packet.payload_length().wrapping_add(syn + fin)
}

#[inline(always)]
fn place(segments: &Segments, packet: &Packet, is_first: bool, is_known_syn: bool) -> Place {
    if is_first {
        return Place::First;
    }
    let length = advance(packet);
    let ahead = packet.sequence.wrapping_sub(segments.next) as i32;
    if ahead == -1 && packet.payload_length() <= 1 && packet.tcp_flags & EDGES == 0 {
        return Place::KeepAlive;
    }
    if length == 0 {
        return Place::Empty;
    }
    if packet.tcp_flags & tcp::SYN != 0 {
        // Another than before: somebody began anew.
        return if is_known_syn { Place::Back } else { Place::First };
    }
    // With one byte a closed window is probed; if it opens, the byte is sent again with others.
    let after_probe = ahead == -1 && length > 1;
    if ahead == 0 || after_probe {
        return Place::Next;
    }
    if ahead > 0 { Place::Ahead } else { Place::Back }
}

/// How many bytes a segment may have: the length of an IP packet has 16 bits.
const LONGEST: u64 = 1 << 16;

/// Whether a SYN was sent before with the same number. The initiator's is known, and which one an answer belongs to;
/// the answer's own number cannot be further back than its sender's packets reach.
#[inline(always)]
fn is_known_syn<C: Cells>(entry: &mut C, packet: &Packet, way: Way, before: u32) -> bool {
    if packet.tcp_flags & tcp::SYN == 0 || state::flags_of(before, way) & tcp::SYN == 0 {
        return false;
    }
    let sent = entry.segments(way).next.wrapping_sub(packet.sequence.wrapping_add(1));
    if sent == 0 {
        return true;
    }
    if before & state::SEQUENCE_KNOWN == 0 {
        return false;
    }
    if packet.tcp_flags & tcp::ACK == 0 {
        return packet.sequence == entry.sequence();
    }
    packet.acknowledgement.wrapping_sub(1) == entry.sequence()
        && (sent as u64) < entry.packets(way).wrapping_mul(LONGEST)
}

const EDGES: u8 = tcp::SYN | tcp::FIN | tcp::RST;

/// Whether the packet's exact time is of use: it tears or fills a hole, ends a round trip, or ends a burst of payload.
/// `before` is the state without it.
#[inline(always)]
pub fn wants_exact_time<C: Cells>(entry: &mut C, packet: &Packet, way: Way, before: u32) -> bool {
    let payload = packet.payload_length();
    if packet.tcp_flags == 0 {
        return false;
    }
    if packet.tcp_flags & EDGES != 0 || (payload != 0 && packet.tcp_flags & tcp::PSH != 0) {
        return true;
    }
    let back = entry.segments(way.back());
    if back.timed_at != 0 && packet.acknowledgement.wrapping_sub(back.timed_end) as i32 >= 0 {
        return true;
    }
    if payload == 0 {
        return false;
    }
    let is_first = state::flags_of(before, way) == 0;
    entry.segments(way).next != packet.sequence && !is_first
        || crate::transaction::is_answer(entry, packet, way, before)
}

/// Whether there is anything to note of a segment.
#[inline(always)]
pub fn is_remarkable<C: Cells>(entry: &mut C, packet: &Packet, way: Way, before: u32) -> bool {
    if packet.tcp_flags == 0 {
        // A later fragment, or cut short.
        return false;
    }
    let unacknowledged = state::flags_of(before, way) & tcp::ACK == 0;
    advance(packet) != 0 || packet.window == 0 || unacknowledged || entry.segments(way.back()).timed_at != 0
}

/// Notes a segment of the kind that most are: payload that goes on where the last segment ended, and nothing else to note.
/// Answers `false` where it is not of that kind: then [`account_segment`] has to look at it.
#[inline(always)]
pub fn account_next<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, before: u32) -> bool {
    let payload = packet.payload_length();
    let is_first = state::flags_of(before, event.way) == 0;
    if payload == 0 || is_first || packet.tcp_flags & EDGES != 0 || packet.window == 0 {
        return false;
    }
    if entry.segments(event.way.back()).timed_at != 0 {
        return false;
    }
    let segments = entry.segments(event.way);
    if segments.next != packet.sequence {
        return false;
    }
    go_on(segments, packet, packet.sequence.wrapping_add(payload), (event.time / TICK) as u32);
    true
}

/// The sequence goes on up to `end`; a burst's last segment begins the measurement of a round trip.
#[inline(always)]
fn go_on(segments: &mut Segments, packet: &Packet, end: u32, now: u32) {
    segments.next = end;
    if packet.payload_length() != 0 && packet.tcp_flags & tcp::PSH != 0 && is_to_be_timed(segments) {
        segments.timed_end = end;
        segments.timed_at = now | 1;
    }
}

/// Notes where the segment stands in the sequence. Answers whether it brought new payload. `before` is the state without
/// it.
#[inline(always)]
pub fn account_segment<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, before: u32) -> bool {
    let way = event.way;
    let now = (event.time / TICK) as u32;
    if packet.window == 0 && packet.tcp_flags & EDGES == 0 {
        entry.add_anomaly(way, Anomaly::ZeroWindow, event.packets as u32);
    }
    if packet.tcp_flags & tcp::ACK != 0 {
        end_round_trip(entry.segments(way.back()), packet.acknowledgement, now);
    }
    let is_first = state::flags_of(before, way) == 0;
    let is_known_syn = is_known_syn(entry, packet, way, before);
    let reordering = reordering(entry.transactions());
    let segments = entry.segments(way);
    let end = packet.sequence.wrapping_add(advance(packet));
    match place(segments, packet, is_first, is_known_syn) {
        Place::Empty | Place::KeepAlive => return false,
        Place::First => {
            segments.hole_start = end;
            segments.hole_end = end;
        }
        Place::Next => {}
        Place::Ahead => tear(segments, packet.sequence, now, reordering),
        Place::Back => {
            // Which of the two was acknowledged cannot be told (Karn's algorithm).
            segments.timed_at = 0;
            let is_missing = fill(segments, packet.sequence, end);
            let is_overtaken = is_missing && now.wrapping_sub(segments.hole_at) < reordering;
            // What lies beyond what was sent so far is new.
            let is_longer = end.wrapping_sub(segments.next) as i32 > 0;
            if is_longer {
                segments.next = end;
            }
            let anomaly = if is_overtaken { Anomaly::OutOfOrder } else { Anomaly::Retransmission };
            entry.add_anomaly(way, anomaly, event.packets as u32);
            return (is_missing || is_longer) && packet.payload_length() != 0;
        }
    }
    go_on(segments, packet, end, now);
    packet.payload_length() != 0
}

/// A segment came before one that was sent earlier. An older hole is forgotten, a recent one grows.
#[inline(always)]
fn tear(segments: &mut Segments, sequence: u32, now: u32, reordering: u32) {
    let is_old = now.wrapping_sub(segments.hole_at) >= reordering;
    if is_old || segments.hole_start == segments.hole_end {
        segments.hole_start = segments.next;
    }
    segments.hole_end = sequence;
    segments.hole_at = now;
}

/// Whether the segment begins in the latest hole, which then is smaller by what it fills at one of its ends.
#[inline(always)]
fn fill(segments: &mut Segments, sequence: u32, end: u32) -> bool {
    let width = segments.hole_end.wrapping_sub(segments.hole_start);
    let from = sequence.wrapping_sub(segments.hole_start);
    if from >= width {
        return false;
    }
    let reaches_end = end.wrapping_sub(segments.hole_end) as i32 >= 0;
    if reaches_end {
        segments.hole_end = sequence;
    } else if from == 0 {
        segments.hole_start = end;
    }
    true
}

/// Up to which age of a hole what fills it was overtaken, in [`TICK`]s.
#[inline(always)]
fn reordering(transactions: &crate::Transactions) -> u32 {
    let round_trip = transactions.handshake_round_trip();
    ((if round_trip == 0 { REORDERING } else { round_trip }) / TICK) as u32
}

/// Whether a round trip can be measured: none is, and no socket knows better.
#[inline(always)]
const fn is_to_be_timed(segments: &Segments) -> bool {
    segments.timed_at == 0 && segments.round_trip & Segments::FROM_SOCKET == 0
}

#[inline(always)]
fn end_round_trip(back: &mut Segments, acknowledgement: u32, now: u32) {
    if back.timed_at == 0 || (acknowledgement.wrapping_sub(back.timed_end) as i32) < 0 {
        return;
    }
    // Its lowest bit is always set, so that it is not 0.
    let sample = now.wrapping_sub(back.timed_at & !1);
    back.timed_at = 0;
    if back.round_trip & Segments::FROM_SOCKET == 0 {
        back.round_trip = smooth(back.round_trip, sample) & !Segments::FROM_SOCKET;
    }
}

/// The smoothed round trip with another sample (RFC 6298 section 2); never 0.
#[inline(always)]
pub fn smooth(before: u32, sample: u32) -> u32 {
    let sample = if sample == 0 { 1 } else { sample };
    if before == 0 {
        return sample;
    }
    let after = before - (before >> 3) + (sample >> 3);
    if after == 0 { 1 } else { after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{ACK, DOWN, FIN, PSH, SYN, Step, Talk, UP, step};

    const DATA: u8 = PSH | ACK;
    const MINUTE: u32 = 60_000;

    /// What is said of each segment: `.` nothing, `R` sent again, `O` out of order, `Z` no room.
    fn verdicts(steps: &[Step]) -> ([char; 16], Talk) {
        let mut talk = Talk::new();
        let mut said = ['.'; 16];
        for (step, said) in steps.iter().zip(&mut said) {
            let way = step.way;
            let before = talk.entry.segments[way.index()].anomalies;
            talk.send(step);
            let after = talk.entry.segments[way.index()].anomalies;
            for anomaly in Anomaly::ALL {
                if before[anomaly as usize] != after[anomaly as usize] {
                    *said = ['R', 'O', 'Z'][anomaly as usize];
                }
            }
        }
        (said, talk)
    }

    /// A handshake of 20 ms; the first payload has number 101 up and 501 down.
    const OPEN: [Step; 3] =
        [step(0, UP, SYN, [100, 0], 0), step(10, DOWN, SYN | ACK, [500, 101], 0), step(20, UP, ACK, [101, 501], 0)];

    fn up(time: u32, sequence: u32, length: u32) -> Step {
        step(time, UP, DATA, [sequence, 501], length)
    }

    fn after_open(steps: &[Step]) -> [char; 16] {
        let mut all = [step(0, UP, ACK, [101, 501], 0); 16];
        all[..3].copy_from_slice(&OPEN);
        all[3..3 + steps.len()].copy_from_slice(steps);
        let (said, _) = verdicts(&all[..3 + steps.len()]);
        let mut rest = ['.'; 16];
        rest[..13].copy_from_slice(&said[3..]);
        rest
    }

    #[track_caller]
    fn check(name: &str, steps: &[Step], expected: &str) {
        let said = after_open(steps);
        assert_eq!(expected.chars().count(), steps.len(), "{name}");
        assert!(expected.chars().eq(said[..steps.len()].iter().copied()), "{name}: {said:?}, not {expected}");
    }

    #[test]
    fn segments_are_in_order_or_not() {
        check("in order", &[up(30, 101, 100), up(31, 201, 100), up(32, 301, 1)], "...");
        check("sent twice at once", &[up(30, 101, 100), up(30, 101, 100)], ".R");
        check("sent again much later", &[up(30, 101, 100), up(31, 201, 100), up(900, 101, 100)], "..R");
        check("overtaken by one", &[up(30, 201, 100), up(31, 101, 100), up(32, 301, 10)], ".O.");
        check("overtaken, and then sent again", &[up(30, 201, 9), up(31, 101, 100), up(32, 101, 100)], ".OR");
        check("as old as a round trip", &[up(30, 201, 100), up(50, 101, 100)], ".R");
        check("just younger than a round trip", &[up(30, 201, 100), up(49, 101, 100)], ".O");
        check("overtaken by two", &[up(30, 201, 10), up(31, 211, 10), up(32, 101, 100)], "..O");
        check(
            "every other one late",
            &[up(30, 201, 100), up(31, 401, 100), up(32, 101, 100), up(33, 301, 100)],
            "..OO",
        );
        check(
            "a hole filled from its end",
            &[up(30, 301, 9), up(31, 201, 100), up(32, 101, 100), up(33, 201, 100)],
            ".OOR",
        );
        check(
            "an older hole is forgotten",
            &[up(30, 201, 100), up(90, 401, 100), up(91, 301, 100), up(92, 101, 100)],
            "..OR",
        );
        check("old bytes and new ones", &[up(30, 101, 100), up(31, 101, 200), up(32, 301, 1), up(33, 201, 50)], ".R.R");
        check("a hole filled from its begin, twice", &[up(30, 301, 9), up(31, 101, 100), up(32, 101, 100)], ".OR");
        check("an acknowledgement has no place", &[up(30, 101, 9), step(31, UP, ACK, [101, 501], 0)], "..");
    }

    #[test]
    fn sequence_numbers_wrap_around() {
        let near = u32::MAX - 9;
        let open = [
            step(0, UP, SYN, [near - 1, 0], 0),
            step(10, DOWN, SYN | ACK, [500, near], 0),
            step(20, UP, ACK, [near, 501], 0),
            up(30, near, 20),
            up(31, 10, 5),
            up(32, 30, 5),
            up(33, 15, 15),
            up(34, near, 20),
        ];
        assert_eq!(verdicts(&open).0[..8], ['.', '.', '.', '.', '.', '.', 'O', 'R']);
    }

    #[test]
    fn edges_are_sent_again_too() {
        let syn = step(5, UP, SYN, [100, 0], 0);
        let answer = step(11, DOWN, SYN | ACK, [500, 101], 0);
        let (said, _) =
            verdicts(&[OPEN[0], syn, OPEN[1], answer, OPEN[2], up(30, 101, 500), up(31, 601, 500), syn, answer]);
        assert_eq!(
            said[..9],
            ['.', 'R', '.', 'R', '.', '.', '.', 'R', 'R'],
            "with the number of the first, however late"
        );
        let fin = |time| step(time, UP, FIN | ACK, [101, 501], 0);
        check("a FIN", &[fin(30), fin(300)], ".R");
        check("a FIN that overtook data", &[step(30, UP, FIN | ACK, [201, 501], 0), up(31, 101, 100)], ".O");
    }

    /// Ends that forgot their connection begin anew; what follows is in order.
    #[test]
    fn another_syn_begins_anew() {
        let anew = [step(40, UP, SYN, [90_000, 0], 0), step(50, DOWN, SYN | ACK, [7, 90_001], 0), up(60, 90_001, 10)];
        check("further on", &anew, "...");
        let back = [step(40, UP, SYN, [5, 0], 0), step(50, DOWN, SYN | ACK, [7, 6], 0), up(60, 6, 10)];
        check("further back", &back, "...");
        let cookies = [step(40, DOWN, SYN | ACK, [0x7000_0000, 101], 0), step(41, DOWN, DATA, [0x7000_0001, 101], 9)];
        check("an answer with another number", &cookies, "..");
        let back = [step(40, DOWN, SYN | ACK, [0xf000_0000, 101], 0), step(41, DOWN, DATA, [0xf000_0001, 101], 9)];
        check("an answer with another number, further back", &back, "..");
        let hole = [up(30, 201, 10), step(31, UP, SYN, [5000, 0], 0), up(32, 5001, 10), up(33, 105, 10)];
        check("a hole of before is none of now", &hole, "...R");
    }

    #[test]
    fn keep_alives_and_probes_are_not_retransmissions() {
        let empty = |time| step(time, UP, ACK, [110, 501], 0);
        check("without a byte", &[up(30, 101, 10), empty(10_000), empty(20_000), up(20_001, 111, 10)], "....");
        check("with an old byte", &[up(30, 101, 10), up(10_000, 110, 1), up(20_000, 110, 1)], "...");
        let full = |time| step(time, DOWN, ACK, [501, 111], 0).without_room();
        check(
            "a closed window is probed with a new byte, and opens",
            &[up(30, 101, 10), full(31), up(300, 111, 1), full(301), up(900, 111, 1), full(901), up(1500, 111, 50)],
            ".Z.Z.Z.",
        );
        let closing =
            [step(30, UP, tcp::RST, [101, 0], 0).without_room(), step(31, UP, SYN, [100, 0], 0).without_room()];
        check("no room at the edges means nothing", &closing, ".R");
    }

    #[test]
    fn a_connection_may_have_begun_before() {
        let ack = step(0, DOWN, ACK, [501, 101], 0);
        let (said, _) = verdicts(&[ack, step(1, DOWN, DATA, [501, 101], 40), step(2, DOWN, DATA, [541, 101], 40)]);
        assert_eq!(said[..3], ['.'; 3], "a bare acknowledgement has a place in the sequence");
        let unknown = [
            step(0, UP, ACK, [1, 1], 0),
            step(MINUTE, UP, SYN, [100, 0], 0),
            step(MINUTE + 3000, UP, SYN, [100, 0], 0),
        ];
        assert_eq!(
            verdicts(&unknown).0[..3],
            ['.', '.', 'R'],
            "a SYN that comes too late to show the initiator is known, too"
        );
        let late = u32::MAX / 2 + 5;
        let (said, _) =
            verdicts(&[step(0, UP, ACK, [late, 1], 0), step(1, UP, DATA, [late + 10, 1], 9), up(2, late, 10)]);
        assert_eq!(said[..3], ['.', '.', 'O'], "and what is missing behind it is missed");
        let (said, _) = verdicts(&[up(0, 201, 10), up(2, 101, 100), up(9, 301, 10), up(13, 211, 90)]);
        assert_eq!(
            said[..4],
            ['.', 'R', '.', 'R'],
            "without a handshake 3 ms are a round trip; before the first is no hole"
        );
    }

    #[test]
    fn anomalies_count_packets_of_the_wire() {
        let mut talk = Talk::new();
        talk.send(&up(0, 101, 3000).of_packets(3)).send(&up(9, 101, 3000).of_packets(3)).send(&up(10, 3101, 1));
        assert_eq!(talk.entry.segments[0].anomalies, [3, 0, 0]);
        assert_eq!(talk.entry.segments[0].next, 3102);
    }

    /// Round trips of payload that way, in milliseconds.
    fn round_trip(steps: &[Step]) -> Option<u64> {
        verdicts(steps).1.entry.segments[0].smoothed_round_trip().map(|time| time / 1_000_000)
    }

    #[test]
    fn round_trips_are_measured_and_smoothed() {
        let ack = |time, number| step(time, DOWN, ACK, [501, number], 0);
        let pushed_not = |time, sequence| step(time, UP, ACK, [sequence, 501], 100);
        assert_eq!(round_trip(&OPEN), None);
        assert_eq!(round_trip(&[up(0, 101, 9), ack(40, 110)]), Some(40));
        assert_eq!(round_trip(&[up(0, 101, 9), ack(30, 109), ack(40, 110), ack(90, 110)]), Some(40), "of all of it");
        assert_eq!(round_trip(&[up(0, 101, 9), up(10, 110, 9), ack(40, 119)]), Some(40), "one at a time");
        assert_eq!(round_trip(&[pushed_not(0, 101), ack(40, 201)]), None, "of a burst's end");
        let second = [up(0, 101, 9), ack(40, 110), up(50, 110, 9), ack(50 + 120, 119)];
        assert_eq!(round_trip(&second), Some(50), "40 + (120 - 40) / 8");
        let again = [up(0, 101, 9), up(300, 101, 9), ack(310, 110)];
        assert_eq!(round_trip(&again), None, "which of the two was acknowledged cannot be told");
        assert_eq!(round_trip(&[up(0, 101, 9), step(5, DOWN, DATA, [501, 110], 70)]), Some(5), "with an answer");
        let wrapped = 9 * MINUTE;
        assert_eq!(round_trip(&[up(wrapped, 101, 9), ack(wrapped + 40, 110)]), Some(40), "at any time");
    }

    #[test]
    fn a_socket_knows_better() {
        let mut talk = Talk::new();
        talk.entry.segments[0].round_trip = Segments::FROM_SOCKET | 8000;
        talk.send(&up(0, 101, 9)).send(&step(40, DOWN, ACK, [501, 110], 0));
        assert_eq!(talk.entry.segments[0].smoothed_round_trip(), Some(1_000_000));
    }

    #[test]
    fn smoothing_is_that_of_the_rfc_and_never_nothing() {
        for (before, sample, after) in [(0, 0, 1), (0, 80, 80), (80, 160, 90), (80, 0, 70), (1, 0, 1), (800, 800, 800)]
        {
            assert_eq!(smooth(before, sample), after, "{before} {sample}");
        }
    }

    /// The short way comes to the same as the long one, which is taken where it gives up.
    #[test]
    fn the_short_way_is_the_long_one() {
        let mut random = 88_172_645_463_325_252_u64;
        let mut next = |below: u32| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 33) as u32 % below
        };
        let (mut short, mut long) = (Talk::new(), Talk::new());
        let mut taken = 0;
        for number in 0..20_000 {
            let flags = [ACK, DATA, DATA, ACK, ACK, FIN | ACK, SYN, SYN | ACK][next(8).min(next(8)) as usize];
            let way = if next(2) == 0 { UP } else { DOWN };
            let known = short.entry.segments[way.index()].next;
            let sequence = if next(3) == 0 { known.wrapping_add(next(300)).wrapping_sub(150) } else { known };
            let acknowledged = short.entry.segments[way.back().index()].next;
            let mut step = step(number, way, flags, [sequence, acknowledged], next(3) * 50);
            if next(20) == 0 {
                step = step.without_room();
            }
            taken += u32::from(short.note(&step, true));
            long.note(&step, false);
            assert_eq!(short.entry.segments, long.entry.segments, "{step:?}");
        }
        assert!(taken > 4000, "{taken}");
    }
}
