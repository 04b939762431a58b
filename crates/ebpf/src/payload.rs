//! Payload that names are learned from, for userland. Only of programs that read payload (`tc.rs`).

use core::ptr::{addr_of, addr_of_mut};

use aya_ebpf::{
    bindings::{__sk_buff, BPF_RB_NO_WAKEUP},
    helpers::generated::{bpf_ringbuf_output, bpf_skb_load_bytes},
};
use flowtrace_abi::{FlowKey, Loss, PAYLOAD_BYTES, PAYLOAD_PORT, PayloadHead, is_observed};
use flowtrace_wire::{Bytes, Packet, protocol};

use crate::{
    cells::Shared,
    count::{ABSENT, YOUNG},
    later, losses,
    maps::{FLOWS, LATER, PAYLOAD, PAYLOADS, WALK},
    opaque::opaque,
    packet::Scattered,
    plain::WANTED,
};

/// A payload as it is put together.
#[repr(C)]
pub struct Copied {
    head: PayloadHead,
    bytes: [u8; PAYLOAD_BYTES],
}

/// Whether a packet's payload may tell names. `is_young`: it is among the first of its way in its flow.
#[inline(always)]
pub fn is_wanted(packet: &Packet, is_young: bool) -> bool {
    if packet.payload_length() == 0 {
        return false;
    }
    match packet.protocol {
        protocol::UDP => packet.source_port == PAYLOAD_PORT,
        protocol::TCP => packet.source_port == PAYLOAD_PORT || is_young,
        _ => false,
    }
}

/// [`WANTED`], if a packet's payload may tell names. `counted`: what [`count`](crate::count::count) said of it.
#[inline(always)]
pub fn wanted(packet: &Packet, counted: u32) -> u32 {
    let is_answer = packet.source_port == PAYLOAD_PORT;
    let is_young = packet.protocol == protocol::TCP && counted & (YOUNG | ABSENT) != 0;
    if is_answer || is_young { WANTED } else { 0 }
}

/// Hands out the payload of the plain packet that was put aside, whose IP header is at `start` and which was counted into this
/// generation.
#[inline(never)]
pub fn send_plain(skb: *mut __sk_buff, start: u32, generation: u32) -> u32 {
    let Some(later) = LATER.get_ptr(0) else { return 0 };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let packet = unsafe { &(*later).packet };
    if packet.payload_length() == 0 || !matches!(packet.protocol, protocol::TCP | protocol::UDP) {
        return 0;
    }
    send(skb, start + packet.header_length, generation)
}

/// Hands out the payload of the walk's packet, if it is wanted.
#[inline(never)]
pub fn send_walked(skb: *mut __sk_buff, is_young: u32, generation: u32) -> u32 {
    let Some(walk) = WALK.get_ptr(0) else { return 0 };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let walk = unsafe { &*walk };
    if !is_wanted(&walk.packet, is_young != 0) {
        return 0;
    }
    match walk.payload(&Scattered(skb)) {
        Some(offset) => send(skb, offset, generation),
        None => 0,
    }
}

/// Copies the payload at `offset` of the packet that was put aside.
#[inline(always)]
fn send(skb: *mut __sk_buff, offset: u32, generation: u32) -> u32 {
    let (Some(later), Some(copied)) = (LATER.get_ptr(0), PAYLOAD.get_ptr_mut(0)) else { return 0 };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let later::Later { key, event, packet } = unsafe { &*later };
    // SAFETY: the context of the program.
    let held = unsafe { (*skb).len }.saturating_sub(offset);
    let length = if packet.payload_length() < held { packet.payload_length() } else { held };
    if length == 0 || packet.protocol == protocol::TCP && packet.source_port != PAYLOAD_PORT && !is_hello(skb, offset) {
        return 0;
    }
    let length = bounded(length);
    // A packet for whose flow there was no room tells its names all the same.
    let generation = if generation > FlowKey::LAST_GENERATION as u32 { 0 } else { generation };
    let key = key.with_generation(generation as u8);
    if let Some(entry) = FLOWS.get_ptr_mut(&key)
        && !is_observed(&Shared(entry), event)
    {
        return 0;
    }
    // SAFETY: this CPU's value, of which the map hands out no null. The helper fills `length` bytes or fails.
    let result = unsafe {
        later::copy(&key, addr_of_mut!((*copied).head.key));
        (*copied).head.at = event.time;
        (*copied).head.length = length as u32;
        (*copied).head.way = event.way.index() as u32;
        bpf_skb_load_bytes(skb.cast(), offset, addr_of_mut!((*copied).bytes).cast(), length as u32)
    };
    if result != 0 {
        return 0;
    }
    // SAFETY: as above; userland does not wait for it.
    let result = unsafe {
        let size = size_of::<PayloadHead>() as u64 + length;
        bpf_ringbuf_output(addr_of!(PAYLOADS).cast_mut().cast(), copied.cast(), size, BPF_RB_NO_WAKEUP.into())
    };
    if result != 0 {
        losses::count(Loss::PayloadsFull.index(), 1, length);
    }
    0
}

/// At least 1 and at most [`PAYLOAD_BYTES`], in a way that every verifier follows.
#[inline(always)]
fn bounded(length: u32) -> u64 {
    const { assert!(PAYLOAD_BYTES.is_power_of_two()) };
    let most = PAYLOAD_BYTES as u64;
    let length = if length as u64 > most { most } else { length as u64 };
    (opaque(length - 1) & (most - 1)) + 1
}

/// Whether a TLS handshake record with a ClientHello begins here (RFC 8446 sections 4 and 5.1).
#[inline(always)]
fn is_hello(skb: *mut __sk_buff, offset: u32) -> bool {
    matches!(Scattered(skb).get::<6>(offset as usize), Some([22, 3, _, _, _, 1]))
}
