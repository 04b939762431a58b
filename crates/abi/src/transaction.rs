//! Times of a TCP connection: its handshake, and questions and their answers.

use flowtrace_wire::{Packet, tcp};

use crate::{Cells, Event, Way, state};

/// Handshake, and questions and answers. A question is a burst of payload from the initiator, its answer the payload
/// that the responder sends next; the pause until the next question counts for neither.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transactions {
    /// When the first SYN was seen, in nanoseconds; 0: none.
    pub syn: u64,
    /// When the first SYN-ACK was; 0: none.
    pub answer: u64,
    /// When the initiator acknowledged that; 0: it did not.
    pub confirmation: u64,
    /// When the last payload of a question was seen that has no answer yet, in nanoseconds; 0: nobody waits.
    pub asked: u64,
    /// Sum of the times from questions to answers, in nanoseconds.
    pub sum: u64,
    /// Sum of the absolute differences of two such times in a row, in nanoseconds.
    pub difference: u64,
    /// The latest such time, in nanoseconds.
    pub latest: u64,
    /// How many answers there were.
    pub count: u32,
    /// Zero.
    pub reserved: u32,
}

impl Transactions {
    /// From the first SYN to the SYN-ACK and on to its acknowledgement, in nanoseconds; 0 where one was not seen.
    #[inline(always)]
    pub const fn handshake_round_trip(&self) -> u64 {
        if self.syn == 0 || self.answer == 0 { 0 } else { self.confirmation.saturating_sub(self.syn) }
    }
}

/// The way on which questions are asked: from the initiator; where no handshake shows it, from the larger port.
#[inline(always)]
pub const fn asking_way(flow_state: u32, low_port: u16, high_port: u16) -> Way {
    let from_high = if flow_state & state::INITIATOR_KNOWN != 0 {
        flow_state & state::INITIATOR_HIGH != 0
    } else {
        high_port > low_port
    };
    if from_high { Way::Down } else { Way::Up }
}

/// The same, for a packet on its way.
#[inline(always)]
fn asks(packet: &Packet, way: Way, flow_state: u32) -> bool {
    let (low, high) = match way {
        Way::Up => (packet.source_port, packet.destination_port),
        Way::Down => (packet.destination_port, packet.source_port),
    };
    asking_way(flow_state, low, high).index() == way.index()
}

/// Whether somebody waits for the packet's payload.
#[inline(always)]
pub(crate) fn is_answer<C: Cells>(entry: &mut C, packet: &Packet, way: Way, before: u32) -> bool {
    entry.transactions().asked != 0 && !asks(packet, way, before)
}

/// Notes a question, which most new payload is or has just been. Answers whether [`account_transaction`] has more to note
/// of the segment.
#[inline(always)]
pub fn account_question<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, is_new: bool, before: u32) -> bool {
    let in_handshake = is_in_handshake(packet, event.way, before);
    if !is_new || in_handshake {
        return in_handshake;
    }
    let asks = asks(packet, event.way, before);
    let transactions = entry.transactions();
    if asks {
        transactions.asked = event.time;
    }
    !asks && transactions.asked != 0
}

/// A SYN, or the first segment of an end that acknowledges something.
#[inline(always)]
const fn is_in_handshake(packet: &Packet, way: Way, before: u32) -> bool {
    packet.tcp_flags & tcp::SYN != 0 || state::flags_of(before, way) & tcp::ACK == 0
}

/// Notes the times of a segment of the handshake, or of an answer. `is_new`: it brought new payload. `before` is the state
/// without it.
#[inline(always)]
pub fn account_transaction<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, is_new: bool, before: u32) {
    let after = entry.state();
    if is_in_handshake(packet, event.way, before) {
        account_handshake(entry.transactions(), packet, event, before, after);
    }
    if !is_new {
        return;
    }
    let asks = asks(packet, event.way, after);
    let transactions = entry.transactions();
    if asks {
        transactions.asked = event.time;
    } else if transactions.asked != 0 {
        transactions.add(event.time.saturating_sub(transactions.asked));
        transactions.asked = 0;
    }
}

/// A retransmitted SYN or SYN-ACK does not count.
#[inline(always)]
fn account_handshake(transactions: &mut Transactions, packet: &Packet, event: &Event, before: u32, after: u32) {
    const BOTH: u8 = tcp::SYN | tcp::ACK;
    match packet.tcp_flags & BOTH {
        tcp::SYN if transactions.syn == 0 => transactions.syn = event.time,
        BOTH if transactions.answer == 0 => transactions.answer = event.time,
        tcp::ACK if transactions.answer != 0 && transactions.confirmation == 0 => {
            let is_initiator = before & state::INITIATOR_KNOWN != 0
                && (after & state::INITIATOR_HIGH != 0) == matches!(event.way, Way::Down);
            if is_initiator && packet.tcp_flags & tcp::RST == 0 {
                transactions.confirmation = event.time;
            }
        }
        _ => {}
    }
}

impl Transactions {
    #[inline(always)]
    fn add(&mut self, time: u64) {
        if self.count != 0 {
            self.difference = self.difference.wrapping_add(time.abs_diff(self.latest));
        }
        self.sum = self.sum.wrapping_add(time);
        self.latest = time;
        self.count = self.count.wrapping_add(1);
    }
}
