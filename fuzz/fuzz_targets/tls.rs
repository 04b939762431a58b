//! TLS ClientHellos.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flowtrace_fuzz::payload::tls(data));
