//! The counting rule: which flow a packet belongs to, and what it adds to it.

use flowtrace_wire::{Packet, protocol, tcp};

use crate::segment::{account_next, account_segment};
use crate::transaction::{account_question, account_transaction};
use crate::{Cells, HeaderValues, Timeouts, Way, state};

/// One packet, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Which way it goes.
    pub way: Way,
    /// How many packets of the wire it stands for.
    pub packets: u64,
    /// Their IP bytes.
    pub bytes: u64,
    /// When it was seen, in nanoseconds.
    pub time: u64,
    /// Where it was seen (as in [`FlowEntry::points`](crate::FlowEntry::points)).
    pub point: u32,
    /// The current scan.
    pub epoch: u16,
}

/// Whether the entry's flow is still on at `time`, so that the packet belongs to it. If not, the packet begins a new
/// flow of the same ends, and this one is final: nobody will write to it again. `silence`: how long a flow may be silent
/// whatever its timeout, in nanoseconds (see [`ScanState`](crate::ScanState)).
#[inline(always)]
pub fn admits<C: Cells>(entry: &C, packet: &Packet, time: u64, timeouts: &Timeouts, silence: u64) -> bool {
    let now = entry.state();
    if now & (state::ENDED | state::SUPERSEDED) != 0 {
        return lingers(entry, time, timeouts, silence) && !supersedes(entry, packet);
    }
    let up = entry.last(Way::Up);
    let down = entry.last(Way::Down);
    let last = if up > down { up } else { down };
    let idle = timeouts.idle(packet.protocol);
    time < last.saturating_add(if idle < silence { idle } else { silence })
}

/// Whether nobody has closed the entry's flow yet, though it may not admit a packet that opens another.
#[inline(always)]
pub fn lingers<C: Cells>(entry: &C, time: u64, timeouts: &Timeouts, silence: u64) -> bool {
    let now = entry.state();
    let linger = timeouts.linger(now);
    let linger = if linger < silence { linger } else { silence };
    now & state::ENDED != 0 && now & state::SUPERSEDED == 0 && time < entry.ended().saturating_add(linger)
}

/// Whether the packet opens a new connection on the ends of one that has ended: a SYN with another sequence number.
#[inline(always)]
fn supersedes<C: Cells>(entry: &C, packet: &Packet) -> bool {
    let now = entry.state();
    packet.tcp_flags & (tcp::SYN | tcp::ACK) == tcp::SYN
        && now & state::ENDED != 0
        && (now & state::SEQUENCE_KNOWN == 0 || entry.sequence() != packet.sequence)
}

/// Counts the packet into the entry. An entry's first packet is counted the same way, into an entry that is zero but for
/// the time of that packet. What there is to note of a TCP segment's times is left to [`account_tcp_times`]. Answers
/// whether it is the first of its way in this scan.
#[inline(always)]
pub fn account<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, timeouts: &Timeouts) -> bool {
    let way = event.way;
    if packet.protocol == protocol::TCP {
        account_tcp(entry, packet, event, timeouts);
    }
    if entry.point(way) != event.point {
        entry.set_point(way, event.point, packet.source_mac);
    }
    entry.add(way, event.packets, event.bytes);
    if event.time > entry.last(way) {
        entry.set_last(way, event.time);
    }
    let is_first = entry.epoch(way) != event.epoch;
    if is_first {
        entry.set_header(way, event.epoch, HeaderValues::pack(packet));
    }
    is_first
}

/// What the segment says about times and order, where [`is_remarkable`](crate::is_remarkable) says that there is
/// something. `before` is the state before the packet was counted.
#[inline(always)]
pub fn account_tcp_times<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, before: u32) {
    let is_new = account_next(entry, packet, event, before) || account_segment(entry, packet, event, before);
    if account_question(entry, packet, event, is_new, before) {
        account_transaction(entry, packet, event, is_new, before);
    }
}

