//! One way of a translated connection, which the kernel counts once on each side of the translation: of these counts one
//! is taken, as of several interfaces one is (`flowtrace_abi::observe`), by differences of readings.
//!
//! What is not the point is a rival. How far a rival is ahead is its count less the whole one's, compared with what that
//! difference was when the point had seen all that the rival had. When the rival has seen packets for [`TAKE_OVER`] since
//! the point saw its last, and the point was read after that, the rival takes over with all by which it is ahead.
//!
//! Where the way of the packets changes and changes back within one scan, readings do not show which packets passed
//! where; then fewer are counted, never one twice.

use flowtrace_abi::{TAKE_OVER, Tally};

use crate::flow::{APART, Count};

/// A number of packets and bytes that may be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lead {
    packets: i64,
    bytes: i64,
}

impl Lead {
    const NONE: Self = Self { packets: 0, bytes: 0 };

    fn of(count: Count, before: Count) -> Self {
        let difference = |now: u64, before: u64| now.wrapping_sub(before).cast_signed();
        Self { packets: difference(count.packets, before.packets), bytes: difference(count.bytes, before.bytes) }
    }

    const fn since(self, level: Self) -> Self {
        Self { packets: self.packets.saturating_sub(level.packets), bytes: self.bytes.saturating_sub(level.bytes) }
    }

    const fn or_less(self, other: Self) -> Self {
        if other.packets < self.packets { other } else { self }
    }
}

/// What one entry of the kernel says of the way.
#[derive(Clone, Copy, Debug)]
struct Station {
    id: u32,
    /// When the entry's first packet was seen.
    first: u64,
    last: u64,
    /// When it was read.
    read: u64,
    count: Count,
    /// What it had counted when it was added, if that is in records of its own.
    base: Count,
    /// Its lead over the whole when the point had seen all that it had.
    level: Option<Lead>,
    /// Its count then.
    mark: Count,
}

/// One way of a translated connection.
#[derive(Clone, Debug, Default)]
pub struct Course {
    stations: Vec<Station>,
    /// Whose count is taken.
    point: u32,
    /// What has to be added to that (wrapping).
    offset: Count,
    /// Another one has taken over.
    has_moved: bool,
    last: u64,
}

impl Course {
    /// Adds an entry, of which what is read counts from now on: all of it, or what exceeds `base`. `is_level`: it began
    /// when the others did.
    pub fn add(&mut self, id: u32, first: u64, base: Count, is_level: bool) {
        let level = is_level.then_some(Lead::NONE);
        let (count, mark) = (Count::default(), Count::default());
        self.stations.push(Station { id, first, last: 0, read: 0, count, base, level, mark });
        if self.stations.len() == 1 {
            self.point = id;
        }
    }

    /// Takes over a reading of an entry, made at `read`.
    pub fn read(&mut self, id: u32, tally: &Tally, read: u64) {
        let had_none = self.total().packets == 0;
        let Some(station) = self.stations.iter_mut().find(|station| station.id == id) else { return };
        station.count = less(Count { packets: tally.packets, bytes: tally.bytes }, station.base);
        (station.last, station.read) = (tally.last, read);
        if had_none && station.count.packets > 0 && self.point != id {
            self.point = id;
            self.offset = Count::default();
        }
        self.settle(false);
    }

    /// The entry is to be the point, if it has counted all from the beginning and no other has taken over.
    pub fn prefer(&mut self, id: u32) {
        let fits =
            |station: &&Station| station.id == id && station.count.packets > 0 && station.level == Some(Lead::NONE);
        if !self.has_moved && self.stations.iter().any(|station| fits(&station)) {
            self.point = id;
        }
    }

    /// No more is read: what a rival saw last and the point did not is counted, too.
    pub fn finish(&mut self) {
        self.settle(true);
    }

    /// The same for one entry alone, which is final.
    pub fn finish_one(&mut self, id: u32) {
        if let Some(at) = self.stations.iter().position(|station| station.id == id) {
            self.settle_one(at, true);
        }
    }

    /// Forgets an entry that is not the point.
    pub fn remove(&mut self, id: u32) {
        self.stations.retain(|station| station.id != id || station.id == self.point);
    }

    /// Whose count is taken.
    pub fn point(&self) -> u32 {
        self.point
    }

    /// What was counted in all, and when the last packet was seen.
    pub fn total(&self) -> Tally {
        let count = self.stations.iter().find(|station| station.id == self.point);
        let count = count.map_or(self.offset, |station| sum(station.count, self.offset));
        let last = self.point_station().map_or(0, |station| station.last).max(self.last);
        Tally { packets: count.packets, bytes: count.bytes, last }
    }

    fn point_station(&self) -> Option<&Station> {
        self.stations.iter().find(|station| station.id == self.point)
    }

    fn settle(&mut self, is_end: bool) {
        for at in 0..self.stations.len() {
            self.settle_one(at, is_end);
        }
    }

