//! What was seen and not counted.

use crate::maps::LOSSES;

/// Adds to the tally of a loss ([`flowtrace_abi::Loss::index`]); atomically, because a packet that is sent while another is received may interrupt it.
#[inline(always)]
pub fn count(loss: u32, packets: u64, bytes: u64) {
    if let Some(tally) = LOSSES.get_ptr_mut(loss) {
        // SAFETY: a per-CPU value of this type.
        unsafe {
            crate::atomic::add(tally.cast::<u64>(), packets);
            crate::atomic::add(tally.cast::<u64>().add(1), bytes);
        }
    }
}
