//! The seeds of the fuzz target `who`, and every input that once crashed it.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/who.rs"]
mod checks;

const ID: &str = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970";
const UID: &str = "ac04f3f2_1f2c_11e9_b015_1ebee232acfa";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let seed = |kind: u8, text: &str| [&[kind], text.as_bytes()].concat();
    vec![
        ("cgroup_docker", seed(0, &format!("11:pids:/docker/{ID}\n0::/system.slice/docker-{ID}.scope\n"))),
        (
            "cgroup_kubernetes",
            seed(0, &format!("0::/kubepods.slice/kubepods-burstable-pod{UID}.slice/crio-{ID}.scope\n")),
        ),
        ("cgroup_colons", seed(0, &format!("0::/kubepods-pod{UID}.slice:cri-containerd:{ID}\n"))),
        ("passwd", seed(1, "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/:\n+::::::\n")),
        ("hosts", seed(2, "127.0.0.1 localhost # us\n::ffff:192.0.2.1\tWeb.Example. web\nfe80::1%lo x\n")),
        ("name", seed(3, "_a.xn--bcher-kva.Example.")),
    ]
}

/// The seeds are written from here; where one is missing or old, it is repaired and the test fails once.
#[test]
fn seeds_are_current() {
    let folder = folder().join("seeds/who");
    fs::create_dir_all(&folder).unwrap();
    let mut repaired = Vec::new();
    for (name, bytes) in seeds() {
        let path = folder.join(name);
        if fs::read(&path).ok().as_ref() != Some(&bytes) {
            fs::write(&path, bytes).unwrap();
            repaired.push(path);
        }
    }
    assert!(repaired.is_empty(), "written anew, commit them: {repaired:?}");
}

#[test]
fn what_once_crashed_no_longer_does() {
    for set in ["seeds", "crashes"] {
        for entry in fs::read_dir(folder().join(set).join("who")).into_iter().flatten() {
            let path = entry.unwrap().path();
            checks::who(&fs::read(&path).unwrap());
        }
    }
}

/// What the fuzzer would try first, without a fuzzer: seeds with a byte changed, cut and doubled.
#[test]
fn damaged_seeds_are_read() {
    let mut state = 1_u64;
    let mut next = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as usize
    };
    for (_, seed) in seeds().iter().cycle().take(20_000) {
        let mut bytes = seed.clone();
        for _ in 0..next() % 4 {
            let place = next() % bytes.len();
            bytes[place] = b":/-.\n\0a0 #"[next() % 10];
        }
        bytes.truncate(1 + next() % bytes.len());
        checks::who(&bytes);
        bytes.extend_from_slice(&seed[1..]);
        checks::who(&bytes);
    }
}