    /// Whether a rival is ahead, and takes over.
    fn settle_one(&mut self, at: usize, is_end: bool) {
        let whole = self.total();
        let whole = Count { packets: whole.packets, bytes: whole.bytes };
        let Some(point) = self.point_station().copied() else { return };
        let rival = &mut self.stations[at];
        if rival.id == point.id || rival.read == 0 {
            return;
        }
        let lead = Lead::of(rival.count, whole);
        let seen_by = rival.last.saturating_add(APART);
        if rival.last <= point.last.saturating_add(APART) {
            // The point has seen all that the rival has. Where both were read while nothing was on its way, the
            // difference is exact; else no less than what it is, if the rival was read later.
            let calm = seen_by.max(point.last.saturating_add(APART));
            if rival.read >= calm && point.read >= calm {
                rival.level = Some(lead);
            } else if rival.read >= point.read {
                rival.level = Some(rival.level.map_or(lead, |level| level.or_less(lead)));
            }
            rival.mark = rival.count;
            return;
        }
        if point.read < seen_by {
            return;
        }
        let since = Lead::of(rival.count, rival.mark);
        let ahead = match rival.level {
            Some(level) => lead.since(level).or_less(since),
            None if rival.first > point.last.saturating_add(APART) => since,
            // How much of it the point has seen cannot be told.
            None => {
                (rival.level, rival.mark) = (Some(lead), rival.count);
                return;
            }
        };
        if ahead.packets > 0 && (is_end || rival.last > point.last.saturating_add(TAKE_OVER)) {
            let (id, count) = (rival.id, rival.count);
            self.take_over(id, count, whole, ahead);
        }
    }

    fn take_over(&mut self, id: u32, count: Count, whole: Count, ahead: Lead) {
        let ahead = Count { packets: ahead.packets.cast_unsigned(), bytes: ahead.bytes.max(0).cast_unsigned() };
        let whole = sum(whole, ahead);
        self.last = self.total().last;
        self.offset = less(whole, count);
        let before = std::mem::replace(&mut self.point, id);
        self.has_moved = true;
        for station in &mut self.stations {
            if station.id == before {
                // It stands still: so that is exact.
                (station.level, station.mark) = (Some(Lead::of(station.count, whole)), station.count);
            }
        }
    }
}

fn sum(count: Count, other: Count) -> Count {
    Count { packets: count.packets.wrapping_add(other.packets), bytes: count.bytes.wrapping_add(other.bytes) }
}

