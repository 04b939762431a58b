//! The state of a TCP connection as one end sees it (RFC 9293 section 3.3.2), read from what both ends sent.

use flowtrace_abi::{FlowEntry, Way, state};
use flowtrace_wire::tcp;

/// A state of a TCP connection, in the words of OpenTelemetry's `network.connection.state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// It is over, or was refused or reset.
    Closed,
    /// The other end has sent its last data.
    CloseWait,
    /// Both ends have closed, neither knows it of the other's acknowledgement.
    Closing,
    /// Data can go both ways.
    Established,
    /// This end has closed, which was not acknowledged.
    FinWait1,
    /// This end has closed, which was acknowledged.
    FinWait2,
    /// Both ends have closed, this one last, which was not acknowledged.
    LastAck,
    /// The other end wants to connect, this one has not answered.
    Listen,
    /// This end has answered a SYN.
    SynReceived,
    /// This end wants to connect.
    SynSent,
    /// Both ends have closed, this one first.
    TimeWait,
}

impl ConnectionState {
    /// The value of `flow.connection.state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::CloseWait => "close_wait",
            Self::Closing => "closing",
            Self::Established => "established",
            Self::FinWait1 => "fin_wait_1",
            Self::FinWait2 => "fin_wait_2",
            Self::LastAck => "last_ack",
            Self::Listen => "listen",
            Self::SynReceived => "syn_received",
            Self::SynSent => "syn_sent",
            Self::TimeWait => "time_wait",
        }
    }

    /// What the end that sends on the way `own` sees. A connection whose handshake was not seen is taken as established.
    pub fn of(entry: &FlowEntry, own: Way) -> Self {
        let mine = state::flags_of(entry.state, own);
        let theirs = state::flags_of(entry.state, own.back());
        if (mine | theirs) & tcp::RST != 0 {
            return Self::Closed;
        }
        if (mine | theirs) & tcp::FIN != 0 {
            return Self::closing(entry.state, own, mine, theirs);
        }
        Self::opening(entry.state, mine, theirs)
    }

    /// Before any FIN.
    const fn opening(flow_state: u32, mine: u8, theirs: u8) -> Self {
        let is_answered = flow_state & state::ANSWERED != 0;
        let i_asked = mine & tcp::SYN != 0 && mine & tcp::ACK == 0;
        match (mine & tcp::SYN != 0, theirs & tcp::SYN != 0) {
            (false, false) => Self::Established,
            // An acknowledgement without a SYN of this end: its SYN was not seen.
            (false, true) if mine & tcp::ACK != 0 || theirs & tcp::ACK != 0 => Self::Established,
            (false, true) => Self::Listen,
            (true, false) if theirs & tcp::ACK != 0 => Self::Established,
            (true, false) if i_asked => Self::SynSent,
            (true, false) => Self::SynReceived,
            // The end that asked is done with the answer; the one that answered waits for the acknowledgement.
            (true, true) if i_asked && is_answered => Self::Established,
            (true, true) if theirs & tcp::ACK != 0 && mine & tcp::ACK != 0 => Self::Established,
            (true, true) => Self::SynReceived,
        }
    }

    /// After the first FIN.
    const fn closing(flow_state: u32, own: Way, mine: u8, theirs: u8) -> Self {
        let is_acknowledged = flow_state & state::fin_acknowledged(own) != 0;
        let closed_first = (flow_state & state::CLOSED_DOWN == 0) == matches!(own, Way::Up);
        match (mine & tcp::FIN != 0, theirs & tcp::FIN != 0) {
            (false, _) => Self::CloseWait,
            (true, false) if is_acknowledged => Self::FinWait2,
            (true, false) => Self::FinWait1,
            (true, true) => match (closed_first, is_acknowledged) {
                (true, true) => Self::TimeWait,
                (true, false) => Self::Closing,
                (false, true) => Self::Closed,
                (false, false) => Self::LastAck,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Way = Way::Up;

    fn seen(mine: u8, theirs: u8, more: u32) -> FlowEntry {
        let flags = state::flags(UP, mine) | state::flags(UP.back(), theirs);
        FlowEntry { state: flags | more, ..FlowEntry::default() }
    }

    #[test]
    fn every_state_from_both_ends() {
        use ConnectionState as S;
        use tcp::{ACK, FIN, RST, SYN};
        let (mine, yours) = (state::fin_acknowledged(UP), state::fin_acknowledged(UP.back()));
        let (closed, down, answered) = (state::CLOSED, state::CLOSED_DOWN, state::ANSWERED);
        let rows = [
            ("a scan that nobody answers", SYN, 0, 0, S::SynSent, S::Listen),
            ("answered", SYN, SYN | ACK, answered, S::Established, S::SynReceived),
            ("acknowledged", SYN | ACK, SYN | ACK, answered, S::Established, S::Established),
            ("both ask at once", SYN, SYN, 0, S::SynReceived, S::SynReceived),
            ("refused", SYN, RST | ACK, closed | down, S::Closed, S::Closed),
            ("picked up in the middle", ACK, 0, 0, S::Established, S::Established),
            ("only the answer was seen", 0, SYN | ACK, answered, S::Established, S::SynReceived),
            ("closed by this end", SYN | ACK | FIN, SYN | ACK, answered | closed, S::FinWait1, S::CloseWait),
            ("which is acknowledged", SYN | ACK | FIN, SYN | ACK, answered | closed | mine, S::FinWait2, S::CloseWait),
            ("and by the other", ACK | FIN, ACK | FIN, closed | mine, S::TimeWait, S::LastAck),
            ("both acknowledged", ACK | FIN, ACK | FIN, closed | mine | yours, S::TimeWait, S::Closed),
            ("both at once", ACK | FIN, ACK | FIN, closed, S::Closing, S::LastAck),
            ("closed by the other first", ACK | FIN, ACK | FIN, closed | down, S::LastAck, S::Closing),
            ("reset after a FIN", ACK | FIN, ACK | RST, closed | mine, S::Closed, S::Closed),
        ];
        for (what, up, back, more, own, other) in rows {
            let entry = seen(up, back, more);
            assert_eq!(ConnectionState::of(&entry, UP), own, "{what}");
            assert_eq!(ConnectionState::of(&entry, UP.back()), other, "{what}, the other end");
        }
    }
}
