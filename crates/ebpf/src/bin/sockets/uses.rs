//! Who sends and receives: tracepoints in the calls by which a process does (Linux 6.3). Most calls end after one look-up:
//! the process is the one that was told of last.

use core::ptr::read_volatile;

use aya_ebpf::{
    bindings::bpf_sock,
    helpers::generated::{
        bpf_get_current_pid_tgid, bpf_get_current_task_btf, bpf_get_socket_cookie, bpf_ktime_get_boot_ns,
    },
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use flowtrace_abi::{Families, Happening, ListeningSocket, SocketEvent, SocketOffsets, SocketUse};

use crate::{AF_INET, AF_INET6, TCP, maps, tell};

/// `PF_KTHREAD` of include/linux/sched.h: a thread of the kernel's own.
const KERNEL_THREAD: u32 = 0x0020_0000;
/// `SOCK_RAW`.
const RAW: u16 = 3;

/// A call that sends is about to return.
#[btf_tracepoint(function = "sock_send_length")]
pub fn sock_send_length(context: BtfTracePointContext) -> i32 {
    used(context.arg(0))
}

/// A call that receives is about to return.
#[btf_tracepoint(function = "sock_recv_length")]
pub fn sock_recv_length(context: BtfTracePointContext) -> i32 {
    used(context.arg(0))
}

#[inline(always)]
fn used(socket: *mut bpf_sock) -> i32 {
    // The verifier knows the answer, and drops the test or all the rest.
    if offsets().net == 0 {
        return 0;
    }
    // SAFETY: the tracepoint's argument, a `struct sock`.
    let family = u32::from(unsafe { field::<u16>(socket, offsets().family) });
    if family != AF_INET && family != AF_INET6 {
        return 0;
    }
    // SAFETY: a helper without arguments; the tracepoint's argument.
    let (process, kept) = unsafe { ((bpf_get_current_pid_tgid() >> 32) as u32, tell::find(socket)) };
    // SAFETY: what is kept with the socket.
    if kept.is_null() || unsafe { (*kept).told } != process {
        used_by_another(socket, family);
    }
    0
}

#[inline(always)]
fn used_by_another(socket: *mut bpf_sock, family: u32) {
    // SAFETY: the running task; what the verifier knows of it.
    let flags: u32 = unsafe { field(bpf_get_current_task_btf(), offsets().task_flags) };
    if flags & KERNEL_THREAD != 0 {
        return;
    }
    // SAFETY: the tracepoint's argument.
    let facts = unsafe { Facts::of(socket) };
    if facts.is_unused() {
        return;
    }
    // SAFETY: the tracepoint's argument.
    let kept = unsafe { tell::find_or_make(socket) };
    if kept.is_null() {
        maps::lost();
        return;
    }
    let task = tell::task();
    let mut event =
        SocketEvent { process: task.process, thread: task.thread, name: task.name, ..SocketEvent::default() };
    // SAFETY: helper without arguments; what is kept with the socket.
    let may_tell = unsafe {
        event.at = bpf_ktime_get_boot_ns();
        (*kept).may_tell(event.at)
    };
    event.happening = if may_tell { Happening::USED } else { Happening::SHARED };
    // SAFETY: what is kept with the socket.
    if !may_tell && unsafe { (*kept).is_shared } != 0 {
        return;
    }
    facts.fill(&mut event);
    // SAFETY: the tracepoint's argument.
    unsafe { fill_ends(socket, family, &mut event) };
    if !tell::at_once(&event) {
        // Nothing is noted, so the next call tells.
        return;
    }
    // SAFETY: what is kept with the socket.
    unsafe { note(kept, &event, may_tell) };
}

/// # Safety
/// What is kept with a socket.
#[inline(always)]
unsafe fn note(kept: *mut SocketUse, event: &SocketEvent, is_told: bool) {
    // SAFETY: the caller's.
    unsafe {
        if is_told {
            (*kept).told = event.process;
            (*kept).at = event.at;
            (*kept).changes = (*kept).changes.saturating_add(1);
        } else {
            // Whoever uses it after the pause is told.
            (*kept).told = 0;
        }
        (*kept).is_shared = u64::from(!is_told);
    }
}

/// What all sockets have.
struct Facts {
    protocol: u8,
    is_raw: bool,
    local_port: u16,
    remote_port: u16,
    netns: u64,
}

impl Facts {
    /// # Safety
    /// A `struct sock` as the verifier knows it.
    #[inline(always)]
    unsafe fn of(socket: *mut bpf_sock) -> Self {
        let at = offsets();
        // SAFETY: the caller's; the verifier compares each access with the kernel's types.
        unsafe {
            Self {
                protocol: field::<u16>(socket, at.protocol) as u8,
                is_raw: field::<u16>(socket, at.kind) == RAW,
                local_port: field(socket, at.local_port),
                remote_port: u16::from_be(field(socket, at.remote_port)),
                netns: netns(socket),
            }
        }
    }

    /// A TCP socket that is not connected has called in vain.
    #[inline(always)]
    fn is_unused(&self) -> bool {
        self.protocol == TCP && self.remote_port == 0
    }

    #[inline(always)]
    fn fill(&self, event: &mut SocketEvent) {
        event.protocol = self.protocol;
        event.netns = self.netns;
        event.is_raw = u8::from(self.is_raw);
        // Of a raw socket it is the protocol's number.
        event.local_port = if self.is_raw { 0 } else { self.local_port };
        event.remote_port = self.remote_port;
    }
}

/// Cookie and addresses.
///
/// # Safety
/// As of [`Facts::of`].
#[inline(always)]
unsafe fn fill_ends(socket: *mut bpf_sock, family: u32, event: &mut SocketEvent) {
    let at = offsets();
    // SAFETY: the caller's.
    unsafe {
        event.cookie = bpf_get_socket_cookie(socket.cast());
        if family == AF_INET {
            event.local = ListeningSocket::v4(field(socket, at.local4)).address;
            event.remote = ListeningSocket::v4(field(socket, at.remote4)).address;
            event.families = Families::V4;
        } else {
            let local = ListeningSocket::v6(address(socket, at.local6));
            event.local = local.address;
            event.remote = address(socket, at.remote6);
            let is_v6_only = u32::from(field::<u8>(socket, at.v6_only)) & (1 << (at.v6_only_bit & 7)) != 0;
            event.families = if is_v6_only { Families::V6 } else { local.families };
        }
    }
}

/// # Safety
/// As of [`Facts::of`].
#[inline(always)]
unsafe fn netns(socket: *mut bpf_sock) -> u64 {
    let at = offsets();
    // SAFETY: the caller's; the verifier knows the pointer by the kernel's types.
    unsafe {
        let net: *mut u8 = field(socket, at.net);
        if net.is_null() { 0 } else { field(net, at.net_cookie) }
    }
}

/// # Safety
/// As of [`Facts::of`].
#[inline(always)]
unsafe fn address(socket: *mut bpf_sock, offset: u32) -> [u8; 16] {
    // SAFETY: the caller's.
    let [high, low]: [u64; 2] = unsafe { [field(socket, offset), field(socket, offset + 8)] };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&high.to_ne_bytes());
    bytes[8..].copy_from_slice(&low.to_ne_bytes());
    bytes
}

#[inline(always)]
fn offsets() -> &'static SocketOffsets {
    &maps::settings().offsets
}

/// Reads what lies at an offset. The verifier knows both, as constants, and refuses what is not a field of the type.
///
/// # Safety
/// A pointer that the verifier knows by the kernel's types.
#[inline(always)]
unsafe fn field<T: Copy>(base: *mut impl Sized, offset: u32) -> T {
    // SAFETY: the caller's.
    unsafe { read_volatile(base.cast::<u8>().add(offset as usize).cast()) }
}