#[inline(always)]
fn account_tcp<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, timeouts: &Timeouts) {
    let flags = packet.tcp_flags;
    let before = entry.state();
    let mut raised = state::flags(event.way, flags);
    const EDGES: u8 = tcp::SYN | tcp::FIN | tcp::RST;
    const FINS: u32 = state::flags(Way::Up, tcp::FIN) | state::flags(Way::Down, tcp::FIN);
    if flags & EDGES != 0 || before & FINS != 0 {
        raised |= account_edge(entry, packet, event, timeouts, before);
    }
    // Last, and at once: who sees a bit on another CPU finds the values written that go with it.
    if before & raised != raised {
        entry.raise(raised);
    }
}

/// What SYN, FIN and RST, and the acknowledgement of a FIN, say about the connection.
#[inline(always)]
fn account_edge<C: Cells>(entry: &mut C, packet: &Packet, event: &Event, timeouts: &Timeouts, before: u32) -> u32 {
    let flags = packet.tcp_flags;
    let way = event.way;
    let mut raised = 0;
    if flags & tcp::SYN != 0 {
        let is_early = event.time < entry.first().saturating_add(timeouts.evidence);
        raised |= account_syn(entry, packet, way, before, is_early);
    }
    if flags & tcp::FIN != 0 && state::flags_of(before, way) & tcp::FIN == 0 {
        let syn = (flags & tcp::SYN != 0) as u32;
        let next = packet.sequence.wrapping_add(packet.payload_length()).wrapping_add(syn).wrapping_add(1);
        entry.set_fin(way, next);
    }
    if flags & (tcp::FIN | tcp::RST) != 0 && before & state::CLOSED == 0 {
        raised |= closing(flags, way, before);
    }
    if flags & tcp::ACK != 0 && state::flags_of(before, way.back()) & tcp::FIN != 0 {
        let ahead = packet.acknowledgement.wrapping_sub(entry.fin(way.back())) as i32;
        if ahead >= 0 {
            raised |= state::fin_acknowledged(way.back());
        }
    }
    let after = before | raised;
    const BOTH: u32 = state::fin_acknowledged(Way::Up) | state::fin_acknowledged(Way::Down);
    if after & state::ENDED == 0 && (flags & tcp::RST != 0 || after & BOTH == BOTH) {
        entry.set_ended(event.time);
        raised |= state::ENDED;
        if flags & tcp::RST != 0 {
            raised |= state::ENDED_BY_RESET;
        }
    }
    raised
}

/// Who began: the sender of a SYN, or the receiver of a SYN-ACK; and with which sequence number. Both may be named by now
/// where the flow `is_early` no more.
#[inline(always)]
fn account_syn<C: Cells>(entry: &mut C, packet: &Packet, way: Way, before: u32, is_early: bool) -> u32 {
    let answer = packet.tcp_flags & tcp::ACK != 0;
    let mut raised = if answer { state::ANSWERED } else { 0 };
    if !is_early {
        return raised;
    }
    if before & state::INITIATOR_KNOWN == 0 {
        let initiator = if answer { way.back() } else { way };
        raised |= state::INITIATOR_KNOWN;
        if matches!(initiator, Way::Down) {
            raised |= state::INITIATOR_HIGH;
        }
    }
    if before & state::SEQUENCE_KNOWN == 0 {
        entry.set_sequence(if answer { packet.acknowledgement.wrapping_sub(1) } else { packet.sequence });
        raised |= state::SEQUENCE_KNOWN;
    }
    raised
}

/// Who closed first, and how. An RST in answer to a SYN that nothing else answered refuses the connection.
#[inline(always)]
const fn closing(flags: u8, way: Way, before: u32) -> u32 {
    let mut raised = state::CLOSED;
    if matches!(way, Way::Down) {
        raised |= state::CLOSED_DOWN;
    }
    if flags & tcp::RST != 0 {
        raised |= state::RESET;
        let back = state::flags_of(before, way.back());
        if back & tcp::SYN != 0 && before & state::ANSWERED == 0 && state::flags_of(before, way) & !tcp::RST == 0 {
            raised |= state::REFUSED;
        }
    }
    raised
}

