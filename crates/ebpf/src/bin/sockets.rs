//! Which sockets wait to be spoken to: TCP sockets that listen, UDP sockets bound to a port of their own; and which process
//! uses which socket (see `uses` and `connections`). Hooks of the cgroup at the root of the hierarchy see those of all
//! processes, in all network namespaces.
//!
//! Every program of a cgroup answers 1, "go on": nothing is refused, and what other programs answer stands.
#![no_std]
#![no_main]
// The atomic instructions of BPF are only to be had as assembly (see `atomic`).
#![feature(asm_experimental_arch)]

#[path = "../atomic.rs"]
#[allow(dead_code, reason = "shared with the program that counts packets, which uses all of it")]
mod atomic;
#[path = "sockets/connections.rs"]
mod connections;
#[path = "sockets/maps.rs"]
mod maps;
#[path = "../opaque.rs"]
mod opaque;
#[path = "sockets/tell.rs"]
mod tell;
#[path = "sockets/uses.rs"]
mod uses;

use core::ptr::{addr_of, read_volatile};

use aya_ebpf::{
    EbpfContext,
    bindings::{
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, BPF_SOCK_OPS_TCP_CONNECT_CB, BPF_SOCK_OPS_TCP_LISTEN_CB, bpf_sock,
    },
    helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie, bpf_ktime_get_boot_ns},
    macros::{cgroup_sock, cgroup_sock_addr, sock_ops},
    programs::{SockAddrContext, SockContext, SockOpsContext},
};
use flowtrace_abi::{End, ListeningSocket};

/// "Go on."
const PROCEED: i32 = 1;
const AF_INET: u32 = 2;
const AF_INET6: u32 = 10;
const TCP: u8 = 6;
const UDP: u8 = 17;
/// `TCP_CLOSE` and `TCP_LISTEN` (include/net/tcp_states.h): what a socket that listened is in when it is released.
const TCP_CLOSE: u32 = 7;
const TCP_LISTEN: u32 = 10;

/// A TCP socket listens from now on, connects, or comes out of a handshake.
#[sock_ops]
pub fn tcp_sockets(context: SockOpsContext) -> u32 {
    match context.op() {
        BPF_SOCK_OPS_TCP_LISTEN_CB => tcp_listens(&context),
        BPF_SOCK_OPS_TCP_CONNECT_CB if tells_processes() => connections::connects(&context),
        BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB if tells_processes() => connections::came_up(&context),
        _ => {}
    }
    PROCEED as u32
}

#[inline(always)]
fn tcp_listens(context: &SockOpsContext) {
    let port = context.local_port() as u16;
    match context.family() {
        AF_INET => open(context, ListeningSocket::v4(context.local_ip4().to_ne_bytes()), TCP, port),
        AF_INET6 => {
            // SAFETY: the context of the program.
            let address = unsafe { words(addr_of!((*context.ops).local_ip6)) };
            open(context, ListeningSocket::v6(address), TCP, port);
        }
        _ => {}
    }
}

/// A socket was bound to an IPv4 address.
#[cgroup_sock(post_bind4)]
pub fn udp_bind4(context: SockContext) -> i32 {
    if let Some(port) = udp_port(context.sock) {
        // SAFETY: the context of the program.
        let address = unsafe { (*context.sock).src_ip4 };
        bound(&context, ListeningSocket::v4(address.to_ne_bytes()), port);
    }
    PROCEED
}

/// A socket was bound to an IPv6 address.
#[cgroup_sock(post_bind6)]
pub fn udp_bind6(context: SockContext) -> i32 {
    if let Some(port) = udp_port(context.sock) {
        // SAFETY: the context of the program.
        let address = unsafe { words(addr_of!((*context.sock).src_ip6)) };
        bound(&context, ListeningSocket::v6(address), port);
    }
    PROCEED
}

/// A socket is to be connected (IPv4).
#[cgroup_sock_addr(connect4)]
pub fn connect4(context: SockAddrContext) -> i32 {
    connected(&context);
    PROCEED
}

