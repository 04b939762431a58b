//! How long something took, counted in buckets.

use std::time::Duration;

/// Upper bounds of the buckets, in seconds; what took longer counts in the sum only.
pub const DURATION_BOUNDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A histogram of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Durations {
    /// How many fell into each bucket and into none before it.
    buckets: [u64; DURATION_BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Durations {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        if let Some(bucket) = DURATION_BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(duration);
    }

    /// Each bound in seconds, and how many took no longer.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let sums = self.buckets.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        DURATION_BOUNDS.into_iter().zip(sums)
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_what_took_no_longer() {
        let mut durations = Durations::default();
        for milliseconds in [0, 1, 2, 1000, 60_000] {
            durations.add(Duration::from_millis(milliseconds));
        }
        let found: Vec<_> = durations.cumulative().collect();
        for (bound, expected) in [(0.0005, 1), (0.001, 2), (0.0025, 3), (0.5, 3), (1.0, 4), (30.0, 4)] {
            assert!(found.contains(&(bound, expected)), "{bound}: {found:?}");
        }
        assert_eq!((durations.count(), durations.sum()), (5, Duration::from_millis(61_003)));
    }
}
