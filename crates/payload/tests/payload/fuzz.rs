//! The seeds of the fuzz targets, every input that once crashed them, and what they would try first.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::craft::{
    A, AAAA, ASKED, HTTPS, a, alias, extension, hello, message, name, named, record, rfc_8448, service, v6,
};

#[path = "../../../../fuzz/src/payload.rs"]
mod check;

/// Small inputs of every kind, by target and name.
fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let www = "www.example.com";
    let aliases = [alias(www, 50, "cdn.example"), a(&name("cdn.example"), 70, [192, 0, 2, 1])];
    let framed = message(www, A, &[a(&ASKED, 300, [192, 0, 2, 1])]);
    let framed = [&(framed.len() as u16).to_be_bytes()[..], &framed].concat();
    vec![
        ("dns", "a", message(www, A, &[a(&ASKED, 300, [192, 0, 2, 1]), a(&ASKED, 300, [192, 0, 2, 2])])),
        ("dns", "aaaa", message(www, AAAA, &[record(&ASKED, AAAA, 60, &v6(1))])),
        ("dns", "cname", message(www, A, &aliases)),
        ("dns", "https", message("example.com", HTTPS, &[record(&ASKED, HTTPS, 30, &service())])),
        ("dns", "tcp", framed),
        ("tls", "rfc8448", rfc_8448()),
        ("tls", "first", hello(1, &named("www.example.com"))),
        ("tls", "behind", hello(3, &[extension(10, b"x"), named("example.com")].concat())),
    ]
}

fn folder(set: &str, target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(set).join(target)
}

/// To add a crash: copy the input that the fuzzer left in `fuzz/artifacts/TARGET/` to `fuzz/crashes/TARGET/` under a name
/// that says what was wrong.
#[test]
fn what_once_crashed_no_longer_does() {
    for (target, body) in [("dns", check::dns as fn(&[u8])), ("tls", check::tls)] {
        for set in ["seeds", "crashes"] {
            for entry in fs::read_dir(folder(set, target)).unwrap() {
                let path = entry.unwrap().path();
                eprintln!("{}", path.display());
                body(&fs::read(&path).unwrap());
            }
        }
    }
}

/// The seeds are written from here; where one is missing or old, it is repaired and the test fails once.
#[test]
fn seeds_are_current() {
    let mut repaired = Vec::new();
    for (target, name, seed) in seeds() {
        let path = folder("seeds", target).join(name);
        if fs::read(&path).ok().as_ref() != Some(&seed) {
            fs::write(&path, seed).unwrap();
            repaired.push(name);
        }
    }
    assert!(repaired.is_empty(), "written anew: {repaired:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_messages_are_no_danger(which in 0_usize..8, at: prop::sample::Index, to: u8, other: prop::sample::Index, with: u8) {
        let (_, _, mut bytes) = seeds().swap_remove(which);
        let length = bytes.len();
        bytes[at.index(length)] = to;
        bytes[other.index(length)] = with;
        check::dns(&bytes);
        check::tls(&bytes);
    }
}
