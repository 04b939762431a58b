//! Room in the kernel's map: for how long a flow may be silent there when it is short.

use crate::live::GRACE;
use crate::settings::SECOND;

/// No flow is thrown out that had a packet within this time; nanoseconds.
pub const SHORTEST: u64 = SECOND / 4;
/// From how many tenths of the map on flows are thrown out, and down to how many.
const FULL: u64 = 9;
const AIM: u64 = 8;
/// Buckets of the histogram for each doubling of the silence.
const STEPS: usize = 8;
const BUCKETS: usize = 64 * STEPS;

/// How long flows were silent in this scan, and what follows from it.
///
/// The kernel ends a flow that is silent for longer than it was told before the scan. An entry may be deleted only when
/// no CPU writes to it any more: so a longer silence holds here at once, a shorter one from a later scan on, when those
/// are done that knew only of the one before.
pub struct Pressure {
    /// Flows by their silence, on a logarithmic scale.
    histogram: Box<[u32; BUCKETS]>,
    /// Entries that stay in the kernel.
    entries: u64,
    /// What the kernel was told before this scan.
    told: u64,
    /// The longest silence by which a CPU may count.
    silence: u64,
    /// The longest that the kernel was told from the scan at `since` on.
    recent: u64,
    /// When that scan began, in nanoseconds since boot.
    since: u64,
    /// When the last scan ended, in nanoseconds since boot.
    ended: u64,
    /// Whether there was a reading in this scan.
    has_begun: bool,
    /// Whether room was ever short.
    ever: bool,
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            histogram: Box::new([0; BUCKETS]),
            entries: 0,
            told: u64::MAX,
            silence: u64::MAX,
            recent: u64::MAX,
            since: 0,
            ended: 0,
            has_begun: false,
            ever: false,
        }
    }
}

impl Pressure {
    /// How long a flow must have been silent to be over whatever its timeout, in nanoseconds.
    pub fn silence(&self) -> u64 {
        self.silence
    }

    /// Notes when a scan begins: at its first reading, nanoseconds since boot.
    #[inline]
    pub fn reading(&mut self, now: u64) {
        if !self.has_begun {
            self.begin(now);
        }
    }

    fn begin(&mut self, now: u64) {
        self.has_begun = true;
        self.silence = self.silence.max(self.told);
        self.recent = self.recent.max(self.told);
        if now >= self.since.saturating_add(GRACE) {
            self.silence = self.recent;
            self.recent = self.told;
            self.since = now;
        }
    }

    /// Whether room was ever short.
    pub fn was_ever(&self) -> bool {
        self.ever
    }

    /// Counts an entry that stays.
    pub fn note_entry(&mut self) {
        self.entries += 1;
    }

    /// Counts the silence of a flow that can be thrown out, in nanoseconds.
    pub fn note_silence(&mut self, silence: u64) {
        let count = &mut self.histogram[bucket(silence)];
        *count = count.saturating_add(1);
    }

    /// Ends a scan: answers what the kernel is to be told before the next one. `most`: how many entries it has room for.
    pub fn end_of_scan(&mut self, now: u64, most: u64) -> u64 {
        self.reading(now);
        let interval = if self.ended == 0 { 0 } else { now.saturating_sub(self.ended) };
        self.ended = now;
        self.told = self.next(most, interval);
        self.ever |= self.told != u64::MAX;
        self.has_begun = false;
        self.entries = 0;
        self.histogram.fill(0);
        self.told
    }

    /// The longest silence that makes room enough in the scan after the next one. `interval`: how long it is from scan to
    /// scan.
    fn next(&self, most: u64, interval: u64) -> u64 {
        let share = |tenths: u64| most / 10 * tenths + most % 10 * tenths / 10;
        let start = share(if self.told == u64::MAX { FULL } else { AIM });
        if self.entries < start.max(1) {
            return u64::MAX;
        }
        let needed = self.entries - share(AIM);
        let mut sum = 0;
        for (bucket, &count) in self.histogram.iter().enumerate().rev() {
            sum += u64::from(count);
            if sum >= needed {
                // What is silent so long now will be for longer then, by two intervals, of which one is added here and
                // the other by the next scan, for the same flows.
                return lower_bound(bucket).saturating_add(interval).saturating_sub(GRACE).max(SHORTEST);
            }
        }
        SHORTEST
    }
}

