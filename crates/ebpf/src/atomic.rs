//! Atomic instructions of BPF that `core` does not offer on this target.

use core::arch::asm;

/// `*cell += value`, atomically.
///
/// # Safety
/// `cell` points to an aligned `u64` in a map value.
#[inline(always)]
pub unsafe fn add(cell: *mut u64, value: u64) {
    // SAFETY: the caller vouches for the pointer; the instruction touches nothing else.
    unsafe {
        asm!("lock *(u64 *)({cell} + 0) += {value}", cell = in(reg) cell, value = in(reg) value, options(nostack));
    }
}

/// `*cell += value`, atomically.
///
/// # Safety
/// `cell` points to an aligned `u32` in a map value.
#[inline(always)]
pub unsafe fn add32(cell: *mut u32, value: u32) {
    // SAFETY: the caller vouches for the pointer; the instruction touches nothing else.
    unsafe {
        asm!("lock *(u32 *)({cell} + 0) += {value}", cell = in(reg) cell, value = in(wreg) value, options(nostack));
    }
}

/// `*cell |= bits`, atomically.
///
/// # Safety
/// `cell` points to an aligned `u32` in a map value.
#[inline(always)]
pub unsafe fn or(cell: *mut u32, bits: u32) {
    // SAFETY: the caller vouches for the pointer; the instruction touches nothing else.
    unsafe {
        asm!("lock *(u32 *)({cell} + 0) |= {bits}", cell = in(reg) cell, bits = in(wreg) bits, options(nostack));
    }
}
