//! What became of the records.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::spool::{Found, Refused};

/// Counts of records, shared between the producer and the worker.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) rejected: AtomicU64,
    /// Left in the spool at the end.
    pub(super) spooled: AtomicU64,
    pub(super) queue_full: AtomicU64,
    pub(super) spool_full: AtomicU64,
    pub(super) disk_full: AtomicU64,
    pub(super) disk_failed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) too_large: AtomicU64,
    pub(super) unreachable: AtomicU64,
    pub(super) shutdown: AtomicU64,
}

/// What became of the records. After a shutdown, `sent + rejected + spooled + failed.total()` is the number of those
/// pushed and those that the spool had (`found.recovered`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Taken by the receiver.
    pub sent: u64,
    /// In requests that the receiver took, but not these (`partial_success.rejected_spans`).
    pub rejected: u64,
    /// Left in the spool; the next start sends them.
    pub spooled: u64,
    /// Lost on the way.
    pub failed: Failed,
    /// What an earlier run left in the spool, and what it lost.
    pub found: Found,
}

/// Records lost on the way, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// The queue was full and the caller could not wait.
    pub queue_full: u64,
    /// The spool held as much as it may, and the queue was full.
    pub spool_full: u64,
    /// The disk was full, and the queue.
    pub disk_full: u64,
    /// The disk failed otherwise, and the queue was full.
    pub disk_failed: u64,
    /// In the spool, and could be read no more.
    pub damaged: u64,
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
        let spool = self.spool_full + self.disk_full + self.disk_failed + self.damaged;
        self.queue_full + spool + self.refused + self.too_large + self.unreachable + self.shutdown
    }
}

impl Counters {
    /// The counter of what the spool refused.
    pub(super) fn spool(&self, refused: Refused) -> &AtomicU64 {
        match refused {
            Refused::Full => &self.spool_full,
            Refused::DiskFull => &self.disk_full,
            Refused::DiskFailed => &self.disk_failed,
        }
    }

    pub(super) fn report(&self, damaged: u64, found: Found) -> Report {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            sent: read(&self.sent),
            rejected: read(&self.rejected),
            spooled: read(&self.spooled),
            found,
            failed: Failed {
                queue_full: read(&self.queue_full),
                spool_full: read(&self.spool_full),
                disk_full: read(&self.disk_full),
                disk_failed: read(&self.disk_failed),
                damaged,
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
