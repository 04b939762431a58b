//! Where packets are counted: each way of a flow at one interface and hook of the host, however many they pass.
//!
//! The first that sees a packet of the way is its observation point. What another one sees is counted apart, as how far
//! it is ahead of the observation point: a point behind the first sees the same packets later and is never ahead for
//! long. One that is ahead while the observation point stands still for [`TAKE_OVER`] sees packets that did not pass
//! there: it takes over, with all by which it is ahead.
//!
//! There is room for one such rival. It makes room for a third point when it falls silent: at once where the observation
//! point has seen all of it, after [`TAKE_OVER`] where it has not.

use flowtrace_wire::Mac;

use crate::{Cells, Event};

/// How long an observation point must stand still before another takes over, in nanoseconds.
pub const TAKE_OVER: u64 = 1_000_000_000;
/// For how long a packet may be on its way from one point to another, in nanoseconds. (Clocks of points differ by a timer
/// tick, too.)
const UNDER_WAY: u64 = 32_000_000;
/// Unit of [`Rival::last`], as a shift of nanoseconds: about a millisecond.
const LAST_SHIFT: u32 = 20;
/// How many packets may be on their way from one point to another.
const BETWEEN: i32 = 1024;

/// What another point sees of a way.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rival {
    /// Which point (as in [`FlowEntry::points`](crate::FlowEntry::points)); 0: there is none.
    pub point: u32,
    /// When it saw its last packet, in units of 2^20 ns.
    pub last: u32,
    /// By how many packets it is ahead of the observation point.
    pub ahead: i32,
    /// What the observation point had counted then (lower 32 bits).
    pub seen: u32,
    /// IP bytes of the packets by which it is ahead.
    pub bytes: u64,
}

/// Whether a packet is to be counted: it was seen at the way's observation point, or that one is replaced now.
#[inline(always)]
pub fn is_observed<C: Cells>(entry: &C, event: &Event) -> bool {
    entry.point(event.way) == event.point || entry.packets(event.way) == 0
}

/// Notes a packet that was seen at another point than the way's. Answers whether that takes over: then the packet is to be
/// counted, and those by which the point was ahead have been.
#[inline(always)]
pub fn overtakes<C: Cells>(entry: &mut C, event: &Event, mac: Mac) -> bool {
    let way = event.way;
    let counted = entry.packets(way) as u32;
    let is_still = event.time >= entry.last(way).saturating_add(TAKE_OVER);
    // A young flow has begun at all its points at once, unless it was quiet since; else one sees it for the first time.
    let is_young =
        event.time < entry.first().saturating_add(TAKE_OVER) && event.time < entry.last(way).saturating_add(UNDER_WAY);
    let now = (event.time >> LAST_SHIFT) as u32;
    let rival = entry.rival(way);
    let (ahead, bytes) = if rival.point == event.point {
        (rival.ahead, rival.bytes)
    } else if rival.point != 0 && (now.wrapping_sub(rival.last) as i32) <= patience(rival, counted) {
        return false;
    } else {
        rival.point = event.point;
        rival.seen = counted;
        (if is_young { -clamp(counted) } else { 0 }, 0)
    };
    let behind = behind(ahead, counted.wrapping_sub(rival.seen), event.packets as u32);
    let bytes = if behind < 0 || rival.seen != counted { 0 } else { bytes };
    let ahead = behind.wrapping_add(event.packets as i32);
    if ahead > 0 && is_still {
        rival.point = 0;
        let (packets, before) = ((ahead as u64).saturating_sub(event.packets), bytes);
        entry.set_point(way, event.point, mac);
        if packets > 0 {
            entry.add(way, packets, before);
        }
        return true;
    }
    rival.ahead = ahead;
    rival.seen = counted;
    rival.last = now;
    rival.bytes = if ahead > 0 { bytes + event.bytes } else { 0 };
    false
}