#[cfg(test)]
mod tests {
    use flowtrace_wire::Address;

    use super::*;
    use crate::{FlowEntry, FlowKey};

    const SECOND: u64 = 1_000_000_000;

    /// A connection between two ends, fed packet by packet.
    struct Talk {
        entry: FlowEntry,
        time: u64,
    }

    impl Talk {
        fn new() -> Self {
            Self { entry: FlowEntry { first: 1000 * SECOND, ..FlowEntry::default() }, time: 1000 * SECOND }
        }

        fn segment(up: bool, flags: u8, sequence: u32, acknowledgement: u32) -> Packet {
            let (a, b) = (Address::from_v4([10, 0, 0, 1]), Address::from_v4([10, 0, 0, 2]));
            let (source, destination, source_port, destination_port) =
                if up { (a, b, 40000, 80) } else { (b, a, 80, 40000) };
            Packet {
                ip_version: 4,
                protocol: protocol::TCP,
                source,
                destination,
                source_port,
                destination_port,
                has_transport: true,
                tcp_flags: flags,
                sequence,
                acknowledgement,
                ip_length: 40,
                header_length: 40,
                ..Packet::default()
            }
        }

        fn send(&mut self, up: bool, flags: u8, sequence: u32, acknowledgement: u32) -> &mut Self {
            let packet = Self::segment(up, flags, sequence, acknowledgement);
            let (_, way) = FlowKey::of(&packet);
            self.time += SECOND / 1000;
            let event = Event { way, packets: 1, bytes: 40, time: self.time, point: 2, epoch: 1 };
            account(&mut self.entry, &packet, &event, &Timeouts::DEFAULT);
            self
        }

        fn has(&self, bits: u32) -> bool {
            self.entry.state & bits == bits
        }
    }

    fn opened() -> Talk {
        let mut talk = Talk::new();
        talk.send(true, tcp::SYN, 100, 0).send(false, tcp::SYN | tcp::ACK, 500, 101).send(true, tcp::ACK, 101, 501);
        talk
    }

    #[test]
    fn a_handshake_shows_initiator_and_sequence() {
        let talk = opened();
        assert!(talk.has(state::INITIATOR_KNOWN | state::SEQUENCE_KNOWN | state::ANSWERED));
        assert!(!talk.has(state::INITIATOR_HIGH));
        assert_eq!(talk.entry.sequence, 100);
        assert_eq!(talk.entry.ways[0].packets, 2);
        assert_eq!(talk.entry.ways[1].bytes, 40);
    }

    #[test]
    fn a_lost_syn_is_read_from_its_answer() {
        let mut talk = Talk::new();
        talk.send(false, tcp::SYN | tcp::ACK, 500, 101);
        assert!(talk.has(state::INITIATOR_KNOWN));
        assert!(!talk.has(state::INITIATOR_HIGH));
        assert_eq!(talk.entry.sequence, 100);
    }

    #[test]
    fn both_fins_must_be_acknowledged() {
        let mut talk = opened();
        talk.send(true, tcp::FIN | tcp::ACK, 101, 501).send(false, tcp::FIN | tcp::ACK, 501, 101);
        assert!(!talk.has(state::ENDED), "neither FIN is acknowledged: 101 is the FIN's own number");
        talk.send(true, tcp::ACK, 102, 502);
        assert!(!talk.has(state::ENDED));
        talk.send(false, tcp::ACK, 502, 102);
        assert!(talk.has(state::ENDED | state::CLOSED));
        assert!(!talk.has(state::RESET) && !talk.has(state::CLOSED_DOWN));
        assert_eq!(talk.entry.ended, talk.time);
    }

