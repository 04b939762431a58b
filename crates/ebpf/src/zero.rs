//! Zeros by the word: on this target `memset` is a call that goes byte by byte.

use core::ptr::write_volatile;

/// Fills a value with zeros.
///
/// # Safety
/// `value` points to a `T` that is valid when all its bytes are zero.
#[inline(always)]
pub unsafe fn fill<T>(value: *mut T) {
    // SAFETY: the caller's.
    unsafe { fill_from(value, 0) };
}

/// Fills the words of a value from the one at `first` bytes on.
///
/// # Safety
/// As of [`fill`]; the words before are written by the caller.
#[inline(always)]
pub unsafe fn fill_from<T>(value: *mut T, first: usize) {
    const { assert!(size_of::<T>() % size_of::<u64>() == 0 && align_of::<T>() == align_of::<u64>()) };
    let words = value.cast::<u64>();
    for word in first / size_of::<u64>()..size_of::<T>() / size_of::<u64>() {
        // SAFETY: within the value, which is aligned.
        unsafe { write_volatile(words.add(word), 0) };
    }
}
