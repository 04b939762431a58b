//! Objects of Kubernetes.
#![no_main]

#[path = "../src/kubernetes.rs"]
mod kubernetes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| kubernetes::kubernetes(data));