    #[test]
    fn a_fin_behind_data_counts_the_data() {
        let mut talk = opened();
        let mut packet = Talk::segment(true, tcp::FIN | tcp::ACK, 101, 501);
        packet.ip_length = 140;
        let event = Event { way: Way::Up, packets: 1, bytes: 140, time: talk.time, point: 2, epoch: 1 };
        account(&mut talk.entry, &packet, &event, &Timeouts::DEFAULT);
        assert_eq!(talk.entry.fins[0], 202);
    }

    #[test]
    fn an_answer_by_rst_refuses_and_a_later_one_resets() {
        let mut refused = Talk::new();
        refused.send(true, tcp::SYN, 100, 0).send(false, tcp::RST | tcp::ACK, 0, 101);
        assert!(refused.has(state::REFUSED | state::RESET | state::ENDED | state::CLOSED_DOWN));
        let mut reset = opened();
        reset.send(true, tcp::RST, 101, 0);
        assert!(reset.has(state::RESET | state::ENDED) && !reset.has(state::REFUSED));
        assert!(!reset.has(state::CLOSED_DOWN));
        let mut after_fin = opened();
        after_fin.send(true, tcp::FIN | tcp::ACK, 101, 501).send(false, tcp::RST, 501, 0);
        assert!(after_fin.has(state::ENDED | state::ENDED_BY_RESET) && !after_fin.has(state::RESET));
    }

    #[test]
    fn silence_ends_a_flow_and_so_does_the_linger() {
        let timeouts = Timeouts::default();
        let mut talk = opened();
        let data = Talk::segment(true, tcp::ACK, 101, 501);
        assert!(admits(&talk.entry, &data, talk.time + timeouts.tcp - 1, &timeouts, u64::MAX));
        assert!(!admits(&talk.entry, &data, talk.time + timeouts.tcp, &timeouts, u64::MAX));
        talk.send(true, tcp::RST, 101, 0);
        assert!(admits(&talk.entry, &data, talk.time + timeouts.tcp_rst - 1, &timeouts, u64::MAX));
        assert!(!admits(&talk.entry, &data, talk.time + timeouts.tcp_rst, &timeouts, u64::MAX));
    }

    #[test]
    fn only_a_new_sequence_number_reuses_the_ends() {
        let timeouts = Timeouts::default();
        let mut talk = opened();
        let again = Talk::segment(true, tcp::SYN, 9000, 0);
        assert!(admits(&talk.entry, &again, talk.time, &timeouts, u64::MAX), "the connection is still open");
        talk.send(false, tcp::RST, 501, 0);
        assert!(admits(&talk.entry, &Talk::segment(true, tcp::SYN, 100, 0), talk.time, &timeouts, u64::MAX));
        assert!(!admits(&talk.entry, &again, talk.time, &timeouts, u64::MAX));
        assert!(lingers(&talk.entry, talk.time + timeouts.tcp_rst - 1, &timeouts, u64::MAX));
        assert!(!lingers(&talk.entry, talk.time + timeouts.tcp_rst, &timeouts, u64::MAX));
        assert!(!lingers(&talk.entry, talk.time + SECOND, &timeouts, SECOND), "room is short");
        talk.entry.raise(state::SUPERSEDED);
        assert!(!lingers(&talk.entry, talk.time, &timeouts, u64::MAX));
        assert!(!admits(&talk.entry, &Talk::segment(true, tcp::SYN, 100, 0), talk.time, &timeouts, u64::MAX));
    }

    #[test]
    fn header_values_are_those_of_the_first_packet_of_a_scan() {
        let mut talk = Talk::new();
        let mut packet = Talk::segment(true, tcp::ACK, 1, 1);
        for (epoch, hop_limit) in [(1, 64), (1, 63), (2, 62)] {
            packet.hop_limit = hop_limit;
            let event = Event { way: Way::Up, packets: 1, bytes: 40, time: talk.time, point: 2, epoch };
            account(&mut talk.entry, &packet, &event, &Timeouts::DEFAULT);
            let seen = HeaderValues::unpack(talk.entry.headers[0]).expect("written").hop_limit;
            assert_eq!(seen, if epoch == 1 { 64 } else { 62 });
        }
    }
}
