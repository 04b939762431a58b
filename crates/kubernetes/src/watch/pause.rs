//! How long to wait before asking again.

use std::time::Duration;

/// Times of waiting. The defaults are those of Kubernetes' own clients unless another source is named.
#[derive(Clone, Debug)]
pub struct Pauses {
    /// The least time between two requests for one kind, and the first pause after a failure (client-go: 0.8 s).
    pub shortest: Duration,
    /// The longest pause after failures (client-go: 30 s).
    pub longest: Duration,
    /// The pause after a refusal that only people or a new token change: 401, 403, 404.
    pub refused: Duration,
    /// Over what time the re-lists of many agents are spread when the server forgot what they knew.
    pub spread: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(30),
            refused: Duration::from_secs(60),
            spread: Duration::from_secs(10),
        }
    }
}

/// The pauses of one kind.
#[derive(Debug)]
pub(super) struct Backoff {
    pauses: Pauses,
    failures: u32,
}

impl Backoff {
    pub(super) const fn new(pauses: Pauses) -> Self {
        Self { pauses, failures: 0 }
    }

    /// It went well: the next failure is a first one. The pause before the next request.
    pub(super) fn success(&mut self) -> Duration {
        self.failures = 0;
        jitter(self.pauses.shortest)
    }

    /// Failed: pauses double. No shorter than the server asked for, but not longer than the longest.
    pub(super) fn failure(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = self.pauses.shortest.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let pause = doubled.min(self.pauses.longest);
        jitter(pause).max(asked.unwrap_or_default().min(self.pauses.longest))
    }

    /// Refused: nothing changes soon.
    pub(super) fn refusal(&self) -> Duration {
        jitter(self.pauses.refused)
    }

    /// Before a new list because the server forgot: any time of the spread.
    pub(super) fn relist(&self) -> Duration {
        self.pauses.spread.mul_f64(fastrand::f64())
    }
}

/// Between the time and one and a half of it, so that agents that fell together do not come back together.
fn jitter(time: Duration) -> Duration {
    time.mul_f64(1.0 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Pauses::default());
        for seconds in [1, 2, 4, 8, 16, 30, 30, 30] {
            let pause = backoff.failure(None);
            let least = Duration::from_secs(seconds);
            assert!(pause >= least && pause <= least.mul_f64(1.5), "{pause:?} for {least:?}");
        }
        for _ in 0..100 {
            backoff.failure(None);
        }
        assert!(backoff.success() <= Duration::from_millis(1500));
        assert!(backoff.failure(None) <= Duration::from_millis(1500));
    }

    #[test]
    fn what_the_server_asks_for_is_a_least_and_bounded() {
        let mut backoff = Backoff::new(Pauses::default());
        assert!(backoff.failure(Some(Duration::from_secs(7))) >= Duration::from_secs(7));
        let pause = backoff.failure(Some(Duration::from_secs(7000)));
        assert!(pause <= Duration::from_secs(30), "{pause:?}");
    }

    #[test]
    fn re_lists_are_spread() {
        let backoff = Backoff::new(Pauses::default());
        let pauses: Vec<_> = (0..200).map(|_| backoff.relist()).collect();
        assert!(pauses.iter().any(|pause| *pause < Duration::from_secs(2)));
        assert!(pauses.iter().any(|pause| *pause > Duration::from_secs(8)));
        assert!(pauses.iter().all(|pause| *pause <= Duration::from_secs(10)));
    }
}
