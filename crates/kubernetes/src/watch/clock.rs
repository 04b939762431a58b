//! The wall clock, made to go forwards only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// The latest time that was told.
#[derive(Debug, Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    /// Nanoseconds since 1970; the latest that was told, where the clock was set back.
    pub(super) fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_backwards() {
        let clock = Clock::default();
        let now = clock.now();
        assert!(now > 1_700_000_000_000_000_000 && clock.now() >= now);
        clock.0.store(u64::MAX - 1, Ordering::Relaxed);
        assert_eq!(clock.now(), u64::MAX - 1);
    }
}
