//! Maps and globals of the programs that watch sockets: what is shared with userland.

use core::ptr::addr_of;

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::{Array, HashMap, RingBuf, SkStorage},
    macros::btf_map,
};
use flowtrace_abi::{ListeningSocket, SocketEvent, SocketEvents, SocketSettings, SocketUse};

use crate::{atomic, opaque::opaque};

/// Sockets that wait to be spoken to, by their cookie. Userland takes out those that were closed.
#[btf_map]
pub static LISTENING: HashMap<u64, ListeningSocket, 16_384, { BPF_F_NO_PREALLOC as usize }> = HashMap::new();

/// Who uses a socket, kept with the socket: nothing is evicted, and it goes with it.
#[btf_map]
pub static USES: SkStorage<SocketUse> = SkStorage::new();

/// What happens to sockets, for userland; room for some 5,000 events.
#[btf_map]
pub static RING: RingBuf<SocketEvent, { 512 * 1024 }> = RingBuf::new();

/// 1: userland reads the ring from time to time, and need not be woken. A program that wakes it sets it, and userland
/// takes it back before it sleeps.
#[btf_map]
pub static AWAKE: Array<u64, 1> = Array::new();

/// Counts, at the places of [`SocketEvents`].
#[btf_map]
pub static EVENTS: Array<u64, { SocketEvents::COUNT }> = Array::new();

/// Written by userland before the programs are loaded.
#[unsafe(no_mangle)]
static SETTINGS: SocketSettings = SocketSettings::DEFAULT;

/// The settings.
#[inline(always)]
pub fn settings() -> &'static SocketSettings {
    // SAFETY: the static lives for ever; hiding its origin keeps the compiler from using the values it has now,
    // which userland replaces before loading.
    unsafe { &*opaque(addr_of!(SETTINGS)) }
}

/// Something is other than it was: userland will look.
#[inline(always)]
pub fn changed() {
    count(SocketEvents::CHANGES);
}

/// A socket found no room.
#[inline(always)]
pub fn missed() {
    count(SocketEvents::MISSED);
}

/// An event found no room.
#[inline(always)]
pub fn lost() {
    count(SocketEvents::LOST);
}

#[inline(always)]
fn count(event: u32) {
    if let Some(cell) = EVENTS.get_ptr_mut(event) {
        // SAFETY: an aligned word of a map value.
        unsafe { atomic::add(cell, 1) };
    }
}
