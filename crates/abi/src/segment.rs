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
    packet.acknowledgement.wrapping_sub(1) == entry.sequence() && (sent as u64) < entry.packets(way).wrapping_mul(LONGEST)
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
