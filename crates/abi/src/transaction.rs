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
        account_handshake(entry.transactions(), packet, event, after);
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

/// A retransmitted SYN or SYN-ACK does not count, nor does a SYN behind its answer, or what the initiator itself answers
/// (both ends may open at once).
#[inline(always)]
fn account_handshake(transactions: &mut Transactions, packet: &Packet, event: &Event, after: u32) {
    const BOTH: u8 = tcp::SYN | tcp::ACK;
    let is_initiator =
        after & state::INITIATOR_KNOWN != 0 && (after & state::INITIATOR_HIGH != 0) == matches!(event.way, Way::Down);
    let is_reset = packet.tcp_flags & tcp::RST != 0;
    match packet.tcp_flags & BOTH {
        tcp::SYN if transactions.syn == 0 && transactions.answer == 0 => transactions.syn = event.time,
        BOTH if transactions.answer == 0 && !is_initiator => transactions.answer = event.time,
        tcp::ACK if is_initiator && transactions.answer != 0 && transactions.confirmation == 0 && !is_reset => {
            transactions.confirmation = event.time;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talk::{ACK, DOWN, PSH, SYN, Step, Talk, UP, step};

    const DATA: u8 = PSH | ACK;

    /// What became of a name's steps.
    type Case<'a, T> = (&'a str, &'a [Step], T);

    /// Times of the handshake, in milliseconds since the begin of the connection: SYN, answer, confirmation.
    fn handshake(steps: &[Step]) -> [Option<u64>; 3] {
        let mut talk = Talk::new();
        for step in steps {
            talk.send(step);
        }
        let times = talk.entry.transactions;
        [times.syn, times.answer, times.confirmation]
            .map(|time| (time != 0).then(|| (time - talk.entry.first) / 1_000_000))
    }

    fn syn(time: u32) -> Step {
        step(time, UP, SYN, [100, 0], 0)
    }
    fn answer(time: u32) -> Step {
        step(time, DOWN, SYN | ACK, [500, 101], 0)
    }
    fn confirm(time: u32) -> Step {
        step(time, UP, ACK, [101, 501], 0)
    }

    #[test]
    fn a_handshake_has_three_times() {
        let reset = step(9, UP, tcp::RST | ACK, [101, 501], 0);
        let refused = step(9, DOWN, tcp::RST | ACK, [0, 101], 0);
        let other_syn = step(3, DOWN, SYN, [500, 0], 0);
        let other_answer = step(8, UP, SYN | ACK, [100, 501], 0);
        let down = |mut steps: [Step; 3]| {
            steps.iter_mut().for_each(|step| step.way = step.way.back());
            steps
        };
        let cases: [Case<'_, [Option<u64>; 3]>; 12] = [
            ("plain", &[syn(0), answer(10), confirm(15)], [Some(0), Some(10), Some(15)]),
            ("the other way", &down([syn(0), answer(10), confirm(15)]), [Some(0), Some(10), Some(15)]),
            ("SYN again", &[syn(0), syn(1000), answer(1010), confirm(1015)], [Some(0), Some(1010), Some(1015)]),
            ("answer again", &[syn(0), answer(10), answer(990), confirm(1000)], [Some(0), Some(10), Some(1000)]),
            (
                "all again",
                &[syn(0), answer(10), confirm(15), syn(20), answer(30), confirm(35)],
                [Some(0), Some(10), Some(15)],
            ),
            ("lost SYN", &[answer(10), confirm(15)], [None, Some(10), Some(15)]),
            ("lost answer", &[syn(0), confirm(15)], [Some(0), None, None]),
            ("a SYN behind its answer", &[answer(10), syn(11), confirm(15)], [None, Some(10), Some(15)]),
            ("given up", &[syn(0), answer(5), reset], [Some(0), Some(5), None]),
            ("refused", &[syn(0), refused], [Some(0), None, None]),
            ("both at once", &[syn(0), other_syn, other_answer, answer(12)], [Some(0), Some(12), None]),
            ("data confirms, too", &[syn(0), answer(5), step(7, UP, DATA, [101, 501], 9)], [Some(0), Some(5), Some(7)]),
        ];
        for (name, steps, expected) in cases {
            assert_eq!(handshake(steps), expected, "{name}");
        }
    }

    /// Times from questions to answers: count, sum, and sum of differences, in milliseconds.
    fn answers(steps: &[Step]) -> [u64; 3] {
        let mut talk = Talk::new();
        for step in steps {
            talk.send(step);
        }
        let times = talk.entry.transactions;
        [times.count.into(), times.sum / 1_000_000, times.difference / 1_000_000]
    }

    fn ask(time: u32, from: u32, length: u32) -> Step {
        step(time, UP, DATA, [101 + from, 501], length)
    }
    fn tell(time: u32, from: u32, length: u32) -> Step {
        step(time, DOWN, DATA, [501 + from, 101], length)
    }

    #[test]
    fn answers_follow_questions() {
        let ack = |time| step(time, DOWN, ACK, [501, 151], 0);
        let cases: [Case<'_, [u64; 3]>; 15] = [
            ("nobody asks", &[tell(0, 0, 10), tell(5, 10, 10)], [0, 0, 0]),
            ("nobody answers", &[ask(0, 0, 10), ack(5)], [0, 0, 0]),
            ("one", &[ask(0, 0, 10), tell(40, 0, 10)], [1, 40, 0]),
            (
                "think time counts for neither",
                &[ask(0, 0, 10), tell(40, 0, 10), ask(9000, 10, 5), tell(9050, 10, 10)],
                [2, 90, 10],
            ),
            ("from the last of a question", &[ask(0, 0, 10), ask(100, 10, 10), tell(140, 0, 10)], [1, 40, 0]),
            ("to the first of an answer", &[ask(0, 0, 10), tell(40, 0, 10), tell(90, 10, 10)], [1, 40, 0]),
            ("an acknowledgement is no answer", &[ask(0, 0, 50), ack(1), tell(40, 0, 10)], [1, 40, 0]),
            (
                "pipelined questions are one",
                &[ask(0, 0, 10), ask(2, 10, 10), tell(40, 0, 9), tell(50, 9, 9)],
                [1, 38, 0],
            ),
            (
                "a question within an answer",
                &[ask(0, 0, 9), tell(40, 0, 9), ask(41, 9, 9), tell(45, 9, 9)],
                [2, 44, 36],
            ),
            ("a question sent again", &[ask(0, 0, 10), ask(300, 0, 10), tell(340, 0, 10)], [1, 340, 0]),
            (
                "an answer sent again",
                &[ask(0, 0, 9), tell(40, 0, 9), tell(340, 0, 9), ask(400, 9, 9), tell(410, 9, 9)],
                [2, 50, 30],
            ),
            (
                "an answer sent again to the next question",
                &[ask(0, 0, 9), tell(40, 0, 9), ask(50, 9, 9), tell(60, 0, 9)],
                [1, 40, 0],
            ),
            (
                "a question that was missing",
                &[ask(0, 0, 9), ask(1, 20, 9), ask(400, 9, 11), tell(440, 0, 9)],
                [1, 40, 0],
            ),
            ("a question that goes on after old bytes", &[ask(0, 0, 10), ask(20, 5, 15), tell(60, 0, 9)], [1, 40, 0]),
            (
                "a keep-alive asks nothing",
                &[ask(0, 0, 9), tell(40, 0, 9), ask(5000, 8, 1), tell(5001, 9, 9)],
                [1, 40, 0],
            ),
        ];
        for (name, steps, expected) in cases {
            assert_eq!(answers(steps), expected, "{name}");
        }
    }

    #[test]
    fn three_answers_differ_twice() {
        let steps = [0, 1, 2]
            .map(|turn| [ask(1000 * turn, turn * 9, 9), tell(1000 * turn + [40, 10, 30][turn as usize], turn * 9, 9)]);
        assert_eq!(answers(steps.as_flattened()), [3, 80, 50]);
    }

    /// The initiator asks; if nobody knows it, the larger port; if these are the same, the lower end.
    #[test]
    fn who_asks_is_known_or_guessed() {
        let pair = |ports| [tell(0, 0, 9).between(ports), ask(40, 0, 9).between(ports)];
        assert_eq!(answers(&pair([40_000, 80])), [0, 0, 0], "the first speaks unasked");
        assert_eq!(answers(&pair([80, 40_000])), [1, 40, 0], "the other end has the larger port");
        assert_eq!(answers(&pair([7, 7])), [0, 0, 0]);
        let [tell, ask] = pair([80, 40_000]);
        let opened = [syn(0), answer(1), confirm(2)].map(|step| step.between([80, 40_000]));
        assert_eq!(answers(&[opened[0], opened[1], opened[2], tell, ask]), [0, 0, 0], "but did not begin");
    }

    /// With TCP Fast Open the SYN asks.
    #[test]
    fn a_syn_may_ask() {
        assert_eq!(
            answers(&[step(0, UP, SYN, [100, 0], 20), step(10, DOWN, SYN | ACK, [500, 121], 0), tell(30, 0, 9)]),
            [1, 30, 0]
        );
    }
}
