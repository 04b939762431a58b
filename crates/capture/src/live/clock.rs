//! The clocks of this host.

use rustix::time::{ClockId, clock_gettime};

/// One moment on three clocks, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// CLOCK_BOOTTIME: what flow entries count in.
    pub boot: u64,
    /// CLOCK_MONOTONIC: what the kernel's coarse clock counts in.
    pub monotonic: u64,
    /// CLOCK_REALTIME: since the Unix epoch.
    pub wall: u64,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self {
            boot: nanoseconds(ClockId::Boottime),
            monotonic: nanoseconds(ClockId::Monotonic),
            wall: nanoseconds(ClockId::Realtime),
        }
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    (time.tv_sec.max(0) as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec.max(0) as u64)
}
