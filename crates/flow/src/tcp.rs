//! Times and order of the segments of a TCP connection, as a record of it says them.

use flowtrace_abi::{Anomaly, FlowEntry, Transactions, Way, asking_way};

use crate::flow::Flow;
use crate::handshakes::Step;
use crate::orientation::Orientation;
use crate::{Direction, Handshake, Latency, Packets, Segments, Tcp};

/// What a TCP flow has beside its entry. Only flows that need it have this.
#[derive(Clone, Debug, Default)]
pub struct TcpMemory {
    /// Packets by way and [`Anomaly`] at the begin of the window.
    anomalies: [[u32; 3]; 2],
    /// Questions and answers then: as in [`Transactions`].
    sum: u64,
    difference: u64,
    count: u32,
    /// Differences to the handshake before, by [`Step`].
    pub jitter: [Option<u64>; 2],
}

impl TcpMemory {
    /// Begins the next window.
    pub fn next_window(&mut self, entry: &FlowEntry) {
        let Transactions { sum, difference, count, .. } = entry.transactions;
        let anomalies = [entry.segments[0].anomalies, entry.segments[1].anomalies];
        *self = Self { anomalies, sum, difference, count, jitter: [None; 2] };
    }
}

impl Flow {
    /// The part of its record that is about TCP.
    pub fn tcp(&self, orientation: &Orientation) -> Box<Tcp> {
        let latency = self.latency().filter(|_| self.asks_as_guessed(orientation));
        let (service, round_trip) = match orientation.direction {
            Direction::Unknown => (None, None),
            Direction::Reverse => (latency, None),
            Direction::Forward if orientation.is_within => (latency, latency),
            Direction::Forward => (None, latency),
        };
        Box::new(Tcp {
            handshake: self.handshake(),
            service,
            round_trip,
            forward: self.segments(orientation.forward),
            reverse: self.segments(orientation.forward.back()),
        })
    }

    /// The steps of the handshake that were made in this window.
    fn handshake(&self) -> Handshake {
        let jitter = self.tcp.as_ref().map_or([None; 2], |memory| memory.jitter);
        let took = |step: Step| self.has_in_window(step).map(|sample| sample.took);
        Handshake {
            answer: took(Step::Answer),
            answer_jitter: jitter[Step::Answer as usize],
            confirmation: took(Step::Confirmation),
            confirmation_jitter: jitter[Step::Confirmation as usize],
        }
    }

    /// Whether those that the counting took for questions came from the initiator: where no handshake shows who that is,
    /// the counting goes by the ports.
    fn asks_as_guessed(&self, orientation: &Orientation) -> bool {
        let guessed = asking_way(self.entry.state, self.key.low_port, self.key.high_port);
        orientation.initiator == Some(guessed)
    }

    /// Times from questions to answers. (Other CPUs write to the sums while they are read: they may be behind.)
    fn latency(&self) -> Option<Latency> {
        let Transactions { sum, difference, count, .. } = self.entry.transactions;
        let base = self.tcp.as_deref().cloned().unwrap_or_default();
        let samples = u64::from(count.saturating_sub(base.count));
        if samples == 0 {
            return None;
        }
        // The very first differs from none.
        let differences = if base.count == 0 { samples - 1 } else { samples };
        Some(Latency {
            mean: sum.saturating_sub(base.sum) / samples,
            jitter: difference.saturating_sub(base.difference).checked_div(differences).unwrap_or(0),
        })
    }

    fn segments(&self, way: Way) -> Segments {
        let now = &self.entry.segments[way.index()];
        let base = self.tcp.as_ref().map_or([0; 3], |memory| memory.anomalies[way.index()]);
        let packets = |anomaly: Anomaly| {
            let (total, base) = (now.anomalies[anomaly as usize], base[anomaly as usize]);
            Packets { delta: u64::from(total.saturating_sub(base)), total: u64::from(total) }
        };
        Segments {
            retransmits: packets(Anomaly::Retransmission),
            out_of_order: packets(Anomaly::OutOfOrder),
            zero_window: packets(Anomaly::ZeroWindow),
            round_trip: now.smoothed_round_trip(),
        }
    }
}