/// For how long after its last packet a rival is not replaced by another, in units of 2^20 ns: longer where it has seen
/// what the observation point has not.
#[inline(always)]
const fn patience(rival: &Rival, counted: u32) -> i32 {
    let patience = if rival.ahead > 0 && rival.seen == counted { TAKE_OVER } else { UNDER_WAY };
    (patience >> LAST_SHIFT) as i32
}

/// How far a point is ahead before it sees another packet, when the observation point counted `grown` since it saw the one
/// before. If that was as many as this packet stands for, they are the same. What it was ahead before the observation
/// point went on, that one has counted, too.
#[inline(always)]
fn behind(ahead: i32, grown: u32, packets: u32) -> i32 {
    if grown == 0 {
        return ahead;
    }
    if grown == packets {
        return -(packets as i32);
    }
    let before = if ahead > 0 { 0 } else { ahead };
    let after = before - clamp(grown);
    if after < -BETWEEN { -BETWEEN } else { after }
}

#[inline(always)]
const fn clamp(packets: u32) -> i32 {
    if packets > BETWEEN as u32 { BETWEEN } else { packets as i32 }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;
    use crate::{FlowEntry, Way};

    const MILLISECOND: u64 = 1_000_000;
    const BEGIN: u64 = 1000 * MILLISECOND;
    /// Bytes of each packet.
    const BYTES: u64 = 100;

    /// A packet at a point: time in milliseconds, point, and how many packets it stands for.
    type Seen = (u64, u32, u64);

    /// What is counted in the end: packets, and the point they are counted at. Bytes have to go with the packets.
    fn counted(seen: impl IntoIterator<Item = Seen>) -> (u64, u32) {
        let mut entry = FlowEntry { first: BEGIN, ..FlowEntry::default() };
        for (time, point, packets) in seen {
            let time = BEGIN + time * MILLISECOND;
            let event = Event { way: Way::Up, packets, bytes: packets * BYTES, time, point, epoch: 1 };
            if is_observed(&entry, &event) || overtakes(&mut entry, &event, Mac::default()) {
                entry.points[0] = point;
                entry.add(Way::Up, event.packets, event.bytes);
                entry.set_last(Way::Up, time);
            }
        }
        let tally = entry.ways[0];
        assert_eq!(tally.bytes, tally.packets * BYTES, "bytes go with their packets");
        (tally.packets, entry.points[0])
    }

    /// `count` packets that pass these points one behind the other, one packet every `gap` milliseconds.
    fn train(from: u64, gap: u64, count: u64, path: &'static [u32]) -> impl Iterator<Item = Seen> {
        (0..count).flat_map(move |number| path.iter().map(move |point| (from + number * gap, *point, 1)))
    }

    #[test]
    fn the_same_packets_count_once() {
        assert_eq!(counted(train(0, 10, 100, &[1])), (100, 1));
        assert_eq!(counted(train(0, 10, 100, &[1, 2])), (100, 1), "in step");
        assert_eq!(counted(train(0, 10, 100, &[1, 2, 3])), (100, 1), "three points, as with a bond");
        assert_eq!(counted(train(0, 3000, 100, &[1, 2, 3])), (100, 1), "with pauses");
        assert_eq!(counted([(0, 1, 1), (0, 2, 1)]), (1, 1), "one");
        let batches = (0..50).flat_map(|number| {
            let burst = move |point| (0..8).map(move |_| (number * 1500, point, 1));
            burst(1).chain(burst(2))
        });
        assert_eq!(counted(batches), (400, 1), "in batches, with pauses");
        let growing = (1..30).flat_map(|number| {
            let burst = move |point| (0..number).map(move |_| (number * 2000, point, 1));
            burst(1).chain(burst(2)).chain(burst(3))
        });
        assert_eq!(counted(growing), (29 * 30 / 2, 1), "in growing batches");
    }

    #[test]
    fn super_packets_are_put_together_and_apart() {
        let apart = (0..50).flat_map(|at| [(at * 1200, 1, 3), (at * 1200, 2, 1), (at * 1200, 2, 1), (at * 1200, 2, 1)]);
        assert_eq!(counted(apart), (150, 1));
        let together =
            (0..50).flat_map(|at| [(at * 1200, 1, 1), (at * 1200, 1, 1), (at * 1200, 1, 1), (at * 1200, 2, 3)]);
        assert_eq!(counted(together), (150, 1));
        let moved = apart_then(2, 50);
        assert_eq!(counted(moved), (150 + 150, 2), "and move as such");
    }

    fn apart_then(point: u32, count: u64) -> impl Iterator<Item = Seen> {
        let apart = (0..50).flat_map(|at| [(at * 10, 1, 3), (at * 10, 2, 1), (at * 10, 2, 1), (at * 10, 2, 1)]);
        apart.chain((0..count).map(move |at| (600 + at * 50, point, 3)))
    }

    #[test]
    fn a_flow_that_moves_is_counted_on() {
        let moved = |gap, count, path| train(0, 10, 100, &[1]).chain(train(1000, gap, count, path));
        assert_eq!(counted(moved(10, 200, &[2])), (300, 2), "all of what was seen before the second was over");
        assert_eq!(counted(moved(10, 50, &[2])), (100, 1), "not before; the rest is in the rival");
        assert_eq!(counted(moved(5000, 3, &[2])), (103, 2), "packets that come seldom");
        assert_eq!(counted(moved(10, 200, &[2, 3])), (300, 2), "to two points: the first of them");
        let passed_both = train(0, 10, 100, &[1, 2]).chain(train(1000, 10, 200, &[2]));
        assert_eq!(counted(passed_both), (300, 2), "to where it was seen before");
        let other_way_in = train(0, 10, 100, &[1, 9]).chain(train(1000, 10, 200, &[2, 9]));
        assert_eq!(counted(other_way_in), (300, 9), "another interface on the way to the same");
        let young = train(0, 10, 10, &[1]).chain(train(200, 10, 200, &[2]));
        assert_eq!(counted(young), (210, 2), "a young flow, after a moment of silence");
        let gapless = train(0, 10, 200, &[1, 8]).chain(train(2000, 10, 200, &[2]));
        assert_eq!(
            counted(gapless),
            (400 - 3, 2),
            "what passes elsewhere while packets may be under way is not told apart"
        );
    }

    #[test]
    fn a_flow_that_comes_back_is_counted_on() {
        let back = |away: u64| {
            let begin = train(0, 10, 200, &[1]);
            let away_path = train(2000, 10, away, &[2]);
            begin.chain(away_path).chain(train(2000 + away * 10, 10, 200, &[1]))
        };
        assert_eq!(counted(back(300)), (700, 1), "after three seconds");
        assert_eq!(counted(back(100)), (500, 1), "just after a second");
        let often = (0..10).flat_map(|turn| train(turn * 4000, 20, 200, if turn % 2 == 0 { &[1] } else { &[2] }));
        assert_eq!(counted(often), (2000, 2), "ten times");
    }

    #[test]
    fn drops_between_points_do_not_count_against_a_move() {
        let dropping =
            (0..300_u64).flat_map(|at| [Some((at * 10, 1, 1)), (at % 3 != 0).then_some((at * 10, 2, 1))]).flatten();
        let dropping: Vec<_> = dropping.collect();
        assert_eq!(counted(dropping.iter().copied()), (300, 1));
        let moved = dropping.into_iter().chain(train(3000, 10, 200, &[2]));
        assert_eq!(counted(moved), (500, 2));
    }

    /// A point in front of the observation point is taken for one behind it, which is much more common. So what was dropped
    /// between them does not count, and a move to it loses a batch, but nothing counts twice.
    #[test]
    fn points_in_front_count_nothing_twice() {
        let begin = train(0, 10, 100, &[1, 9]).chain(train(1000, 10, 200, &[2, 9]));
        let dropping = (0..20).flat_map(|at| [2, 2, 2, 9, 9].map(|point| (3000 + at * 100, point, 1)));
        assert_eq!(counted(begin.chain(dropping).chain(train(5000, 10, 200, &[2]))), (300 + 40 + 200 - 2, 2));
    }

    #[test]
    fn there_is_room_for_a_third_point() {
        let slow = (0..60).flat_map(|at| [(1000 + at * 50, 2, 1), (1040 + at * 50, 3, 1)]);
        let mut slow: Vec<_> = slow.collect();
        slow.sort_unstable();
        assert_eq!(counted(train(0, 10, 100, &[1]).chain(slow)), (160, 2), "not while another is ahead");
        let begin = train(0, 10, 100, &[1, 9]).chain(train(1000, 10, 200, &[2, 9]));
        let batch = [2, 2, 9, 9].map(|point| (3000, point, 1));
        let moved = begin.chain(batch).chain(train(3050, 10, 200, &[3]));
        assert_eq!(counted(moved), (502, 3), "where all was counted that another was ahead");
    }

    #[test]
    fn a_young_flow_has_begun_at_all_points() {
        let burst = |time, point| (0..8).map(move |_| (time, point, 1));
        assert_eq!(counted(burst(0, 1).chain(burst(5, 2)).chain(train(100, 10, 200, &[2]))), (208, 2));
    }

    #[test]
    fn what_is_late_by_more_than_a_second_is_known_all_the_same() {
        let late = train(0, 10, 5, &[1, 2]).chain([(3000, 1, 1), (3000, 1, 1), (4200, 2, 1), (4200, 2, 1)]);
        assert_eq!(counted(late), (7, 1));
    }

    #[test]
    fn late_interfaces_see_what_was_counted() {
        let attached = train(0, 10, 300, &[1]).chain(train(3000, 10, 300, &[1, 2]));
        assert_eq!(counted(attached), (600, 1));
        let seldom = train(0, 10, 300, &[1]).chain(train(5000, 4000, 20, &[1, 2]));
        assert_eq!(counted(seldom), (320, 1));
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

    /// Flows through one to three points, with pauses and with delays between the points, each packet seen first at the
    /// first: as many are counted as were sent.
    #[test]
    fn nothing_counts_twice_whatever_the_delays() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..2000 {
            let points = 1 + random.below(3) as u32;
            let (count, pause, delay) = (1 + random.below(60), 1 + random.below(2500), 1 + random.below(40));
            let mut seen = Vec::new();
            let mut time = 0;
            let mut arrived = [0; 4];
            for _ in 0..count {
                time += if random.below(4) == 0 { random.below(pause) } else { random.below(3) };
                let mut at = time;
                for point in 1..=points {
                    // Packets do not overtake one another.
                    at = at.max(arrived[point as usize]);
                    arrived[point as usize] = at;
                    seen.push((at, point, 1));
                    at += random.below(delay);
                }
            }
            // Of what is seen at the same time, that at the first point comes first.
            seen.sort_by_key(|(time, point, _)| (*time, *point));
            assert_eq!(counted(seen.iter().copied()), (count, 1), "{round}: {seen:?}");
        }
    }

    /// Flows that move every few seconds, each packet at one or two points at once: as many are counted as were sent.
    #[test]
    fn nothing_is_lost_in_moves() {
        let mut random = Random(0x1234_5678_9abc_def1);
        for round in 0..2000 {
            let mut seen = Vec::new();
            let (mut time, mut sent) = (0, 0);
            let mut first = 0;
            for _ in 0..=random.below(5) {
                first = 1 + (first + random.below(2) as u32) % 3;
                let has_second = random.below(2) == 0;
                // Nothing is under way; long enough to be taken over.
                time += 40;
                let end = time + 1600 + random.below(4000);
                while time < end {
                    time += 1 + random.below(400);
                    sent += 1;
                    seen.push((time, first, 1));
                    if has_second {
                        seen.push((time, 7, 1));
                    }
                }
            }
            let (packets, _) = counted(seen.iter().copied());
            assert_eq!(packets, sent, "{round}: {seen:?}");
        }
    }
}
