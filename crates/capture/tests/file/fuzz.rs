//! The seeds of the fuzz targets, and every input that once crashed one.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::build::{ETHERNET, MODIFIED, NANOSECONDS, Order, Pcap, Pcapng, frames, pcap_of, pcapng_of};

#[path = "../../../../fuzz/src/lib.rs"]
mod checks;

type Check = fn(&[u8]);
type Seeds = Vec<(&'static str, Vec<u8>)>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// To add a crash: copy the input that the fuzzer left in `fuzz/artifacts/TARGET/` to `fuzz/crashes/TARGET/` under a
/// name that says what was wrong.
#[test]
fn what_once_crashed_no_longer_does() {
    let targets: [(&str, Check); 3] = [("dissect", checks::dissect), ("walk", checks::walk), ("file", checks::file)];
    for (target, check) in targets {
        for set in ["seeds", "crashes"] {
            for entry in fs::read_dir(folder().join(set).join(target)).unwrap() {
                let path = entry.unwrap().path();
                eprintln!("{}", path.display());
                check(&fs::read(&path).unwrap());
            }
        }
    }
}

/// What the fuzzer would try first, without a fuzzer.
#[test]
fn nested_frames_are_read_through() {
    let mut state = 1_u64;
    for _ in 0..50_000 {
        let choices: Vec<u8> = std::iter::repeat_with(|| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(120)
        .collect();
        checks::walk(&choices);
    }
}

/// The seeds are written from here; where one is missing or old, it is repaired and the test fails once.
#[test]
fn seeds_are_current() {
    let mut repaired = Vec::new();
    for (target, seeds) in [("dissect", dissect_seeds()), ("walk", walk_seeds()), ("file", file_seeds())] {
        let folder = folder().join("seeds").join(target);
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in seeds {
            let path = folder.join(name);
            if fs::read(&path).ok().as_ref() != Some(&bytes) {
                fs::write(&path, bytes).unwrap();
                repaired.push(path);
            }
        }
    }
    assert!(repaired.is_empty(), "written anew, commit them: {repaired:?}");
}

fn file_seeds() -> Seeds {
    let pcap = pcap_of(&frames(4));
    let pcapng = Pcapng::new(Order::Little)
        .interface(1, 64, &[(2, b"eth0"), (9, &[9]), (14, &[1, 0, 0, 0, 0, 0, 0, 0])])
        .enhanced(0, 7, &[1, 2, 3], 60)
        .simple(&[4, 5], 2)
        .obsolete(0, 9, &[6], 1)
        .section(Order::Big)
        .interface(101, 0, &[(9, &[0x80 | 20])])
        .enhanced(0, 1 << 40, &[7], 1);
    let custom = pcapng.body().u32(32473).raw(&[0; 8]);
    let stored = flate2::Compression::none();
    let mut gzip = flate2::GzBuilder::new().filename("a").write(Vec::new(), stored);
    gzip.write_all(&pcap).unwrap();
    vec![
        ("zstd", zstd::bulk::compress(&pcap, 1).unwrap()),
        ("gzip", gzip.finish().unwrap()),
        ("pcap", pcap),
        ("pcap-nanoseconds", Pcap::new(Order::Big, NANOSECONDS).frame(1, 2, &[3; 9]).done()),
        ("pcap-modified", Pcap::new(Order::Little, MODIFIED).frame(1, 2, &[3; 9]).frame(4, 5, &[]).done()),
        ("pcap-old", Pcap::with(Order::Big, 0xa1b2_c3d4, [2, 3], 0, ETHERNET).record([1, 2, 9, 3], &[4; 3]).done()),
        ("pcapng", pcapng.block(0x0bad, custom).done()),
        ("pcapng-big", pcapng_of(&frames(3))),
    ]
}

/// Choices by a rule: the fuzzer finds the others.
fn walk_seeds() -> Seeds {
    let steps = |step: u8| (0..120).map(|number: u8| number.wrapping_mul(step)).collect();
    vec![("by-0", steps(0)), ("by-7", steps(7)), ("by-37", steps(37)), ("by-101", steps(101)), ("by-151", steps(151))]
}

/// An Ethernet frame of this kind, behind "no bytes were cut off" and "Ethernet".
fn frame(ethertype: u16, parts: &[&[u8]]) -> Vec<u8> {
    [&[0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2], &ethertype.to_be_bytes()[..], &parts.concat()].concat()
}

fn ipv4(protocol: u8, fragment: [u8; 2], payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let head = [0x45, 0xb8, length[0], length[1], 0, 1, fragment[0], fragment[1], 64, protocol, 0, 0];
    frame(0x0800, &[&head, &[192, 0, 2, 1, 192, 0, 2, 2], payload])
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let head = [0x6b, 0x81, 2, 3, length[0], length[1], next, 64];
    let address = |last| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    frame(0x86dd, &[&head, &address(1), &address(2), payload])
}

fn dissect_seeds() -> Seeds {
    let tcp = [0xc3, 0x50, 0, 80, 0, 0, 0, 100, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0];
    let udp = [0xc3, 0x50, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4];
    let echo = [8, 0, 0, 0, 0, 77, 0, 1];
    let unreachable = [3, 1, 0, 0, 0, 0, 0, 0];
    let mut offloaded = ipv4(6, [0, 0], &tcp);
    offloaded[19..21].fill(0);
    let mut to_oneself = ipv4(1, [0, 0], &echo);
    to_oneself.copy_within(29..33, 33);
    vec![
        ("ipv4-echo-to-oneself", to_oneself),
        ("ipv4-tcp", ipv4(6, [0, 0], &tcp)),
        ("ipv4-udp", ipv4(17, [0x40, 0], &udp)),
        ("ipv4-echo", ipv4(1, [0, 0], &echo)),
        ("ipv4-unreachable", ipv4(1, [0, 0], &unreachable)),
        ("ipv4-fragment", ipv4(17, [0x20, 5], &udp)),
        ("ipv4-length-0", offloaded),
        ("ipv4-gre", ipv4(47, [0, 0], &[0, 0, 8, 0])),
        ("ipv6-tcp", ipv6(6, &tcp)),
        ("ipv6-udp", ipv6(17, &udp)),
        ("ipv6-echo", ipv6(58, &[129, 0, 0, 0, 0, 77, 0, 1])),
        ("ipv6-hop-by-hop", ipv6(0, &[6, 0, 1, 4, 0, 0, 0, 0])),
        ("arp", frame(0x0806, &[&[0, 1, 8, 0, 6, 4, 0, 1]])),
    ]
}