/// The bucket of a silence: its highest bit, and the three below it.
fn bucket(silence: u64) -> usize {
    let silence = silence.max(STEPS as u64);
    let exponent = silence.ilog2();
    exponent as usize * STEPS + (silence >> (exponent - STEPS.ilog2())) as usize % STEPS
}

/// The shortest silence in a bucket.
fn lower_bound(bucket: usize) -> u64 {
    let (exponent, step) = (bucket / STEPS, bucket % STEPS);
    if exponent < STEPS.ilog2() as usize { 0 } else { ((STEPS + step) as u64) << (exponent - STEPS.ilog2() as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_they_say() {
        for silence in
            [0, 1, 7, 8, 9, 15, 16, 17, 250_000_000, 999_999_999, SECOND, 60 * SECOND, u64::MAX - 1, u64::MAX]
        {
            let bucket = bucket(silence);
            assert!(lower_bound(bucket) <= silence.max(8), "{silence}");
            assert!(bucket + 1 == BUCKETS || silence < lower_bound(bucket + 1), "{silence}");
            assert!(silence < 16 || silence - lower_bound(bucket) <= silence / 8, "{silence}");
        }
    }

    /// A scan at second `at` of `entries` flows, of which the one with number n was silent for n tenths of a second.
    fn scan(pressure: &mut Pressure, at: u64, entries: u64) -> u64 {
        pressure.reading(at * SECOND);
        for n in 0..entries {
            pressure.note_entry();
            pressure.note_silence(n * SECOND / 10);
        }
        pressure.end_of_scan(at * SECOND, 100)
    }

    #[test]
    fn the_idlest_make_room_from_nine_tenths_on_down_to_eight() {
        let mut pressure = Pressure::default();
        assert_eq!(scan(&mut pressure, 1, 89), u64::MAX);
        assert!(!pressure.was_ever());
        let silence = scan(&mut pressure, 2, 90);
        assert!((70 * SECOND / 10..=80 * SECOND / 10).contains(&(silence - SECOND + GRACE)), "{silence}");
        assert!(scan(&mut pressure, 3, 89) < u64::MAX, "it goes on down to eight tenths");
        assert_eq!(scan(&mut pressure, 4, 79), u64::MAX);
        assert!(pressure.was_ever());
    }

    #[test]
    fn a_shorter_silence_holds_a_scan_later_a_longer_one_at_once() {
        /// What the kernel is told before the scan at a time (milliseconds), and what holds in it.
        type Scan = (u64, u64, u64);
        const MAX: u64 = u64::MAX;
        let table: [(&str, &[Scan]); 3] = [
            ("shorter", &[(1000, MAX, MAX), (2000, 7, MAX), (3000, 7, 7), (4000, 5, 7), (5000, MAX, MAX)]),
            ("up and down", &[(1000, 7, MAX), (2000, 9, 9), (3000, 5, 9), (4000, 6, 6), (5000, 8, 8), (6000, 8, 8)]),
            (
                "scans without a pause",
                &[
                    (1000, 7, MAX),
                    (1100, 5, MAX),
                    (1200, 6, MAX),
                    (1250, 4, 7),
                    (1300, 4, 7),
                    (1500, 4, 4),
                    (1501, 9, 9),
                ],
            ),
        ];
        for (name, scans) in table {
            let mut pressure = Pressure::default();
            pressure.end_of_scan(0, 100);
            for &(at, told, expected) in scans {
                pressure.told = told;
                pressure.reading(at * SECOND / 1000);
                assert_eq!(pressure.silence(), expected, "{name}: {at}");
                pressure.end_of_scan(at * SECOND / 1000, 100);
            }
        }
    }

    #[test]
    fn a_flow_that_had_a_packet_just_now_stays() {
        let mut pressure = Pressure::default();
        for _ in 0..100 {
            pressure.note_entry();
            pressure.note_silence(SECOND / 100);
        }
        assert_eq!(pressure.end_of_scan(1, 100), SHORTEST);
        for _ in 0..100 {
            pressure.note_entry();
        }
        assert_eq!(pressure.end_of_scan(2, 100), SHORTEST, "nor does one that has ended");
        assert_eq!(pressure.end_of_scan(3, 0), u64::MAX, "an empty map is not full");
    }
}
