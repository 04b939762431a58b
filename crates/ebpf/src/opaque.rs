//! What the compiler must not know.

use core::arch::asm;

/// The same value, of unknown origin. (`core::hint::black_box` goes by way of the stack.)
#[inline(always)]
pub fn opaque<T: Copy>(value: T) -> T {
    const { assert!(size_of::<T>() == size_of::<u64>()) };
    // SAFETY: the same bytes; `T` has those of a word.
    let mut word: u64 = unsafe { core::mem::transmute_copy(&value) };
    // SAFETY: changes nothing. (An instruction there must be: the linker writes a line of source for each.)
    unsafe { asm!("{word} = {word}", word = inout(reg) word, options(nomem, nostack)) };
    // SAFETY: as above.
    unsafe { core::mem::transmute_copy(&word) }
}
