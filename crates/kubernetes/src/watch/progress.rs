//! How far watching has come: for whoever waits for the first lists, for metrics and readiness.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Kind;

/// What is going on with a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It is not watched: it was not asked for.
    #[default]
    Unwatched,
    /// Its first or a new list is being read.
    Listing,
    /// Changes come as they happen.
    Watching,
    /// Something failed; it will be tried again soon. What was known stays.
    Retrying,
    /// The server refuses: rights (403), credentials (401), or it does not have the kind (404). Tried again each minute.
    Refused,
}

impl Phase {
    /// Its name in metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unwatched => "unwatched",
            Self::Listing => "listing",
            Self::Watching => "watching",
            Self::Retrying => "retrying",
            Self::Refused => "refused",
        }
    }
}

/// What was asked and what came, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests for a page of a list.
    pub list_requests: u64,
    /// Requests to watch.
    pub watch_requests: u64,
    /// Lists that were read to the end.
    pub lists: u64,
    /// Bytes of lists and events, as they came.
    pub bytes: u64,
    /// Objects in lists.
    pub listed: u64,
    /// Events, bookmarks not among them.
    pub events: u64,
    /// Bookmarks.
    pub bookmarks: u64,
    /// Objects that could not be read and are treated as if they were not there.
    pub unreadable: u64,
    /// Times the server no longer had what was known (410): each cost a new list.
    pub expired: u64,
    /// Requests and streams that failed, refusals among them.
    pub failures: u64,
}

/// How far watching one kind has come.
#[derive(Clone, Debug, Default)]
pub struct KindProgress {
    /// What is going on.
    pub phase: Phase,
    /// Whether a list was read to the end at any time.
    pub synced: bool,
    /// When the server was last heard of the kind: a list, an event, a bookmark (which comes about each minute).
    pub heard: Option<Instant>,
    /// What is wrong, as long as it is.
    pub trouble: Option<String>,
    /// Since the start.
    pub counts: Counts,
}

/// How far watching has come.
#[derive(Debug, Default)]
pub struct Progress {
    kinds: Mutex<[KindProgress; Kind::ALL.len()]>,
    changed: Condvar,
}

impl Progress {
    /// Of one kind.
    pub fn of(&self, kind: Kind) -> KindProgress {
        self.lock()[kind as usize].clone()
    }

    /// Whether every kind that is watched was listed once, or is refused: waiting brings nothing more.
    pub fn is_settled(&self) -> bool {
        is_settled(&*self.lock())
    }

    /// Waits until it is settled, but not longer than that. Whether it is.
    pub fn wait_settled(&self, time: Duration) -> bool {
        let wait = self.changed.wait_timeout_while(self.lock(), time, |kinds| !is_settled(kinds));
        is_settled(&*wait.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// How old what is known may be: the longest time since a kind was last heard of, refused ones aside. None before
    /// the first list of each. About a minute in a quiet cluster: bookmarks come that often.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        let kinds = self.lock();
        let watched = kinds.iter().filter(|kind| !matches!(kind.phase, Phase::Unwatched | Phase::Refused));
        let ages = watched.map(|kind| kind.heard.filter(|_| kind.synced).map(|at| now.saturating_duration_since(at)));
        ages.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Of all kinds that are watched, what is wrong: for a readiness page.
    pub fn troubles(&self) -> Vec<(Kind, String)> {
        let kinds = self.lock();
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, kinds[kind as usize].trouble.clone()?))).collect()
    }

    pub(super) fn change(&self, kind: Kind, change: impl FnOnce(&mut KindProgress)) {
        change(&mut self.lock()[kind as usize]);
        self.changed.notify_all();
    }

    pub(super) fn count(&self, kind: Kind, count: impl FnOnce(&mut Counts)) {
        count(&mut self.lock()[kind as usize].counts);
    }

    fn lock(&self) -> MutexGuard<'_, [KindProgress; Kind::ALL.len()]> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_settled(kinds: &[KindProgress]) -> bool {
    kinds.iter().all(|kind| kind.synced || matches!(kind.phase, Phase::Unwatched | Phase::Refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_is_listed_or_refused() {
        let progress = Progress::default();
        assert!(progress.is_settled(), "nothing is watched");
        for kind in [Kind::Pod, Kind::Node] {
            progress.change(kind, |kind| kind.phase = Phase::Listing);
        }
        assert!(!progress.wait_settled(Duration::from_millis(10)));
        progress.change(Kind::Pod, |kind| kind.synced = true);
        assert!(!progress.is_settled());
        progress.change(Kind::Node, |kind| kind.phase = Phase::Refused);
        assert!(progress.wait_settled(Duration::ZERO));
    }

    #[test]
    fn the_age_is_that_of_the_kind_that_was_heard_of_longest_ago() {
        let (progress, start) = (Progress::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for (kind, heard) in [(Kind::Pod, 5), (Kind::Node, 3)] {
            progress.change(kind, |kind| (kind.phase, kind.heard) = (Phase::Watching, Some(at(heard))));
        }
        assert_eq!(progress.age(at(10)), None, "neither was listed");
        for kind in [Kind::Pod, Kind::Node] {
            progress.change(kind, |kind| kind.synced = true);
        }
        assert_eq!(progress.age(at(10)), Some(Duration::from_secs(7)));
        progress.change(Kind::Job, |kind| kind.phase = Phase::Refused);
        assert_eq!(progress.age(at(10)), Some(Duration::from_secs(7)), "what is refused has no age");
    }
}
