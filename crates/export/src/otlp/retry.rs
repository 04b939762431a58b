//! When a failed request is tried again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// How failed requests are tried again: after pauses that double, each shortened at random by up to a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first pause.
    pub initial: Duration,
    /// The longest pause.
    pub maximum: Duration,
    /// No new attempt begins later than this after the first.
    pub total: Duration,
}

impl Default for Retry {
    /// Our choice: a restart of the receiver is bridged, and an outage ends before the queue holds minutes.
    fn default() -> Self {
        Self { initial: Duration::from_millis(250), maximum: Duration::from_secs(5), total: Duration::from_secs(30) }
    }
}

/// The pauses of one request.
#[derive(Debug)]
pub(super) struct Backoff {
    retry: Retry,
    end: Instant,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(retry: Retry, now: Instant) -> Self {
        Self { retry, end: now + retry.total, next: retry.initial }
    }

    /// How long to wait before the next attempt, at least `asked`; `None` when there is to be none.
    pub(super) fn pause(&mut self, now: Instant, asked: Duration) -> Option<Duration> {
        let pause = shorten(self.next, random()).max(asked);
        self.next = (self.next * 2).min(self.retry.maximum);
        (pause < self.end.saturating_duration_since(now)).then_some(pause)
    }
}

/// Between half and all of the pause.
fn shorten(pause: Duration, random: u64) -> Duration {
    pause / 2 + (pause / 2).mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

/// A random number: what std seeds its hash tables with. It spreads retries and guards nothing.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_maximum_and_end() {
        let start = Instant::now();
        let retry = Retry { initial: Duration::from_secs(1), maximum: Duration::from_secs(4), ..Retry::default() };
        let mut backoff = Backoff::new(retry, start);
        for whole in [1, 2, 4, 4] {
            let pause = backoff.pause(start, Duration::ZERO).unwrap();
            assert!(pause <= Duration::from_secs(whole) && pause >= Duration::from_millis(whole * 500), "{pause:?}");
        }
        assert_eq!(backoff.pause(start, Duration::from_secs(9)), Some(Duration::from_secs(9)));
        assert_eq!(backoff.pause(start, Duration::from_secs(30)), None);
        assert_eq!(backoff.pause(start, Duration::MAX), None);
        assert_eq!(backoff.pause(start + Duration::from_secs(30), Duration::ZERO), None);
        assert_eq!(shorten(Duration::from_secs(2), 0), Duration::from_secs(1));
        assert!(shorten(Duration::from_secs(2), u64::MAX) <= Duration::from_secs(2));
    }
}
