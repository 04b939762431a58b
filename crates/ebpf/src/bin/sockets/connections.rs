//! TCP connections: who begins them, which come in; UDP sockets that are bound; and who lets go of a socket.
//!
//! A hook at the system call knows the process, but not the connection's local end; a hook before the SYN knows both ends,
//! but (before Linux 6.10) not the process. What the first knows is kept with the socket for the second.

use core::ptr::addr_of;

use aya_ebpf::{
    EbpfContext,
    helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie, bpf_ktime_get_boot_ns},
    programs::{SockAddrContext, SockContext, SockOpsContext},
};
use flowtrace_abi::{Families, Happening, ListeningSocket, SocketEvent};

use crate::{AF_INET, AF_INET6, TCP, UDP, tell, words};

/// A process connects a socket. Of TCP it is told with the ends; of others by the first packet, as somebody new.
#[inline(always)]
pub fn is_connected(context: &SockAddrContext, protocol: u8) {
    // SAFETY: the context of the program.
    let socket = unsafe { (*context.sock_addr).__bindgen_anon_1.sk };
    // SAFETY: the verifier knows it as a socket.
    let kept = unsafe { if protocol == TCP { tell::find_or_make(socket) } else { tell::find(socket) } };
    if kept.is_null() {
        return;
    }
    // SAFETY: what is kept with the socket, which only who uses it writes.
    unsafe {
        (*kept).told = 0;
        if protocol == TCP {
            let task = tell::task();
            (*kept).connector = task.process;
            (*kept).connector_thread = task.thread;
            (*kept).name = task.name;
        }
    }
}

/// A SYN is about to be sent.
#[inline(always)]
pub fn connects(context: &SockOpsContext) {
    // SAFETY: the context of the program.
    let socket = unsafe { (*context.ops).__bindgen_anon_2.sk };
    if socket.is_null() {
        return;
    }
    // SAFETY: the verifier knows it as a socket.
    let kept = unsafe { tell::find(socket) };
    if kept.is_null() {
        return;
    }
    let mut event = SocketEvent { happening: Happening::USED, ..SocketEvent::default() };
    // SAFETY: what is kept with the socket.
    unsafe {
        event.process = (*kept).connector;
        event.thread = (*kept).connector_thread;
        event.name = (*kept).name;
    }
    if event.process == 0 || !ends(context, &mut event) {
        return;
    }
    if tell::at_once(&event) {
        // SAFETY: as above.
        unsafe {
            (*kept).told = event.process;
            (*kept).at = event.at;
        }
    }
}

/// The last packet of a handshake came in. Nobody has accepted the connection yet.
#[inline(always)]
pub fn came_up(context: &SockOpsContext) {
    let mut event = SocketEvent { happening: Happening::OPENED, ..SocketEvent::default() };
    if ends(context, &mut event) {
        tell::later(&event);
    }
}

/// A UDP socket has a port, whoever will use it: what arrives from now on is its own.
#[inline(always)]
pub fn bound(context: &SockContext, socket: &ListeningSocket, port: u16) {
    let mut event = SocketEvent {
        happening: Happening::OPENED,
        protocol: UDP,
        local: socket.address,
        local_port: port,
        families: socket.families,
        ..SocketEvent::default()
    };
    place(context, &mut event);
    tell::later(&event);
}

/// A process lets go of a socket, as the last one that had it. Of TCP and UDP it was told before, of others only where
/// something is kept.
#[inline(always)]
pub fn let_go(context: &SockContext, protocol: u8) {
    // SAFETY: the context of the program, which is about this socket.
    if !matches!(protocol, TCP | UDP) && unsafe { tell::find(context.sock) }.is_null() {
        return;
    }
    let task = tell::task();
    let mut event = SocketEvent {
        happening: Happening::CLOSED,
        process: task.process,
        thread: task.thread,
        name: task.name,
        ..SocketEvent::default()
    };
    place(context, &mut event);
    tell::later(&event);
}

#[inline(always)]
fn place(context: &impl EbpfContext, event: &mut SocketEvent) {
    // SAFETY: the context of the program, and a helper without arguments.
    unsafe {
        event.cookie = bpf_get_socket_cookie(context.as_ptr());
        event.netns = bpf_get_netns_cookie(context.as_ptr());
        event.at = bpf_ktime_get_boot_ns();
    }
}

/// Fills in the ends of a connection; whether it has any.
#[inline(always)]
fn ends(context: &SockOpsContext, event: &mut SocketEvent) -> bool {
    match context.family() {
        AF_INET => {
            let local = ListeningSocket::v4(context.local_ip4().to_ne_bytes());
            (event.local, event.families) = (local.address, local.families);
            event.remote = ListeningSocket::v4(context.remote_ip4().to_ne_bytes()).address;
        }
        AF_INET6 => {
            // SAFETY: the context of the program.
            let (local, remote) =
                unsafe { (words(addr_of!((*context.ops).local_ip6)), words(addr_of!((*context.ops).remote_ip6))) };
            (event.local, event.remote, event.families) = (local, remote, Families::V6);
        }
        _ => return false,
    }
    event.protocol = TCP;
    event.local_port = context.local_port() as u16;
    // In network byte order, in the first bytes of the word.
    event.remote_port = u32::from_be(context.remote_port()) as u16;
    place(context, event);
    true
}
