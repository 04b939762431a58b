//! What the main loop publishes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use flowtrace_capture::live::{Losses, ProgramRuns};
use flowtrace_export::Durations;
use flowtrace_kubernetes::watch::Progress;

use crate::output::OutputState;

/// What there was to say after a scan.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the scan ended.
    pub at: Instant,
    /// The same by the clock.
    pub time: SystemTime,
    /// What was counted of records.
    pub counted: Counted,
    /// Flows begun.
    pub flows_begun: u64,
    /// Flows open.
    pub flows_open: u64,
    /// Windows that wait for room.
    pub windows_waiting: u64,
    /// Entries in the kernel's map.
    pub kernel_flows: u64,
    /// Entries for which it has room.
    pub kernel_flows_max: u64,
    /// Where the kernel counts it.
    pub programs: Option<Vec<ProgramRuns>>,
    /// The interfaces that are watched.
    pub interfaces: u64,
    /// How long scans took.
    pub scans: Durations,
    /// What the kernel did not count, and what it notes.
    pub losses: Losses,
    /// Where records go.
    pub outputs: Vec<OutputState>,
}

/// What was counted of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Packets and bytes by transport.
    pub traffic: BTreeMap<&'static str, [u64; 2]>,
    /// Records by the reason of their end.
    pub records: BTreeMap<&'static str, u64>,
    /// Ends of records at which a fact was looked for, and at which it was found.
    pub attribution: BTreeMap<&'static str, [u64; 2]>,
}

/// What the main loop and the endpoint share.
#[derive(Debug)]
pub struct Published {
    latest: Mutex<Option<Arc<Snapshot>>>,
    is_ending: AtomicBool,
    /// Connections to the endpoint that were closed to make room.
    pub connections_closed: AtomicU64,
    /// How long the main loop may take for a scan before it counts as stuck.
    pub patience: Duration,
    /// How far watching the Kubernetes API has come, where it is watched.
    pub kubernetes: Option<Arc<Progress>>,
}

impl Published {
    /// Nothing yet. `interval`: how often the main loop is to scan.
    pub fn new(interval: Duration, kubernetes: Option<Arc<Progress>>) -> Self {
        /// As many scans may be missed, but not less than some seconds: receivers may hold up the main loop for half of one.
        const SCANS: u32 = 10;
        const LEAST: Duration = Duration::from_secs(15);
        let patience = interval.saturating_mul(SCANS).max(LEAST);
        let (latest, is_ending) = (Mutex::new(None), AtomicBool::new(false));
        Self { latest, is_ending, connections_closed: AtomicU64::new(0), patience, kubernetes }
    }

    /// Publishes. The lock is held for the time of a move, by whomever.
    pub fn put(&self, snapshot: Snapshot) {
        let snapshot = Some(Arc::new(snapshot));
        let old = std::mem::replace(&mut *self.latest.lock().unwrap_or_else(PoisonError::into_inner), snapshot);
        drop(old);
    }

    /// What was published last; `None` before the first scan.
    pub fn latest(&self) -> Option<Arc<Snapshot>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on there are no more scans.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Whether the program is ending.
    pub fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }
}
