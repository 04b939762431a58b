//! Access to a flow's entry while other CPUs write to it, too.

use core::ptr::{addr_of, addr_of_mut, read_volatile, write_volatile};

use flowtrace_abi::{Anomaly, Cells, FlowEntry, Rival, Segments, Transactions, Way};
use flowtrace_wire::Mac;

use crate::atomic;

/// Place of a way in an array of two, bounded by an instruction that the compiler, which knows the bound, cannot drop
/// and the verifier, which does not, sees.
#[inline(always)]
pub fn place(way: Way) -> usize {
    let mut index = way.index();
    // SAFETY: changes nothing but the register.
    unsafe { core::arch::asm!("{index} &= 1", index = inout(reg) index, options(pure, nomem, nostack)) };
    index
}

/// An entry in the map (or in this CPU's scratch space), shared with other CPUs.
#[derive(Clone, Copy)]
pub struct Shared(pub *mut FlowEntry);

/// A field of the entry, read at once.
macro_rules! read {
    ($self:ident, $($field:tt)+) => {
        // SAFETY: the pointer comes from a map and was checked; the field is aligned.
        unsafe { read_volatile(addr_of!((*$self.0).$($field)+)) }
    };
}

/// A field of the entry, written at once.
macro_rules! write {
    ($self:ident, $value:expr, $($field:tt)+) => {
        // SAFETY: the pointer comes from a map and was checked; the field is aligned.
        unsafe { write_volatile(addr_of_mut!((*$self.0).$($field)+), $value) }
    };
}

impl Cells for Shared {
    #[inline(always)]
    fn add(&mut self, way: Way, packets: u64, bytes: u64) {
        // SAFETY: the pointer comes from a map and was checked; the fields are aligned.
        unsafe {
            let tally = addr_of_mut!((*self.0).ways[place(way)]);
            atomic::add(addr_of_mut!((*tally).packets), packets);
            atomic::add(addr_of_mut!((*tally).bytes), bytes);
        }
    }
    #[inline(always)]
    fn raise(&mut self, bits: u32) {
        // SAFETY: the pointer comes from a map and was checked; the field is aligned.
        unsafe { atomic::or(addr_of_mut!((*self.0).state), bits) }
    }
    #[inline(always)]
    fn state(&self) -> u32 {
        read!(self, state)
    }
    #[inline(always)]
    fn packets(&self, way: Way) -> u64 {
        read!(self, ways[place(way)].packets)
    }
    #[inline(always)]
    fn last(&self, way: Way) -> u64 {
        read!(self, ways[place(way)].last)
    }
    #[inline(always)]
    fn set_last(&mut self, way: Way, time: u64) {
        write!(self, time, ways[place(way)].last)
    }
    #[inline(always)]
    fn point(&self, way: Way) -> u32 {
        read!(self, points[place(way)])
    }
    #[inline(always)]
    fn set_point(&mut self, way: Way, point: u32, mac: Mac) {
        write!(self, point, points[place(way)]);
        write!(self, mac.octets(), macs[place(way)]);
    }
    #[inline(always)]
    fn epoch(&self, way: Way) -> u16 {
        read!(self, epochs[place(way)])
    }
    #[inline(always)]
    fn set_header(&mut self, way: Way, epoch: u16, word: u64) {
        write!(self, word, headers[place(way)]);
        write!(self, epoch, epochs[place(way)]);
    }
    #[inline(always)]
    fn set_sequence(&mut self, sequence: u32) {
        write!(self, sequence, sequence)
    }
    #[inline(always)]
    fn sequence(&self) -> u32 {
        read!(self, sequence)
    }
    #[inline(always)]
    fn set_fin(&mut self, way: Way, acknowledgement: u32) {
        write!(self, acknowledgement, fins[place(way)])
    }
    #[inline(always)]
    fn fin(&self, way: Way) -> u32 {
        read!(self, fins[place(way)])
    }
    #[inline(always)]
    fn set_ended(&mut self, time: u64) {
        write!(self, time, ended)
    }
    #[inline(always)]
    fn ended(&self) -> u64 {
        read!(self, ended)
    }
    #[inline(always)]
    fn first(&self) -> u64 {
        read!(self, first)
    }
    #[inline(always)]
    fn segments(&mut self, way: Way) -> &mut Segments {
        // SAFETY: the pointer comes from a map and was checked; the field is aligned. Two CPUs may write to it at once:
        // then one of the two stands, word by word.
        unsafe { &mut *addr_of_mut!((*self.0).segments[place(way)]) }
    }
    #[inline(always)]
    fn add_anomaly(&mut self, way: Way, anomaly: Anomaly, packets: u32) {
        // SAFETY: the pointer comes from a map and was checked; the field is aligned.
        unsafe { atomic::add32(addr_of_mut!((*self.0).segments[place(way)].anomalies[anomaly as usize]), packets) }
    }
    #[inline(always)]
    fn transactions(&mut self) -> &mut Transactions {
        // SAFETY: as in `segments`.
        unsafe { &mut *addr_of_mut!((*self.0).transactions) }
    }
    #[inline(always)]
    fn rival(&mut self, way: Way) -> &mut Rival {
        // SAFETY: as in `segments`.
        unsafe { &mut *addr_of_mut!((*self.0).rivals[place(way)]) }
    }
}

impl Shared {
    /// Makes it a zero entry.
    #[inline(always)]
    pub fn clear(&mut self) {
        // SAFETY: an entry is as good in zeros.
        unsafe { crate::zero::fill(self.0) };
    }
    /// The latest generation of these ends; in the entry of generation 0.
    #[inline(always)]
    pub fn successor(&self) -> u32 {
        read!(self, successor)
    }
    /// Names a later generation.
    #[inline(always)]
    pub fn set_successor(&mut self, generation: u32) {
        write!(self, generation, successor)
    }
}
