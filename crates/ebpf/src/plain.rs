//! The short way: packets with nothing around them, as most are.

use core::mem::{MaybeUninit, offset_of};

use aya_ebpf::bindings::__sk_buff;
use flowtrace_abi::FlowKey;
use flowtrace_wire::{Link, Packet, plain, protocol};

use crate::{
    count::{FIRST, NOT_COUNTED, count, event},
    later,
    maps::UdpPorts,
    opaque::opaque,
    packet::Linear,
    payload, zero,
};

/// Not a generation: the packet has to go the long way.
pub const NOT_PLAIN: u32 = NOT_COUNTED + 1;

/// Bit beside a generation: the packet's payload is to be handed out.
pub const WANTED: u32 = 1 << 21;

/// Counts a packet if it is plain. Answers as [`count`], or [`NOT_PLAIN`]; where payload is read, perhaps with [`WANTED`].
/// Unless that is 0, the packet was put aside.
#[inline(always)]
pub fn count_plain<const PAYLOAD: bool>(skb: *mut __sk_buff, point: u32, link: Link) -> u32 {
    // SAFETY: the context of the program.
    let (length, has_tag) = unsafe { ((*skb).len, (*skb).vlan_present) };
    if has_tag != 0 {
        return NOT_PLAIN;
    }
    let mut packet = MaybeUninit::<Packet>::uninit();
    // SAFETY: integers and booleans, for which zeros are valid. The addresses before are read of every plain packet.
    let packet = unsafe {
        zero::fill_from(packet.as_mut_ptr(), offset_of!(Packet, source_mac));
        packet.assume_init_mut()
    };
    if !plain(&Linear::of(skb), link, length, &UdpPorts, packet) {
        return NOT_PLAIN;
    }
    let (key, way) = FlowKey::of(packet);
    // From here on the compiler reads the facts where they are, instead of keeping a second copy of each on the stack.
    let (packet, key): (&Packet, &FlowKey) = (opaque(packet), opaque(&key));
    let mut event = event(skb, packet, packet.header_length, way, point);
    let mut counted = count::<PAYLOAD>(key, packet, &mut event);
    // Who sent it may know more.
    let has_socket = packet.protocol == protocol::TCP && point & 1 == 1;
    if !has_socket {
        counted &= !FIRST;
    }
    if PAYLOAD {
        // What YOUNG says of TCP, ABSENT says, too.
        counted |= payload::wanted(packet, counted);
    }
    if counted != 0 {
        later::put(key, packet, &event);
    }
    counted
}
