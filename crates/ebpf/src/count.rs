//! Counting a packet into its flow.

use aya_ebpf::bindings::__sk_buff;
use flowtrace_abi::{Cells, Event, FlowKey, Loss, Way, account, admits, elsewhere};
use flowtrace_wire::{Packet, tcp};

use crate::{
    cells::Shared,
    clock, losses,
    maps::{self, FLOWS},
    packet::wire_packets,
};

/// Up to this many packets of a way are stamped exactly; short exchanges then have exact times, long ones end within
/// a timer tick.
const EXACT_PACKETS: u64 = 16;
/// Not a generation: there is no entry of generation 0.
pub const ABSENT: u32 = 1 << 16;
/// Not a generation: the flow in the entry of generation 0 is over.
pub const OVER: u32 = ABSENT + 1;
/// Not a generation: the packet is in no flow.
pub const NOT_COUNTED: u32 = ABSENT + 2;

/// A packet as it is counted, its time aside. `headers`: bytes of headers that each packet of a super-packet has.
#[inline(always)]
pub fn event(skb: *mut __sk_buff, packet: &Packet, headers: u32, way: Way, point: u32) -> Event {
    let (packets, bytes) = wire_packets(skb, packet, headers);
    Event { way, packets, bytes, time: 0, point, epoch: maps::scan_epoch() }
}

/// Counts a packet into the flow of `key` (generation 0), and notes its time. Answers the flow's generation, which is 0,
/// or what [`later::open`](crate::later::open) has to know: [`ABSENT`] or [`OVER`].
#[inline(always)]
pub fn count(key: &FlowKey, packet: &Packet, event: &mut Event) -> u32 {
    let Some(entry) = FLOWS.get_ptr_mut(key) else {
        event.time = clock::exact();
        return ABSENT;
    };
    let mut entry = Shared(entry);
    event.time = time_of(&entry, packet, event);
    if !admits(&entry, packet, event.time, maps::timeouts()) {
        return OVER;
    }
    count_into(&mut entry, packet, event);
    0
}

/// Exact where it matters: at the edges of a connection and while it is young.
#[inline(always)]
fn time_of(entry: &Shared, packet: &Packet, event: &Event) -> u64 {
    const EDGES: u8 = tcp::SYN | tcp::FIN | tcp::RST;
    if packet.tcp_flags & EDGES != 0 || entry.packets(event.way) < EXACT_PACKETS {
        clock::exact()
    } else {
        clock::coarse()
    }
}

/// Counts a packet into an entry, unless it is counted at another point of this host.
#[inline(always)]
pub fn count_into(entry: &mut Shared, packet: &Packet, event: &Event) {
    if elsewhere(entry, event.way, event.point, event.time) {
        losses::count(Loss::Elsewhere.index(), event.packets, event.bytes);
        return;
    }
    account(entry, packet, event);
}
