//! What lies around a flow's packets: an entry beside the flow's, of flows that have something.

use core::ptr::{addr_of, addr_of_mut, read_volatile, write_volatile};

use aya_ebpf::bindings::BPF_NOEXIST;
use flowtrace_abi::{Cells, EnvelopeCells, EnvelopeEntry, Loss, Overhead, Way, account_envelope, merge, state};
use flowtrace_wire::Envelope;

use crate::{
    atomic,
    cells::{Shared, place},
    later, losses,
    maps::{ENVELOPES, FLOWS, LATER, NOTHING_AROUND, WALK},
};

/// Notes what lies around the packet of the walk, which was counted into this generation of its flow.
#[inline(never)]
pub fn count(generation: u32) -> u32 {
    let (Some(walk), Some(later)) = (WALK.get_ptr(0), LATER.get_ptr(0)) else { return 0 };
    // SAFETY: this CPU's values, of which the maps hand out no null.
    let (envelope, key, event) = unsafe { (&(*walk).envelope, &(*later).key, &(*later).event) };
    if envelope.present == 0 {
        return 0;
    }
    let key = key.with_generation(generation as u8);
    if let Some(entry) = ENVELOPES.get_ptr_mut(key) {
        account_envelope(&mut SharedEnvelope(entry), envelope, event);
        return 0;
    }
    // That another CPU was faster does not matter.
    let _ = ENVELOPES.insert(key, &NOTHING_AROUND, BPF_NOEXIST as u64);
    let Some(entry) = ENVELOPES.get_ptr_mut(key) else {
        losses::count(Loss::EnvelopesFull.index(), event.packets, event.packets * envelope.overhead() as u64);
        return 0;
    };
    account_envelope(&mut SharedEnvelope(entry), envelope, event);
    if let Some(flow) = FLOWS.get_ptr_mut(key) {
        Shared(flow).raise(state::ENVELOPED);
    }
    0
}

/// An entry in the map, shared with other CPUs.
struct SharedEnvelope(*mut EnvelopeEntry);

impl SharedEnvelope {
    #[inline(always)]
    fn facts(&self, way: Way) -> *mut Envelope {
        // SAFETY: the pointer comes from a map and was checked.
        unsafe { addr_of_mut!((*self.0).facts[place(way)]) }
    }
}

impl EnvelopeCells for SharedEnvelope {
    #[inline(always)]
    fn add(&mut self, way: Way, overhead: Overhead) {
        // SAFETY: the pointer comes from a map and was checked; the fields are aligned.
        unsafe {
            let sum = addr_of_mut!((*self.0).overheads[place(way)]);
            atomic::add(addr_of_mut!((*sum).tunnel), overhead.tunnel);
            atomic::add(addr_of_mut!((*sum).ipip), overhead.ipip);
        }
    }
    #[inline(always)]
    fn last(&self, way: Way) -> u64 {
        // SAFETY: as in `add`.
        unsafe { read_volatile(addr_of!((*self.0).lasts[place(way)])) }
    }
    #[inline(always)]
    fn point(&self, way: Way) -> u32 {
        // SAFETY: as in `add`.
        unsafe { read_volatile(addr_of!((*self.0).points[place(way)])) }
    }
    #[inline(always)]
    fn set_last(&mut self, way: Way, time: u64, point: u32) {
        // SAFETY: as in `add`.
        unsafe {
            write_volatile(addr_of_mut!((*self.0).lasts[place(way)]), time);
            write_volatile(addr_of_mut!((*self.0).points[place(way)]), point);
        }
    }
    #[inline(always)]
    fn epoch(&self, way: Way) -> u16 {
        // SAFETY: as in `add`.
        unsafe { read_volatile(addr_of!((*self.0).epochs[place(way)])) }
    }
    #[inline(always)]
    fn present(&self, way: Way) -> u32 {
        // SAFETY: as in `add`.
        unsafe { read_volatile(addr_of!((*self.facts(way)).present)) }
    }
    #[inline(always)]
    fn set_facts(&mut self, way: Way, epoch: u16, envelope: &Envelope) {
        // SAFETY: as in `add`.
        unsafe {
            write_volatile(addr_of_mut!((*self.0).epochs[place(way)]), epoch);
            later::copy(envelope, self.facts(way));
            write_volatile(addr_of_mut!((*self.0).written[place(way)]), epoch);
        }
    }
    #[inline(always)]
    fn add_facts(&mut self, way: Way, groups: u32, envelope: &Envelope) {
        // SAFETY: as in `add`. Another CPU may add the same facts at the same time.
        merge(unsafe { &mut *self.facts(way) }, groups, envelope);
    }
}