fn less(count: Count, other: Count) -> Count {
    Count { packets: count.packets.wrapping_sub(other.packets), bytes: count.bytes.wrapping_sub(other.bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;
    const BYTES: u64 = 100;

    /// Two entries of the kernel, packets at milliseconds, and scans that read them in any order.
    struct Two {
        tallies: [Tally; 2],
        course: Course,
    }

    impl Two {
        fn new() -> Self {
            let mut course = Course::default();
            course.add(0, 0, Count::default(), true);
            course.add(1, 0, Count::default(), true);
            Self { tallies: [Tally::default(); 2], course }
        }

        fn packet(&mut self, at: u64, side: usize) {
            let Tally { packets, bytes, .. } = self.tallies[side];
            self.tallies[side] = Tally { packets: packets + 1, bytes: bytes + BYTES, last: at * MILLI };
        }

        fn read(&mut self, at: u64, side: usize) -> u64 {
            self.course.read(side as u32, &self.tallies[side], at * MILLI);
            let Tally { packets, bytes, .. } = self.course.total();
            assert_eq!(bytes, packets * BYTES, "bytes go with their packets");
            packets
        }

        fn end(&mut self, at: u64) -> u64 {
            self.read(at, 0);
            self.read(at, 1);
            self.course.finish();
            self.course.total().packets
        }
    }

    /// Sides that see the packets of a stretch, its length and the gap between its packets in milliseconds.
    type Stretch = (&'static [usize], u64, u64);

    /// What is counted, and what was sent. Scans are a second apart and read both sides within some milliseconds.
    fn play(stretches: &[Stretch], order: usize, skew: u64) -> (u64, u64) {
        let (mut two, mut now, mut sent, mut scan) = (Two::new(), 1, 0, 1000);
        let mut counted = 0;
        for &(sides, length, gap) in stretches {
            let end = now + length;
            while now < end {
                for (number, at) in [(0, scan), (1, scan + skew)] {
                    if now == at {
                        let total = two.read(now, (order + number) % 2);
                        assert!(total >= counted, "it only grows");
                        counted = total;
                    }
                }
                if now == scan + skew {
                    scan += 1000;
                }
                if now % gap == 0 && !sides.is_empty() {
                    sides.iter().for_each(|&side| two.packet(now, side));
                    sent += 1;
                }
                now += 1;
            }
        }
        (two.end(now + 100_000), sent)
    }

    #[test]
    fn what_both_sides_see_counts_once() {
        let rows: [(&str, &[Stretch]); 9] = [
            ("both", &[(&[0, 1], 5000, 7)]),
            ("in the other order", &[(&[1, 0], 5000, 7)]),
            ("one", &[(&[1], 5000, 7)]),
            ("with pauses", &[(&[0, 1], 900, 3), (&[], 5000, 1), (&[0, 1], 900, 3)]),
            ("then the second alone", &[(&[0, 1], 3500, 7), (&[1], 4000, 7)]),
            ("and back", &[(&[0, 1], 3500, 7), (&[1], 4000, 7), (&[], 1500, 1), (&[0], 4000, 7)]),
            (
                "after a pause",
                &[(&[0, 1], 3500, 7), (&[], 8000, 1), (&[1], 4000, 7), (&[], 8000, 1), (&[0, 1], 500, 7)],
            ),
            ("at the end", &[(&[0, 1], 3500, 7), (&[1], 300, 7)]),
            ("one after the other", &[(&[0], 3500, 7), (&[], 1500, 1), (&[1], 3500, 7)]),
        ];
        for (name, stretches) in rows {
            for (order, skew) in [(0, 0), (1, 0), (0, 30), (1, 30), (0, 400), (1, 400)] {
                let (counted, sent) = play(stretches, order, skew);
                assert_eq!(counted, sent, "{name}, {order}, {skew}");
            }
        }
    }

    #[test]
    fn a_side_behind_that_loses_packets_does_not_matter() {
        let mut two = Two::new();
        for at in 1..3000 {
            two.packet(at, 0);
            if at % 3 == 0 {
                two.packet(at, 1);
            }
        }
        two.read(3100, 0);
        two.read(3100, 1);
        for at in 5000..8000 {
            two.packet(at, 1);
        }
        two.read(8100, 0);
        assert_eq!(two.read(8100, 1), 2999 + 3000);
        assert_eq!(two.end(9000), 5999);
    }

    /// As when the translation is another one from then on.
    #[test]
    fn one_that_begins_later_counts_what_the_others_do_not() {
        let mut two = Two::new();
        two.course.remove(1);
        (0..100).for_each(|at| two.packet(1 + at, 0));
        two.read(1000, 0);
        two.course.add(1, 1200 * MILLI, Count::default(), false);
        (0..100).for_each(|at| two.packet(1200 + 20 * at, 1));
        assert_eq!((two.read(3300, 1), two.read(3300, 0)), (100, 200));
        (0..50).for_each(|at| two.packet(4000 + at, 1));
        assert_eq!(two.end(5000), 250);
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 20) % bound
        }
    }

    /// Packets that pass both sides, the second up to some milliseconds later, read at any times in any order.
    #[test]
    fn any_interleaving_of_readings_counts_each_packet_once() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..3000 {
            let (count, pause, delay) = (1 + random.below(200), 1 + random.below(3000), 1 + random.below(15));
            let mut happenings = Vec::new();
            let mut time = 1;
            for _ in 0..count {
                time += if random.below(5) == 0 { random.below(pause) } else { random.below(4) };
                happenings.extend([(time, 0, 0), (time + random.below(delay), 0, 1)]);
            }
            for _ in 0..random.below(100) {
                happenings.push((random.below(time + 1), 1, random.below(2) as usize));
            }
            happenings.sort_unstable();
            let mut two = Two::new();
            let mut counted = 0;
            for (at, what, side) in happenings {
                if what == 0 {
                    two.packet(at, side);
                } else {
                    let total = two.read(at, side);
                    assert!(total >= counted && total <= count, "{round}");
                    counted = total;
                }
            }
            assert_eq!(two.end(time + 60_000), count, "{round}");
        }
    }

    /// Stretches of seconds that pass the first side, the second, or both, with time for a scan between them; or without,
    /// then what passed within a scan may be lost.
    #[test]
    fn nothing_is_lost_or_doubled_where_the_way_changes() {
        const SIDES: [&[usize]; 3] = [&[0], &[1], &[0, 1]];
        let mut random = Random(0x1234_5678_9abc_def1);
        for round in 0..300 {
            let is_calm = round % 2 == 0;
            let mut stretches: Vec<Stretch> = Vec::new();
            for _ in 0..=random.below(5) {
                let (sides, length) = (SIDES[random.below(3) as usize], 3500 + random.below(4000));
                let pause = if is_calm { 1100 + random.below(3000) } else { 0 };
                stretches.extend([(sides, length, 1 + random.below(50)), (&[][..], pause, 1)]);
            }
            let (counted, sent) = play(&stretches, random.below(2) as usize, random.below(60));
            assert!(counted <= sent, "{round}: {stretches:?}: {counted} of {sent}");
            let lost: u64 = stretches.iter().map(|(_, _, gap)| 1100 / gap).sum();
            let least = if is_calm { sent } else { sent.saturating_sub(lost) };
            assert!(counted >= least, "{round}: {stretches:?}: {counted} of {sent}");
        }
    }
}
