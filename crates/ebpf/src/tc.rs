//! The traffic-control hooks: plain packets by the short way, all others by the long one.

use aya_ebpf::{
    bindings::{__sk_buff, TC_ACT_UNSPEC},
    macros::classifier,
    programs::TcContext,
};

use flowtrace_wire::Link;

use crate::{
    count, envelope, later,
    plain::{NOT_PLAIN, count_plain},
    round_trip, walk,
};

/// Packets that arrive at an interface.
#[classifier]
pub fn ingress(context: TcContext) -> i32 {
    watch(context.skb.skb, 0, Link::Ethernet)
}

/// Packets that leave by an interface.
#[classifier]
pub fn egress(context: TcContext) -> i32 {
    watch(context.skb.skb, 1, Link::Ethernet)
}

/// Packets that arrive at an interface without Ethernet (tun, WireGuard, IP in IP).
#[classifier]
pub fn ingress_ip(context: TcContext) -> i32 {
    watch(context.skb.skb, 0, Link::Ip)
}

/// Packets that leave by one.
#[classifier]
pub fn egress_ip(context: TcContext) -> i32 {
    watch(context.skb.skb, 1, Link::Ip)
}

/// Calls stay flat: the stack of all frames together has 512 bytes.
#[inline(always)]
fn watch(skb: *mut __sk_buff, egress: u32, link: Link) -> i32 {
    // SAFETY: the context of the program.
    let point = unsafe { (*skb).ifindex } << 1 | egress;
    match count_plain(skb, point, link) {
        NOT_PLAIN => count_walk(skb, point, link),
        why @ (count::ABSENT | count::OVER) => {
            later::open(why);
        }
        count::FIRST => {
            round_trip::note(skb);
        }
        _ => {}
    }
    TC_ACT_UNSPEC
}

#[inline(always)]
fn count_walk(skb: *mut __sk_buff, point: u32, link: Link) {
    if walk::read(skb, matches!(link, Link::Ip) as u32) == 0 {
        return;
    }
    for layer in [walk::INNER, walk::OUTER] {
        if walk::put(skb, point, layer) == 0 {
            continue;
        }
        let mut generation = later::count();
        if generation == count::ABSENT || generation == count::OVER {
            generation = later::open(generation);
        }
        if generation != count::NOT_COUNTED {
            envelope::count(generation);
        }
    }
}
