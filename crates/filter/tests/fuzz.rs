//! The seeds of the fuzz target, every input that once crashed it, and what it would try first.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

#[path = "../../../fuzz/src/filter.rs"]
mod check;

/// Small filters of every kind.
const SEEDS: [(&str, &str); 11] = [
    ("numbers", "source.port in [80, 443, 8000..8100] and flow.bytes.total > 1KiB"),
    ("addresses", "not destination.address in [10.0.0.0/8, 2001:db8::/32, 192.0.2.1..192.0.2.9]"),
    ("text", r#"network.transport == "tcp" or network.interface.name in ["eth0", 'eth1']"#),
    ("patterns", r#"network.interface.name glob "eth*" && network.interface.name !~ '^eth\d$'"#),
    ("lists", r#""SYN" in flow.tcp.flags.tags and "RST" not in flow.tcp.flags.tags"#),
    ("presence", "has(tunnel.type) || !has(source.port)"),
    ("maps", r#"source.k8s.pod.labels["app"] == "web" and has(destination.k8s.node.annotations.example.org/note)"#),
    ("nesting", "((not (not source.port == 1)))"),
    ("mistake", "source.prot == 80"),
    ("lines", "source.port == 80\n  and\t\"\u{1b}ä"),
    ("choices", "\0\u{36}\u{c}\u{8}\u{19}\u{a}\u{1a}\u{9}"),
];

fn folder(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(set).join("filter")
}

/// To add a crash: copy the input that the fuzzer left in `fuzz/artifacts/filter/` to `fuzz/crashes/filter/` under a name
/// that says what was wrong.
#[test]
fn what_once_crashed_no_longer_does() {
    for set in ["seeds", "crashes"] {
        for entry in fs::read_dir(folder(set)).unwrap() {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            check::filter(&fs::read(&path).unwrap());
        }
    }
}

/// The seeds are written from here; where one is missing or old, it is repaired and the test fails once.
#[test]
fn seeds_are_current() {
    let mut repaired = Vec::new();
    for (name, seed) in SEEDS {
        let path = folder("seeds").join(name);
        if fs::read(&path).ok().as_deref() != Some(seed.as_bytes()) {
            fs::write(&path, seed).unwrap();
            repaired.push(name);
        }
    }
    assert!(repaired.is_empty(), "written anew: {repaired:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_no_danger(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check::filter(&bytes);
    }

    #[test]
    fn any_words_are_no_danger(mut choices in prop::collection::vec(any::<u8>(), 1..24)) {
        choices[0] = 0;
        check::filter(&choices);
    }
}
