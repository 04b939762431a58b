//! Nanoseconds since boot.

use aya_ebpf::helpers::generated::{bpf_ktime_get_boot_ns, bpf_ktime_get_coarse_ns};

use crate::maps;

/// The exact time; a call of some 30 ns.
#[inline(always)]
pub fn exact() -> u64 {
    // SAFETY: the helper takes no arguments and has no side effects.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// The time at the last timer tick (1 to 10 ms ago); half the cost. The kernel has no coarse clock since boot, so
/// userland tells what lies between the two.
#[inline(always)]
pub fn coarse() -> u64 {
    // SAFETY: the helper takes no arguments and has no side effects.
    let monotonic = unsafe { bpf_ktime_get_coarse_ns() };
    monotonic.wrapping_add(maps::scan_boot_offset())
}
