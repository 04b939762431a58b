//! Counting a packet into its flow.

use aya_ebpf::bindings::__sk_buff;
use flowtrace_abi::{
    Cells, Event, FlowEntry, FlowKey, Loss, Way, account, account_next, account_question, account_segment,
    account_transaction, admits, is_observed, is_remarkable, overtakes, wants_exact_time,
};
use flowtrace_wire::{Packet, protocol};

use crate::{
    cells::Shared,
    clock, losses,
    maps::{self, FLOWS},
    opaque::opaque,
    packet::wire_packets,
};

/// Up to this many packets of a way are stamped exactly; short exchanges then have exact times, long ones end within
/// a timer tick.
const EXACT_PACKETS: u64 = 16;
/// Bit beside a generation: the packet is the first of its way since the scan began.
pub const FIRST: u32 = 1 << 18;
/// Bit beside a generation, where payload is read: the packet is among the first of its way.
pub const YOUNG: u32 = 1 << 19;
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
/// perhaps with [`FIRST`], or what [`later::open`](crate::later::open) has to know: [`ABSENT`] or [`OVER`]. `PAYLOAD`: whether
/// to say [`YOUNG`], too.
#[inline(always)]
pub fn count<const PAYLOAD: bool>(key: &FlowKey, packet: &Packet, event: &mut Event) -> u32 {
    let Some(entry) = FLOWS.get_ptr_mut(key) else {
        event.time = clock::exact();
        return ABSENT;
    };
    let mut entry = Shared(entry);
    event.time = time_of(&mut entry, packet, event);
    if !admits(&entry, packet, event.time, maps::timeouts(), maps::scan_silence()) {
        return OVER;
    }
    let first = if count_into(entry, packet, event) { FIRST } else { 0 };
    if PAYLOAD && entry.packets(event.way) <= EXACT_PACKETS { first | YOUNG } else { first }
}

/// Exact where it matters: at the edges of a connection, while it is young, and where a time is measured.
#[inline(always)]
fn time_of(entry: &mut Shared, packet: &Packet, event: &Event) -> u64 {
    let is_young = entry.packets(event.way) < EXACT_PACKETS;
    let before = entry.state();
    if is_young || packet.protocol == protocol::TCP && wants_exact_time(entry, packet, event.way, before) {
        clock::exact()
    } else {
        clock::coarse()
    }
}

/// Counts a packet into an entry, unless it is counted at another point of this host. Answers whether it is the first of
/// its way in this scan.
#[inline(always)]
fn count_into(mut entry: Shared, packet: &Packet, event: &Event) -> bool {
    if !is_observed(&entry, event) && compare(entry.0, packet, event) == 0 {
        losses::count(Loss::Elsewhere.index(), event.packets, event.bytes);
        return false;
    }
    let before = entry.state();
    let is_first = account(&mut entry, packet, event, maps::timeouts());
    if packet.protocol == protocol::TCP && is_remarkable(&mut entry, packet, event.way, before) {
        let is_new = if account_next(&mut entry, packet, event, before) {
            1
        } else {
            note_segment(entry.0, packet, event, before)
        };
        if account_question(&mut entry, packet, event, is_new as u32 != 0, before) {
            // What is returned has to be used, else nothing is returned, which the verifier refuses.
            opaque(note_transaction(entry.0, packet, event, is_new, before));
        }
    }
    is_first
}

/// Whether the packet's point takes over from the way's. (A function of its own has a stack of its own.)
#[inline(never)]
fn compare(entry: *mut FlowEntry, packet: &Packet, event: &Event) -> u32 {
    overtakes(&mut Shared(entry), opaque(event), packet.source_mac) as u32
}

/// Notes where a TCP segment stands in the sequence. Answers whether it brought new payload.
#[inline(never)]
fn note_segment(entry: *mut FlowEntry, packet: &Packet, event: &Event, before: u32) -> u64 {
    account_segment(&mut Shared(entry), opaque(packet), opaque(event), before) as u64
}

/// Notes what a TCP segment says about handshake, questions and answers.
#[inline(never)]
fn note_transaction(entry: *mut FlowEntry, packet: &Packet, event: &Event, is_new: u64, before: u32) -> u64 {
    account_transaction(&mut Shared(entry), opaque(packet), opaque(event), is_new != 0, before);
    opaque(0)
}
