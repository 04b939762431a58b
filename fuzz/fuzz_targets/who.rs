//! Control groups, users, hosts and names.
#![no_main]

#[path = "../src/who.rs"]
mod who;

libfuzzer_sys::fuzz_target!(|data: &[u8]| who::who(data));
