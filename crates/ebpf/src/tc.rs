//! The traffic-control hooks.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::{__sk_buff, BPF_NOEXIST, TC_ACT_UNSPEC},
    macros::classifier,
    programs::TcContext,
};
use flowtrace_abi::{Cells, Event, FlowKey, Loss, account, admits, elsewhere, lingers, state};
use flowtrace_wire::{Link, Packet, Reason, dissect_into, tcp};

use crate::{
    cells::Shared,
    clock, losses,
    maps::{self, FLOWS, SCRATCH},
    packet::{Linear, Scattered, wire_packets},
    zero,
};

/// Up to this many packets of a way are stamped exactly; short exchanges then have exact times, long ones end within
/// a timer tick.
const EXACT_PACKETS: u64 = 16;
/// Not a [`Reason`]: the headers were read.
const READ: u32 = u32::MAX;
/// The last generation that a key can name.
const LAST_GENERATION: u32 = FlowKey::LAST_GENERATION as u32;
/// Not a generation: there is none to begin.
const EXHAUSTED: u32 = LAST_GENERATION + 1;
/// In how many generations behind the latest a packet looks for a free one.
const PROBES: u32 = 2;

/// Packets that arrive at an interface.
#[classifier]
pub fn ingress(context: TcContext) -> i32 {
    watch(context.skb.skb, 0);
    TC_ACT_UNSPEC
}

/// Packets that leave by an interface.
#[classifier]
pub fn egress(context: TcContext) -> i32 {
    watch(context.skb.skb, 1);
    TC_ACT_UNSPEC
}

#[inline(always)]
fn watch(skb: *mut __sk_buff, egress: u32) {
    // SAFETY: the context of the program.
    let (length, interface) = unsafe { ((*skb).len, (*skb).ifindex) };
    let mut packet = MaybeUninit::<Packet>::uninit();
    // SAFETY: integers and booleans, for which zeros are valid.
    let packet = unsafe {
        zero::fill(packet.as_mut_ptr());
        packet.assume_init_mut()
    };
    let stopped = match dissect_into(&Linear::of(skb), Link::Ethernet, length, packet) {
        Ok(()) if !packet.is_cut_short => READ,
        // The rest of the headers may lie outside the linear part.
        Ok(()) | Err(Reason::TruncatedLink | Reason::TruncatedIp) => dissect_scattered(skb, length, packet),
        Err(reason) => reason as u32,
    };
    if stopped == READ {
        count(skb, packet, interface << 1 | egress);
    } else {
        losses::count(stopped, 1, length as u64);
    }
}

/// Answers [`READ`], or the number of the reason why not.
#[inline(never)]
fn dissect_scattered(skb: *mut __sk_buff, length: u32, packet: &mut Packet) -> u32 {
    // SAFETY: as in `watch`.
    unsafe { zero::fill(packet) };
    match dissect_into(&Scattered(skb), Link::Ethernet, length, packet) {
        Ok(()) => READ,
        Err(reason) => reason as u32,
    }
}

#[inline(always)]
fn count(skb: *mut __sk_buff, packet: &Packet, point: u32) {
    let (key, way) = FlowKey::of(packet);
    let (packets, bytes) = wire_packets(skb, packet);
    let mut event = Event { way, packets, bytes, time: 0, point, epoch: maps::scan_epoch() };
    match FLOWS.get_ptr_mut(&key) {
        None => event.time = clock::exact(),
        Some(entry) => {
            let mut entry = Shared(entry);
            event.time = time_of(&entry, packet, &event);
            if admits(&entry, packet, event.time, maps::timeouts()) {
                count_into(&mut entry, packet, &event);
                return;
            }
            match follow(&mut entry, &key, packet, &event) {
                0 => return,
                EXHAUSTED => {
                    exhausted(&entry, &key, packet, &event);
                    return;
                }
                next => {
                    // The number is told only when there is an entry: another CPU that found none would take the next.
                    begin(&key.with_generation(next as u8), packet, &event);
                    entry.set_successor(next);
                    return;
                }
            }
        }
    }
    begin(&key, packet, &event);
}

/// Exact where it matters: at the edges of a connection and while it is young.
#[inline(always)]
fn time_of(entry: &Shared, packet: &Packet, event: &Event) -> u64 {
    const EDGES: u8 = tcp::SYN | tcp::FIN | tcp::RST;
    if packet.tcp_flags & EDGES != 0 || entry.packets(event.way) < EXACT_PACKETS {
        clock::exact()
    } else {
        clock::coarse()
    }
}

#[inline(always)]
fn count_into(entry: &mut Shared, packet: &Packet, event: &Event) {
    if elsewhere(entry, event.way, event.point, event.time) {
        losses::count(Loss::Elsewhere.index(), event.packets, event.bytes);
        return;
    }
    account(entry, packet, event);
}

/// The flow in `anchor` (generation 0) is over: the packet belongs to a later one of the same ends. Answers the
/// generation that has to begin with it, 0 when it is counted, or [`EXHAUSTED`].
#[inline(never)]
fn follow(anchor: &mut Shared, key: &FlowKey, packet: &Packet, event: &Event) -> u32 {
    let current = anchor.successor();
    if current != 0
        && let Some(entry) = FLOWS.get_ptr_mut(&key.with_generation(current as u8))
    {
        let mut entry = Shared(entry);
        if admits(&entry, packet, event.time, maps::timeouts()) {
            count_into(&mut entry, packet, event);
            return 0;
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
    next
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
/// nobody deletes it; after that it is lost.
#[inline(never)]
fn exhausted(anchor: &Shared, key: &FlowKey, packet: &Packet, event: &Event) -> u32 {
    if let Some(latest) = FLOWS.get_ptr_mut(&key.with_generation(anchor.successor() as u8)) {
        let mut latest = Shared(latest);
        if lingers(&latest, event.time, maps::timeouts()) {
            losses::count(Loss::GenerationsExhausted.index(), event.packets, event.bytes);
            account(&mut latest, packet, event);
            return 0;
        }
    }
    losses::count(Loss::MapFull.index(), event.packets, event.bytes);
    0
}

/// Makes an entry for the packet's flow.
#[inline(never)]
fn begin(key: &FlowKey, packet: &Packet, event: &Event) -> u32 {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else { return 0 };
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
        return 0;
    }
    // Another CPU was faster, or the map is full.
    if let Some(entry) = FLOWS.get_ptr_mut(key) {
        count_into(&mut Shared(entry), packet, event);
        return 0;
    }
    losses::count(Loss::MapFull.index(), event.packets, event.bytes);
    0
}
