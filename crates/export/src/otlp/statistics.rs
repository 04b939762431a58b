//! What an exporter says of itself while it runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::counters::Report;
use super::outcome::Outcome;
use crate::durations::Durations;

/// Ways to end that are told apart; a receiver that makes up others is not to fill the memory.
const STATUSES_MAX: usize = 32;

/// The state of an exporter.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// What became of the records so far.
    pub report: Report,
    /// Since when the receiver does not take what it is sent, if that is so.
    pub down: Option<Instant>,
    /// What waits, and for how much there is room.
    pub backlog: Backlog,
    /// Attempts to send.
    pub requests: RequestCounts,
}

/// What waits, and for how much there is room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Batches that wait in memory.
    pub batches: usize,
    /// Batches for which there is room in memory.
    pub batches_max: usize,
    /// The spool, where there is one.
    pub spool: Option<SpoolFill>,
}

/// How full a spool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolFill {
    /// What its records count, in bytes.
    pub size: u64,
    /// What they may count, in bytes.
    pub size_max: u64,
    /// Records that are neither delivered nor given up.
    pub records: u64,
}

/// Attempts to send, by how they ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestCounts {
    /// `ok`, or the code with which a request failed: 32 of them, then `other`.
    pub by_status: BTreeMap<String, u64>,
    /// How long they took.
    pub durations: Durations,
}

/// The same, shared by the requests on the way.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<RequestCounts>);

impl Requests {
    /// Counts a request that ended.
    pub(super) fn count(&self, outcome: &Outcome, took: Duration) {
        let status = match outcome {
            Outcome::Delivered(_) => "ok",
            Outcome::TryAgain(_, cause) | Outcome::TooLarge(cause) | Outcome::Refused(cause) => &cause.code,
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.durations.add(took);
        let is_room = counts.by_status.len() < STATUSES_MAX || counts.by_status.contains_key(status);
        *counts.by_status.entry(if is_room { status } else { "other" }.to_owned()).or_default() += 1;
    }

    /// What was counted so far.
    pub(super) fn read(&self) -> RequestCounts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{Cause, Partial};
    use super::*;

    #[test]
    fn a_receiver_that_makes_up_codes_fills_nothing() {
        let requests = Requests::default();
        requests.count(&Outcome::Delivered(Partial::default()), Duration::ZERO);
        for code in 0..1000 {
            requests.count(&Outcome::Refused(Cause::new(format!("HTTP {code}"), "")), Duration::ZERO);
        }
        let counts = requests.read();
        assert_eq!((counts.by_status.len(), counts.durations.count()), (STATUSES_MAX + 1, 1001));
        assert_eq!((counts.by_status["ok"], counts.by_status["other"]), (1, 1000 - STATUSES_MAX as u64 + 1));
    }
}
