//! Any text as a filter.
#![no_main]

#[path = "../src/filter.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::filter(data));
