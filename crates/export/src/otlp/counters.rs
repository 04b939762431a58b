//! What became of the records.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of records, shared between the producer and the worker.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) rejected: AtomicU64,
    /// A gauge: records of the batches that are being sent.
    pub(super) in_flight: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) too_large: AtomicU64,
    pub(super) unreachable: AtomicU64,
    pub(super) shutdown: AtomicU64,
}

/// What became of the records pushed. After a shutdown, `sent + rejected + failed.total()` is their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Taken by the receiver.
    pub sent: u64,
    /// In requests that the receiver took, but not these (`partial_success.rejected_spans`).
    pub rejected: u64,
    /// Lost on the way.
    pub failed: Failed,
}

/// Records lost on the way, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// The queue was full and the caller could not wait.
    pub queue_full: u64,
    /// The receiver refused the request for good.
    pub refused: u64,
    /// A single span was too large for the receiver.
    pub too_large: u64,
    /// The receiver could not be reached, or was busy, until retrying ended.
    pub unreachable: u64,
    /// Not sent when the time for shutting down was over.
    pub shutdown: u64,
}

impl Failed {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.queue_full + self.refused + self.too_large + self.unreachable + self.shutdown
    }
}

impl Counters {
    pub(super) fn report(&self) -> Report {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            sent: read(&self.sent),
            rejected: read(&self.rejected),
            failed: Failed {
                queue_full: read(&self.queue_full),
                refused: read(&self.refused),
                too_large: read(&self.too_large),
                unreachable: read(&self.unreachable),
                shutdown: read(&self.shutdown),
            },
        }
    }
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, records: u64) {
    counter.fetch_add(records, Ordering::Relaxed);
}
