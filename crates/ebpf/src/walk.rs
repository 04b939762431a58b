//! The long way: tags, extension headers, fragments, tunnels, and packets whose headers are not in the linear part.

use core::ptr::addr_of_mut;

use aya_ebpf::bindings::__sk_buff;
use flowtrace_abi::{FlowKey, FragmentFacts, FragmentKey, Layers};
use flowtrace_wire::{Fragment, Next, Options, Reason, STEPS, Walk};

use crate::{
    clock,
    count::event,
    later, losses,
    maps::{self, ETHERTYPES, FRAGMENTS, LATER, UdpPorts, WALK},
    packet::Scattered,
    zero,
};

/// The innermost packet.
pub const INNER: u32 = 0;
/// The outermost.
pub const OUTER: u32 = 1;

/// Reads a packet, whatever it is; `is_ip`: it begins with an IP header. Answers 0 where there is nothing to count.
#[inline(never)]
pub fn read(skb: *mut __sk_buff, is_ip: u32) -> u32 {
    let Some(walk) = WALK.get_ptr_mut(0) else { return 0 };
    // SAFETY: this CPU's value, of which the map hands out no null; in zeros both are valid.
    let walk = unsafe {
        zero::fill(addr_of_mut!((*walk).packet));
        zero::fill(addr_of_mut!((*walk).envelope));
        &mut *walk
    };
    walk.outer.ip_version = 0;
    // SAFETY: the context of the program.
    let (length, has_tag, tag) = unsafe { ((*skb).len, (*skb).vlan_present, (*skb).vlan_tci) };
    walk.begin(if is_ip != 0 { Next::Ip } else { Next::Ethernet }, 0, length);
    if has_tag != 0 {
        walk.tag(tag as u16);
    }
    for _ in 0..STEPS {
        if step(skb, walk) == 0 {
            break;
        }
    }
    match walk.finish() {
        Ok(()) => {
            fragments(walk);
            1
        }
        Err(reason) => {
            stopped(walk, reason, length);
            0
        }
    }
}

/// One header. The verifier looks at this once for each, not at all ways through several: what was found is in the map.
#[inline(never)]
fn step(skb: *mut __sk_buff, walk: &mut Walk) -> u32 {
    let options = Options { ports: &UdpPorts, depth: maps::settings().depth };
    walk.step(&Scattered(skb), &options) as u32
}

#[inline(always)]
fn stopped(walk: &Walk, reason: Reason, length: u32) {
    losses::count(reason as u32, 1, length as u64);
    if !matches!(reason, Reason::NotIp) {
        return;
    }
    let number = walk.not_ip() as u32;
    if ETHERTYPES.get_ptr_mut(number).is_none() {
        // That another CPU was faster, or that there is no room, does not matter.
        let _ = ETHERTYPES.insert(number, 0u64, aya_ebpf::bindings::BPF_NOEXIST as u64);
    }
    if let Some(frames) = ETHERTYPES.get_ptr_mut(number) {
        // SAFETY: the pointer comes from a map.
        unsafe { crate::atomic::add(frames, 1) };
    }
}

/// Fragments of a datagram find its ports.
#[inline(always)]
fn fragments(walk: &mut Walk) {
    if FragmentFacts::is_first(&walk.outer) {
        remember(walk, OUTER);
    }
    match walk.packet.fragment {
        Fragment::Whole => {}
        Fragment::First => {
            remember(walk, INNER);
        }
        Fragment::Later => {
            recall(walk);
        }
    }
}

/// Puts a packet of the walk aside to be counted. Answers 0 where it is not to be.
#[inline(never)]
pub fn put(skb: *mut __sk_buff, point: u32, layer: u32) -> u32 {
    let Some(walk) = WALK.get_ptr_mut(0) else { return 0 };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let walk = unsafe { &mut *walk };
    let settings = maps::settings();
    let has_outer = walk.outer.ip_version != 0;
    let headers = walk.packet.header_length;
    let (packet, headers) = if layer == OUTER {
        if !has_outer || settings.layers & Layers::OUTER == 0 {
            return 0;
        }
        // Each packet of the wire has all headers down to the inner transport's.
        (&walk.outer, headers.saturating_add(walk.envelope.overhead()))
    } else {
        if has_outer && settings.layers & Layers::INNER == 0 {
            return 0;
        }
        (&walk.packet, headers)
    };
    let (mut key, way) = FlowKey::of(packet);
    if layer == OUTER {
        walk.envelope.keep_frame();
        if settings.layers & Layers::INNER != 0 {
            key = key.outer();
        }
    }
    key = key.within(&walk.envelope, settings.key_parts);
    let Some(later) = LATER.get_ptr_mut(0) else { return 0 };
    // SAFETY: this CPU's value, of which the map hands out no null. (Written there at once: the stack is full.)
    unsafe {
        (*later).key = key;
        (*later).event = event(skb, packet, headers, way, point);
        later::copy(packet, addr_of_mut!((*later).packet));
    }
    1
}

/// Keeps what a first fragment shows for the rest of its datagram.
#[inline(never)]
fn remember(walk: &Walk, layer: u32) -> u32 {
    let packet = if layer == OUTER { &walk.outer } else { &walk.packet };
    if FragmentFacts::is_first(packet) {
        let facts = FragmentFacts::of(packet, clock::exact());
        // That there is no room does not happen: the oldest go.
        let _ = FRAGMENTS.insert(FragmentKey::of(packet), facts, 0);
    }
    0
}

/// Gives a later fragment what its first one showed.
#[inline(never)]
fn recall(walk: &mut Walk) -> u32 {
    if let Some(facts) = FRAGMENTS.get_ptr(FragmentKey::of(&walk.packet)) {
        // SAFETY: the pointer comes from a map; a torn value names another port, which is what a reused number does.
        let facts = unsafe { *facts };
        facts.apply(&mut walk.packet, clock::exact());
    }
    0
}
