//! A packet for whose flow there is no entry, or none any more: put aside, so that what is done for it has the stack for
//! itself.

use core::ptr::{addr_of_mut, read_volatile, write_volatile};

use aya_ebpf::bindings::BPF_NOEXIST;
use flowtrace_abi::{Cells, Event, FlowKey, Loss, account, admits, lingers, state};
use flowtrace_wire::Packet;

use crate::{
    cells::Shared,
    count::{NOT_COUNTED, count_into},
    losses,
    maps::{self, FLOWS, LATER, SCRATCH},
};

/// The last generation that a key can name.
const LAST_GENERATION: u32 = FlowKey::LAST_GENERATION as u32;
/// Not a generation: there is none to begin.
const EXHAUSTED: u32 = LAST_GENERATION + 1;
/// Bit beside a generation: it has to begin.
const BEGINS: u32 = 1 << 16;
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

/// Counts the packet that was put aside: into a flow that begins, or into a later one of the same ends. Answers the
/// flow's generation, or [`NOT_COUNTED`].
#[inline(never)]
pub fn count() -> u32 {
    let Some(later) = LATER.get_ptr(0) else { return NOT_COUNTED };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let Later { key, event, packet } = unsafe { &*later };
    let Some(anchor) = FLOWS.get_ptr_mut(key) else { return begin(key, packet, event) };
    let mut anchor = Shared(anchor);
    let followed = follow(&mut anchor, key, packet, event);
    if followed == EXHAUSTED {
        return exhausted(&anchor, key, packet, event);
    }
    if followed & BEGINS == 0 {
        return followed;
    }
    // The number is told only when there is an entry: another CPU that found none would take the next.
    let next = followed & !BEGINS;
    let generation = begin(&key.with_generation(next as u8), packet, event);
    anchor.set_successor(next);
    generation
}

/// The flow in `anchor` (generation 0) is over: the packet belongs to a later one of the same ends. Answers the
/// generation into which it was counted, the one that has to begin with it and [`BEGINS`], or [`EXHAUSTED`].
#[inline(never)]
fn follow(anchor: &mut Shared, key: &FlowKey, packet: &Packet, event: &Event) -> u32 {
    let current = anchor.successor();
    if current != 0
        && let Some(entry) = FLOWS.get_ptr_mut(&key.with_generation(current as u8))
    {
        let mut entry = Shared(entry);
        if admits(&entry, packet, event.time, maps::timeouts()) {
            count_into(&mut entry, packet, event);
            return current;
        }
    }
    // Also where that entry is gone: by a number of its own, who reads the anchor sees that it is in use.
    let next = next_generation(key, packet, event, current);
    if next == EXHAUSTED {
        return next;
    }
    if current == 0 {
        anchor.raise(state::SUPERSEDED);
    } else if let Some(entry) = FLOWS.get_ptr_mut(&key.with_generation(current as u8)) {
        Shared(entry).raise(state::SUPERSEDED);
    }
    next | BEGINS
}

/// The generation after `current`. One whose entry is over is passed over: userland may read and delete it at any
/// moment. (One that is not over was begun by another CPU just now, or its anchor was deleted before it.)
#[inline(always)]
fn next_generation(key: &FlowKey, packet: &Packet, event: &Event, current: u32) -> u32 {
    let mut generation = current;
    for _ in 0..PROBES {
        generation = if generation >= LAST_GENERATION { 1 } else { generation + 1 };
        match FLOWS.get_ptr_mut(&key.with_generation(generation as u8)) {
            Some(entry) if !admits(&Shared(entry), packet, event.time, maps::timeouts()) => {}
            _ => return generation,
        }
    }
    EXHAUSTED
}

/// Flows of these ends end faster than they are read. The packet goes to the latest of them while that lingers, where
/// nobody deletes it; after that it is lost. Answers as [`count`].
#[inline(never)]
fn exhausted(anchor: &Shared, key: &FlowKey, packet: &Packet, event: &Event) -> u32 {
    let current = anchor.successor();
    if let Some(latest) = FLOWS.get_ptr_mut(&key.with_generation(current as u8)) {
        let mut latest = Shared(latest);
        if lingers(&latest, event.time, maps::timeouts()) {
            losses::count(Loss::GenerationsExhausted.index(), event.packets, event.bytes);
            account(&mut latest, packet, event);
            return current;
        }
    }
    losses::count(Loss::MapFull.index(), event.packets, event.bytes);
    NOT_COUNTED
}

/// Makes an entry for the packet's flow. Answers as [`count`].
#[inline(never)]
fn begin(key: &FlowKey, packet: &Packet, event: &Event) -> u32 {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else { return NOT_COUNTED };
    let mut fresh = Shared(scratch);
    fresh.clear();
    account(&mut fresh, packet, event);
    // SAFETY: this CPU's value, of which the map hands out no null.
    let fresh = unsafe {
        (*scratch).first = event.time;
        (*scratch).state |= if event.way.index() == 1 { state::OPENED_DOWN } else { 0 };
        &*scratch
    };
    if FLOWS.insert(key, fresh, BPF_NOEXIST as u64).is_ok() {
        return key.generation as u32;
    }
    // Another CPU was faster, or the map is full.
    if let Some(entry) = FLOWS.get_ptr_mut(key) {
        count_into(&mut Shared(entry), packet, event);
        return key.generation as u32;
    }
    losses::count(Loss::MapFull.index(), event.packets, event.bytes);
    NOT_COUNTED
}
