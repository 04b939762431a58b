//! The handshake before: how much the times of handshakes between a client and a server differ.
//!
//! Bounded: it remembers the servers that were talked to last. Live, handshakes become known in the order of readings;
//! they are compared in the order in which they were made ([`Handshakes::settle`]).

use std::collections::BTreeSet;

use flowtrace_abi::{FlowKey, Transactions, state};
use flowtrace_wire::Address;

use crate::recent::Recent;

/// The two steps of a handshake that take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// From the first SYN to the SYN-ACK.
    Answer = 0,
    /// From the SYN-ACK to its acknowledgement.
    Confirmation = 1,
}

impl Step {
    /// All.
    pub const ALL: [Self; 2] = [Self::Answer, Self::Confirmation];

    /// The step as a bit.
    pub const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// When the step was done and how long it took, in nanoseconds, if begin and end were seen.
    pub fn of(self, transactions: &Transactions) -> Option<Sample> {
        let Transactions { syn, answer, confirmation, .. } = *transactions;
        let (begin, end) = match self {
            Self::Answer => (syn, answer),
            Self::Confirmation => (answer, confirmation),
        };
        let is_seen = begin != 0 && end >= begin;
        is_seen.then(|| Sample { time: end, took: end - begin })
    }
}

/// One step of one handshake, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was done.
    pub time: u64,
    /// How long it took.
    pub took: u64,
}

/// Who asked whom: client address, server address and port, protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    client: [u8; 16],
    server: [u8; 16],
    port: u16,
    ip_version: u8,
}

impl Pair {
    /// Of a flow whose handshake showed the initiator.
    pub fn of(key: &FlowKey, flow_state: u32) -> Option<Self> {
        if flow_state & state::INITIATOR_KNOWN == 0 {
            return None;
        }
        let low = (key.low, key.low_port);
        let high = (key.high, key.high_port);
        let is_high = flow_state & state::INITIATOR_HIGH != 0;
        let (client, (server, port)): (Address, _) = if is_high { (high.0, low) } else { (low.0, high) };
        Some(Self { client: client.octets(), server: server.octets(), port, ip_version: key.ip_version })
    }
}

/// The latest handshakes, and those that are to be compared with them.
pub struct Handshakes {
    latest: Recent<(Pair, Step), Sample>,
    /// Live: by time, with the index of the flow.
    waiting: BTreeSet<(u64, u32, Step)>,
    /// A handshake is compared with one that is younger than this, in nanoseconds.
    window: u64,
    /// Live: when the last scan ended.
    scanned: u64,
}

impl Handshakes {
    /// A memory of so many servers.
    pub fn new(capacity: usize, window: u64) -> Self {
        Self { latest: Recent::new(capacity), waiting: BTreeSet::new(), window, scanned: 0 }
    }

    /// The absolute difference to the handshake before, in nanoseconds; this one is the latest from now on.
    pub fn compare(&mut self, pair: Pair, step: Step, sample: Sample) -> Option<u64> {
        let before = self.latest.get(&(pair, step)).copied();
        self.latest.put((pair, step), sample);
        let before = before.filter(|before| sample.time.abs_diff(before.time) < self.window)?;
        Some(sample.took.abs_diff(before.took))
    }

    /// Live: a step of the flow at an index became known.
    pub fn wait(&mut self, sample: Sample, at: u32, step: Step) {
        self.waiting.insert((sample.time, at, step));
    }

    /// Live: the earliest step that is not compared yet, if it was done by `until`.
    pub fn settle(&mut self, until: u64) -> Option<(u32, Step)> {
        let &(time, at, step) = self.waiting.first()?;
        if time > until {
            return None;
        }
        self.waiting.pop_first();
        Some((at, step))
    }

    /// Live: a scan ended. Answers up to when all handshakes are known: those from before the scan.
    pub fn end_of_scan(&mut self, now: u64) -> u64 {
        std::mem::replace(&mut self.scanned, now)
    }
}
