//! Telling userland what happens to sockets.

use core::ptr::{addr_of, null_mut, read_volatile, write_volatile};

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_SK_STORAGE_GET_F_CREATE, bpf_sock},
    helpers::generated::{bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_ringbuf_query, bpf_sk_storage_get},
};
use flowtrace_abi::{NAME, SocketEvent, SocketUse};

use crate::maps::{self, RING, USES};

/// With so many bytes in the ring userland is woken for what may wait otherwise.
const MANY: u64 = 128 * 1024;

/// Who runs the program.
pub struct Task {
    pub process: u32,
    pub thread: u32,
    pub name: [u8; NAME],
}

/// The running process: only where a program runs for the process that called.
#[inline(always)]
pub fn task() -> Task {
    let mut name = [0; NAME];
    // SAFETY: helpers without arguments, and one that fills these bytes.
    let id = unsafe {
        bpf_get_current_comm(name.as_mut_ptr().cast(), NAME as u32);
        bpf_get_current_pid_tgid()
    };
    Task { process: (id >> 32) as u32, thread: id as u32, name }
}

/// What is kept with a socket; null where nothing is.
///
/// # Safety
/// A socket as the verifier knows it, or the context of a program that is about one.
#[inline(always)]
pub unsafe fn find(socket: *mut bpf_sock) -> *mut SocketUse {
    // SAFETY: the caller's.
    unsafe { storage(socket, 0) }
}

/// What is kept with a socket; zeros at first. Null where there is no memory.
///
/// # Safety
/// As of [`find`].
#[inline(always)]
pub unsafe fn find_or_make(socket: *mut bpf_sock) -> *mut SocketUse {
    // SAFETY: the caller's.
    unsafe { storage(socket, u64::from(BPF_SK_STORAGE_GET_F_CREATE)) }
}

#[inline(always)]
unsafe fn storage(socket: *mut bpf_sock, flags: u64) -> *mut SocketUse {
    // SAFETY: the map, and the caller's socket.
    unsafe { bpf_sk_storage_get(addr_of!(USES).cast_mut().cast(), socket.cast(), null_mut(), flags).cast() }
}

/// Tells at once: a process may not live for long. Whether there was room.
///
/// To wake somebody takes longer than all else that is done for a connection, so only who sleeps is woken.
#[inline(always)]
pub fn at_once(event: &SocketEvent) -> bool {
    let Some(awake) = maps::AWAKE.get_ptr_mut(0) else { return false };
    // SAFETY: an aligned word of a map value, which holds 0 or 1 whoever writes it.
    if unsafe { read_volatile(awake) } != 0 {
        return output(event, u64::from(BPF_RB_NO_WAKEUP));
    }
    let is_told = output(event, u64::from(BPF_RB_FORCE_WAKEUP));
    if is_told {
        // SAFETY: as above.
        unsafe { write_volatile(awake, 1) };
    }
    is_told
}

/// Tells with the next event that is urgent, or when userland looks.
#[inline(always)]
pub fn later(event: &SocketEvent) {
    // SAFETY: the map of the ring.
    let waiting = unsafe { bpf_ringbuf_query(addr_of!(RING).cast_mut().cast(), u64::from(BPF_RB_AVAIL_DATA)) };
    if waiting > MANY {
        at_once(event);
    } else {
        output(event, u64::from(BPF_RB_NO_WAKEUP));
    }
}

#[inline(always)]
fn output(event: &SocketEvent, flags: u64) -> bool {
    let is_told = RING.output(event, flags).is_ok();
    if !is_told {
        maps::lost();
    }
    is_told
}
