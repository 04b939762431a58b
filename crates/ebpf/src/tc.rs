//! The traffic-control hooks: plain packets by the short way, all others by the long one.

use aya_ebpf::{
    bindings::{__sk_buff, TC_ACT_UNSPEC},
    macros::classifier,
    programs::TcContext,
};

use crate::{
    count, envelope, later,
    plain::{NOT_PLAIN, count_plain},
    walk,
};

/// An interface's packets begin with an Ethernet header.
pub const ETHERNET: u32 = 0;
/// They begin with an IP header.
pub const IP: u32 = 1;

/// Packets that arrive at an interface.
#[classifier]
pub fn ingress(context: TcContext) -> i32 {
    watch(context.skb.skb, 0, ETHERNET)
}

/// Packets that leave by an interface.
#[classifier]
pub fn egress(context: TcContext) -> i32 {
    watch(context.skb.skb, 1, ETHERNET)
}

/// Packets that arrive at an interface without Ethernet (tun, WireGuard, IP in IP).
#[classifier]
pub fn ingress_ip(context: TcContext) -> i32 {
    watch(context.skb.skb, 0, IP)
}

/// Packets that leave by one.
#[classifier]
pub fn egress_ip(context: TcContext) -> i32 {
    watch(context.skb.skb, 1, IP)
}

/// Calls stay flat: the stack of all frames together has 512 bytes.
#[inline(always)]
fn watch(skb: *mut __sk_buff, egress: u32, link: u32) -> i32 {
    // SAFETY: the context of the program.
    let point = unsafe { (*skb).ifindex } << 1 | egress;
    match count_plain(skb, point, link) {
        NOT_PLAIN => count_walk(skb, point, link),
        count::NOT_IN_LATEST => {
            later::count();
        }
        _ => {}
    }
    TC_ACT_UNSPEC
}

#[inline(always)]
fn count_walk(skb: *mut __sk_buff, point: u32, link: u32) {
    if walk::read(skb, link) == 0 {
        return;
    }
    for layer in [walk::INNER, walk::OUTER] {
        let mut generation = walk::count(skb, point, layer);
        if generation == count::NOT_IN_LATEST {
            generation = later::count();
        }
        if generation != count::NOT_COUNTED {
            envelope::count(generation);
        }
    }
}
