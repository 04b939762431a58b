//! Where packets are counted: each way of a flow at one interface and hook of the host, however many they pass.
//!
//! The first that sees a packet of the way is its observation point. What another one sees is counted apart, as how far
//! it is ahead of the observation point: a point behind the first sees the same packets later and is never ahead for
//! long. One that is ahead while the observation point stands still for [`TAKE_OVER`] sees packets that did not pass
//! there: it takes over, with all by which it is ahead.

use flowtrace_wire::Mac;

use crate::{Cells, Event};

/// How long an observation point must stand still before another takes over, in nanoseconds.
pub const TAKE_OVER: u64 = 1_000_000_000;
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

impl Rival {
    /// Up to when its last packet may have been seen, in nanoseconds.
    pub const fn last_time(&self) -> u64 {
        (self.last as u64 + 1) << LAST_SHIFT
    }
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
    let is_young = event.time < entry.first().saturating_add(TAKE_OVER);
    let now = (event.time >> LAST_SHIFT) as u32;
    let rival = entry.rival(way);
    let (ahead, bytes) = if rival.point == event.point {
        (rival.ahead, rival.bytes)
    } else if rival.point != 0 && now.wrapping_sub(rival.last) <= (TAKE_OVER >> LAST_SHIFT) as u32 && !is_still {
        return false;
    } else {
        // A young flow has begun at both points; else this one sees it for the first time.
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
