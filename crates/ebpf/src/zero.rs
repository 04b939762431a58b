//! Zeros by the word: on this target `memset` is a call that goes byte by byte.

use core::ptr::write_volatile;

/// Fills a value with zeros.
///
/// # Safety
/// `value` points to a `T` that is valid when all its bytes are zero.
#[inline(always)]
pub unsafe fn fill<T>(value: *mut T) {
    const { assert!(size_of::<T>() % size_of::<u64>() == 0 && align_of::<T>() == align_of::<u64>()) };
    let words = value.cast::<u64>();
    for word in 0..size_of::<T>() / size_of::<u64>() {
        // SAFETY: within the value, which is aligned.
        unsafe { write_volatile(words.add(word), 0) };
    }
}
