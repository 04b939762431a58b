//! The traffic-control hooks: plain packets by the short way, all others by the long one.

use aya_ebpf::{
    bindings::{__sk_buff, TC_ACT_UNSPEC},
    macros::classifier,
    programs::TcContext,
};

use flowtrace_wire::{Link, ethernet};

use crate::{
    count, envelope, later, payload,
    plain::{NOT_PLAIN, WANTED, count_plain},
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

/// [`ingress`] that reads payload.
#[classifier]
pub fn ingress_read(context: TcContext) -> i32 {
    watch_and_read(context.skb.skb, 0, Link::Ethernet)
}

/// [`egress`] that reads payload.
#[classifier]
pub fn egress_read(context: TcContext) -> i32 {
    watch_and_read(context.skb.skb, 1, Link::Ethernet)
}

/// [`ingress_ip`] that reads payload.
#[classifier]
pub fn ingress_ip_read(context: TcContext) -> i32 {
    watch_and_read(context.skb.skb, 0, Link::Ip)
}

/// [`egress_ip`] that reads payload.
#[classifier]
pub fn egress_ip_read(context: TcContext) -> i32 {
    watch_and_read(context.skb.skb, 1, Link::Ip)
}

/// Calls stay flat: the stack of all frames together has 512 bytes.
#[inline(always)]
fn watch(skb: *mut __sk_buff, egress: u32, link: Link) -> i32 {
    // SAFETY: the context of the program.
    let point = unsafe { (*skb).ifindex } << 1 | egress;
    match count_plain::<false>(skb, point, link) {
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

/// [`watch`] that reads payload: a function beside it, so that programs which do not have no instruction for it.
#[inline(always)]
fn watch_and_read(skb: *mut __sk_buff, egress: u32, link: Link) -> i32 {
    // SAFETY: the context of the program.
    let point = unsafe { (*skb).ifindex } << 1 | egress;
    let counted = count_plain::<true>(skb, point, link);
    let generation = match counted & !(WANTED | count::YOUNG) {
        NOT_PLAIN => {
            walk_and_read(skb, point, link);
            0
        }
        why @ (count::ABSENT | count::OVER) => later::open(why),
        count::FIRST => {
            round_trip::note(skb);
            0
        }
        _ => 0,
    };
    if counted & WANTED != 0 {
        let start = if matches!(link, Link::Ip) { 0 } else { ethernet::LENGTH as u32 };
        payload::send_plain(skb, start, generation);
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

/// [`count_walk`] that reads the payload of the innermost packet.
#[inline(always)]
fn walk_and_read(skb: *mut __sk_buff, point: u32, link: Link) {
    if walk::read(skb, matches!(link, Link::Ip) as u32) == 0 {
        return;
    }
    for layer in [walk::INNER, walk::OUTER] {
        if walk::put(skb, point, layer) == 0 {
            continue;
        }
        let counted = later::count_and_say();
        let is_new = counted == count::ABSENT || counted == count::OVER;
        let generation = if is_new { later::open(counted) } else { counted & !count::YOUNG };
        if generation != count::NOT_COUNTED {
            envelope::count(generation);
        }
        if layer == walk::INNER {
            payload::send_walked(skb, counted & (count::ABSENT | count::YOUNG), generation);
        }
    }
}
