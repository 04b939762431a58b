//! From the units of a pcapng interface to nanoseconds.

const NANOSECONDS: u64 = 1_000_000_000;

/// How the time stamps of an interface are read: if_tsresol and if_tsoffset of draft-ietf-opsawg-pcapng section 4.2.
/// All arithmetic saturates: before the epoch is 0, beyond the year 2554 is `u64::MAX`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    unit: Unit,
    /// Added to every stamp, in nanoseconds.
    offset: i64,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    /// So many nanoseconds.
    Multiple(u64),
    /// So many to a nanosecond.
    Part(u64),
    /// 2 to the minus this power of a second.
    Binary(u32),
}

impl Clock {
    /// `resolution` as if_tsresol stores it: 10 to the minus this power, or 2 where the highest bit is set. `offset` in
    /// seconds.
    pub fn new(resolution: u8, offset: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let unit = match (resolution & 0x80 != 0, power) {
            (true, _) => Unit::Binary(power),
            (false, ..=9) => Unit::Multiple(10u64.pow(9 - power)),
            (false, _) => Unit::Part(10u64.checked_pow(power - 9).unwrap_or(u64::MAX)),
        };
        Self { unit, offset: offset.saturating_mul(NANOSECONDS as i64) }
    }

    /// Nanoseconds since the epoch.
    #[inline]
    pub fn time(&self, stamp: u64) -> u64 {
        let time = match self.unit {
            Unit::Multiple(nanoseconds) => stamp.saturating_mul(nanoseconds),
            Unit::Part(units) => stamp / units,
            Unit::Binary(power) => {
                u64::try_from((u128::from(stamp) * u128::from(NANOSECONDS)) >> power).unwrap_or(u64::MAX)
            }
        };
        time.saturating_add_signed(self.offset)
    }
}

/// Microseconds, as where an interface has no if_tsresol.
pub(super) const DEFAULT_RESOLUTION: u8 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_become_nanoseconds() {
        let cases = [
            (6, 0, 1_500_000_000_123_456, 1_500_000_000_123_456_000),
            (9, 0, 1_500_000_000_123_456_789, 1_500_000_000_123_456_789),
            (0, 0, 1_500_000_000, 1_500_000_000_000_000_000),
            (3, 0, 1_500_000_000_123, 1_500_000_000_123_000_000),
            (12, 0, 1_500_000_000_123_456, 1_500_000_000_123),
            (0x80, 0, 7, 7_000_000_000),
            (0x80 | 1, 0, 3, 1_500_000_000),
            (0x80 | 20, 0, 3 << 19, 1_500_000_000),
            (0x80 | 32, 0, 1 << 31, 500_000_000),
            (6, 1_000_000_000, 1, 1_000_000_000_000_001_000),
            (6, -1, 2_000_000, 1_000_000_000),
            // What does not fit saturates.
            (6, -3, 2_000_000, 0),
            (6, i64::MIN, 2_000_000, 0),
            (6, i64::MAX, u64::MAX, u64::MAX),
            (0, 0, u64::MAX, u64::MAX),
            (0x80, 0, u64::MAX, u64::MAX),
            (0xff, 0, u64::MAX, 0),
            (0x7f, 0, u64::MAX - 1, 0),
            (28, 0, u64::MAX, 1),
            (29, 0, u64::MAX - 1, 0),
        ];
        for (resolution, offset, stamp, expected) in cases {
            assert_eq!(Clock::new(resolution, offset).time(stamp), expected, "{resolution} {offset} {stamp}");
        }
    }
}
