//! TLS ClientHellos.
#![no_main]

#[path = "../src/payload.rs"]
#[allow(dead_code, reason = "the other target is in it, too")]
mod payload;

libfuzzer_sys::fuzz_target!(|data: &[u8]| payload::tls(data));
