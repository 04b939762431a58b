//! Headers nested in all ways.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowtrace_fuzz::walk(data));
