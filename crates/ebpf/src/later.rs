//! Packets that were put aside: for whose flow there is no entry, or none any more, and those of a walk. What is done for
//! them has the stack for itself.

use core::ptr::{addr_of_mut, read_volatile, write_volatile};

use aya_ebpf::bindings::BPF_NOEXIST;
use flowtrace_abi::{
    Cells, Event, FlowEntry, FlowKey, Loss, account, account_tcp_times, admits, is_remarkable, lingers, state,
};
use flowtrace_wire::{Packet, protocol};

use crate::{
    cells::Shared,
    count::{self, ABSENT, FIRST, NOT_COUNTED},
    losses,
    maps::{self, FLOWS, LATER, SCRATCH},
    opaque::opaque,
};

/// The last generation that a key can name.
const LAST_GENERATION: u32 = FlowKey::LAST_GENERATION as u32;
/// Not a generation: there is none to begin.
const EXHAUSTED: u32 = LAST_GENERATION + 1;
/// Not a generation: there is no room for it.
const NO_ROOM: u32 = EXHAUSTED + 1;
/// Bit beside a generation: it has to begin.
const BEGINS: u32 = 1 << 16;
/// Bit beside a generation: it goes on, and the packet is still to be counted into it.
const GOES_ON: u32 = 1 << 17;
/// In how many generations behind the latest a packet looks for a free one.
const PROBES: u32 = 2;

/// What is put aside of a packet.
#[repr(C)]
pub struct Later {
    /// The key of its flow, generation 0.
    pub key: FlowKey,
    /// The packet as it is counted.
    pub event: Event,
    /// Its facts.
    pub packet: Packet,
}

/// Puts a packet aside.
#[inline(always)]
pub fn put(key: &FlowKey, packet: &Packet, event: &Event) {
    let Some(later) = LATER.get_ptr_mut(0) else { return };
    // SAFETY: this CPU's value, of which the map hands out no null; all three are whole words.
    unsafe {
        copy(key, addr_of_mut!((*later).key));
        copy(event, addr_of_mut!((*later).event));
        copy(packet, addr_of_mut!((*later).packet));
    }
}

/// Copies by the word: on this target `memcpy` is a call that goes byte by byte.
///
/// # Safety
/// `to` can be written.
#[inline(always)]
pub unsafe fn copy<T>(from: &T, to: *mut T) {
    const { assert!(size_of::<T>() % size_of::<u64>() == 0 && align_of::<T>() == align_of::<u64>()) };
    let (from, to) = (core::ptr::from_ref(from).cast::<u64>(), to.cast::<u64>());
    for word in 0..size_of::<T>() / size_of::<u64>() {
        // SAFETY: within both values, which are aligned; the caller vouches for `to`.
        unsafe { write_volatile(to.add(word), read_volatile(from.add(word))) };
    }
}

/// Counts the packet that was put aside, by the key that was. Answers as [`count::count`],
/// without [`FIRST`].
#[inline(never)]
pub fn count() -> u32 {
    let Some(later) = LATER.get_ptr_mut(0) else { return NOT_COUNTED };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let Later { key, event, packet } = unsafe { &mut *later };
    count::count::<false>(key, packet, event) & !FIRST
}

/// The same where payload is read: with [`count::YOUNG`].
#[inline(never)]
pub fn count_and_say() -> u32 {
    let Some(later) = LATER.get_ptr_mut(0) else { return NOT_COUNTED };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let Later { key, event, packet } = unsafe { &mut *later };
    count::count::<true>(key, packet, event) & !FIRST
}

/// Counts the packet that was put aside into a flow that begins, or into a later one of the same ends. Answers its flow's
/// generation, or [`NOT_COUNTED`]. `why`: what [`count`] said. (Calls side by side, not within one another: so they fit
/// on the stack.)
#[inline(always)]
pub fn open(why: u32) -> u32 {
    let mut next = if why == ABSENT { BEGINS } else { follow() };
    if next == EXHAUSTED {
        return exhausted();
    }
    if next & BEGINS != 0 {
        next = begin(next & !BEGINS);
    }
    if next == NO_ROOM {
        return lose();
    }
    if next & GOES_ON == 0 {
        return next;
    }
    let generation = next & !GOES_ON;
    name(generation);
    if count() == 0 { generation } else { lose() }
}

/// Names a generation for [`count`].
#[inline(always)]
fn name(generation: u32) {
    if let Some(later) = LATER.get_ptr_mut(0) {
        // SAFETY: this CPU's value, of which the map hands out no null.
        unsafe { (*later).key.generation = generation as u8 };
    }
}

/// The packet that was put aside is in no flow: there is no room for one, or the one that it was to be counted into was
/// over at the same moment.
#[inline(never)]
fn lose() -> u32 {
    if let Some(later) = LATER.get_ptr(0) {
        // SAFETY: this CPU's value, of which the map hands out no null.
        let event = unsafe { &(*later).event };
        losses::count(Loss::MapFull.index(), event.packets, event.bytes);
    }
    NOT_COUNTED
}