/// A socket is to be connected (IPv6).
#[cgroup_sock_addr(connect6)]
pub fn connect6(context: SockAddrContext) -> i32 {
    connected(&context);
    PROCEED
}

/// A process lets go of a socket.
#[cgroup_sock(sock_release)]
pub fn release(context: SockContext) -> i32 {
    // SAFETY: the context of the program.
    let (protocol, state) = unsafe { ((*context.sock).protocol, (*context.sock).state) };
    let may_listen = match protocol as u8 {
        TCP => state == TCP_LISTEN || state == TCP_CLOSE,
        UDP => true,
        _ => false,
    };
    if may_listen {
        close(&context, End::CLOSED);
    }
    if tells_processes() && (protocol as u8 != TCP || state != TCP_LISTEN) {
        connections::let_go(&context, protocol as u8);
    }
    PROCEED
}

/// The port that a UDP socket was bound to.
#[inline(always)]
fn udp_port(socket: *mut bpf_sock) -> Option<u32> {
    // SAFETY: the context of the program.
    let (protocol, port) = unsafe { ((*socket).protocol, (*socket).src_port) };
    (protocol as u8 == UDP).then_some(port)
}

/// A UDP socket has a port from now on. It waits to be spoken to, unless the port is one that clients are given.
#[inline(always)]
fn bound(context: &SockContext, socket: ListeningSocket, port: u32) {
    if !maps::settings().is_ephemeral(port) {
        open(context, socket, UDP, port as u16);
    }
    if tells_processes() {
        connections::bound(context, &socket, port as u16);
    }
}

#[inline(always)]
fn connected(context: &SockAddrContext) {
    // SAFETY: the context of the program.
    let protocol = unsafe { (*context.sock_addr).protocol } as u8;
    if protocol == UDP {
        close(context, End::CONNECTED);
    }
    if tells_processes() {
        connections::is_connected(context, protocol);
    }
}

/// Whether somebody wants to know. The verifier knows the answer, and drops the test or what hangs on it.
#[inline(always)]
fn tells_processes() -> bool {
    maps::settings().tells_processes != 0
}

#[inline(always)]
fn open(context: &impl EbpfContext, socket: ListeningSocket, protocol: u8, port: u16) {
    // SAFETY: the context of the program, and a helper without arguments.
    let (cookie, netns, opened) = unsafe {
        (bpf_get_socket_cookie(context.as_ptr()), bpf_get_netns_cookie(context.as_ptr()), bpf_ktime_get_boot_ns())
    };
    let socket = ListeningSocket { netns, opened, port, protocol, ..socket };
    if maps::LISTENING.insert(cookie, socket, 0).is_err() {
        maps::missed();
    }
    maps::changed();
}

#[inline(always)]
fn close(context: &impl EbpfContext, end: u32) {
    // SAFETY: the context of the program.
    let cookie = unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    let Some(socket) = maps::LISTENING.get_ptr_mut(cookie) else { return };
    // SAFETY: an entry of the map. Only the socket's own process writes to it, and userland once, before it is here.
    unsafe {
        if (*socket).closed == 0 {
            (*socket).end = end;
            (*socket).closed = bpf_ktime_get_boot_ns();
            maps::changed();
        }
    }
}

/// The bytes of an address that lies in words in network byte order. They are read word by word: the verifier allows no
/// larger steps in a context.
///
/// # Safety
/// `address` points into the context of the program.
#[inline(always)]
unsafe fn words(address: *const [u32; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (at, word) in bytes.chunks_exact_mut(4).enumerate() {
        // SAFETY: the caller vouches for the address.
        let value = unsafe { read_volatile(address.cast::<u32>().add(at)) };
        word.copy_from_slice(&value.to_ne_bytes());
    }
    bytes
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: no code path panics; the verifier would refuse a program that could reach this.
    unsafe { core::hint::unreachable_unchecked() }
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
