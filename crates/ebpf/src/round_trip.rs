//! The round trip that the sender's socket knows: of packets that leave a socket of this host.

use aya_ebpf::{bindings::__sk_buff, helpers::generated::bpf_tcp_sock};
use flowtrace_abi::{Cells, Segments};

use crate::{
    cells::Shared,
    maps::{FLOWS, LATER},
    opaque::opaque,
};

/// Notes what the socket measured of the packet that was put aside. Its smoothed round trip has the unit of ours, an
/// eighth of a microsecond.
#[inline(never)]
pub fn note(skb: *mut __sk_buff) -> u64 {
    // SAFETY: the context of the program.
    let socket = unsafe { (*skb).__bindgen_anon_2.sk };
    if socket.is_null() {
        return opaque(0);
    }
    // SAFETY: the packet's socket, which lives as long as the packet; the helper refuses what is not of TCP.
    let tcp = unsafe { bpf_tcp_sock(socket) };
    if tcp.is_null() {
        return opaque(0);
    }
    // SAFETY: the helper's answer was checked.
    let round_trip = unsafe { (*tcp).srtt_us };
    let Some(later) = LATER.get_ptr(0) else { return opaque(0) };
    // SAFETY: this CPU's value, of which the map hands out no null.
    let (key, way) = unsafe { (&(*later).key, (*later).event.way) };
    if round_trip != 0
        && let Some(entry) = FLOWS.get_ptr_mut(key)
    {
        Shared(entry).segments(way).round_trip = round_trip | Segments::FROM_SOCKET;
    }
    opaque(0)
}