/// The packet's flow is over, if there is one: the packet belongs to a later one of the same ends. Answers that generation
/// and [`GOES_ON`], the one that has to begin with it and [`BEGINS`], or [`EXHAUSTED`].
#[inline(never)]
fn follow() -> u32 {
    let Some(later) = LATER.get_ptr(0) else { return EXHAUSTED };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let Later { key, event, packet } = unsafe { &*later };
    let Some(anchor) = FLOWS.get_ptr_mut(key) else { return BEGINS };
    let mut anchor = Shared(anchor);
    let current = anchor.successor();
    // One key for all look-ups: each copy would have its place on the stack.
    let mut key = *key;
    if current != 0
        && let Some(entry) = generation_of(&mut key, current)
        && admits(&entry, opaque(packet), event.time, maps::timeouts(), maps::scan_silence())
    {
        return current | GOES_ON;
    }
    // Also where that entry is gone: by a number of its own, who reads the anchor sees that it is in use.
    let next = next_generation(&mut key, opaque(packet), event.time, current);
    if next == EXHAUSTED {
        return next;
    }
    if current == 0 {
        anchor.raise(state::SUPERSEDED);
    } else if let Some(mut entry) = generation_of(&mut key, current) {
        entry.raise(state::SUPERSEDED);
    }
    next | BEGINS
}

/// The entry of a generation.
#[inline(always)]
fn generation_of(key: &mut FlowKey, generation: u32) -> Option<Shared> {
    key.generation = generation as u8;
    FLOWS.get_ptr_mut(&*key).map(Shared)
}

/// The generation after `current`. One whose entry is over is passed over: userland may read and delete it at any
/// moment. (One that is not over was begun by another CPU just now, or its anchor was deleted before it.)
#[inline(always)]
fn next_generation(key: &mut FlowKey, packet: &Packet, time: u64, current: u32) -> u32 {
    let mut generation = current;
    for _ in 0..PROBES {
        generation = if generation >= LAST_GENERATION { 1 } else { generation + 1 };
        match generation_of(key, generation) {
            Some(entry) if !admits(&entry, packet, time, maps::timeouts(), maps::scan_silence()) => {}
            _ => return generation,
        }
    }
    EXHAUSTED
}

/// Flows of these ends end faster than they are read. The packet goes to the latest of them while that lingers, where
/// nobody deletes it; after that it is lost. Answers as [`open`].
#[inline(never)]
fn exhausted() -> u32 {
    let Some(later) = LATER.get_ptr(0) else { return NOT_COUNTED };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let Later { key, event, packet } = unsafe { &*later };
    let current = FLOWS.get_ptr_mut(key).map_or(0, |anchor| Shared(anchor).successor());
    if let Some(latest) = FLOWS.get_ptr_mut(key.with_generation(current as u8)) {
        let mut latest = Shared(latest);
        if lingers(&latest, event.time, maps::timeouts(), maps::scan_silence()) {
            losses::count(Loss::GenerationsExhausted.index(), event.packets, event.bytes);
            account(&mut latest, packet, event, maps::timeouts());
            return current;
        }
    }
    losses::count(Loss::MapFull.index(), event.packets, event.bytes);
    NOT_COUNTED
}

/// Makes an entry of this generation for the packet's flow. Answers the generation, with [`GOES_ON`] if there was one,
/// or [`NO_ROOM`].
#[inline(never)]
fn begin(generation: u32) -> u32 {
    let Some(later) = LATER.get_ptr(0) else { return NOT_COUNTED };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let Later { key: first, event, packet } = unsafe { &*later };
    let Some(fresh) = fresh(opaque(event), opaque(packet)) else { return NOT_COUNTED };
    let key = first.with_generation(generation as u8);
    let key: &FlowKey = opaque(&key);
    let is_new = FLOWS.insert(key, fresh, BPF_NOEXIST as u64).is_ok();
    if !is_new && FLOWS.get_ptr(key).is_none() {
        return NO_ROOM;
    }
    // The number is told only when there is an entry: another CPU that found none would take the next.
    if generation != 0
        && let Some(anchor) = FLOWS.get_ptr_mut(first)
    {
        Shared(anchor).set_successor(generation);
    }
    // Else another CPU was faster.
    if is_new { generation } else { generation | GOES_ON }
}

/// An entry with one packet.
#[inline(always)]
fn fresh(event: &Event, packet: &Packet) -> Option<&'static FlowEntry> {
    let scratch = SCRATCH.get_ptr_mut(0)?;
    let mut fresh = Shared(scratch);
    fresh.clear();
    // SAFETY: this CPU's value, of which the map hands out no null.
    unsafe { (*scratch).first = event.time };
    account(&mut fresh, packet, event, maps::timeouts());
    if packet.protocol == protocol::TCP && is_remarkable(&mut fresh, packet, event.way, 0) {
        account_tcp_times(&mut fresh, packet, event, 0);
    }
    // SAFETY: as above.
    unsafe {
        (*scratch).state |= if event.way.index() == 1 { state::OPENED_DOWN } else { 0 };
        Some(&*scratch)
    }
}
