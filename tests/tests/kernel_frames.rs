//! The same frames through the kernel program (`BPF_PROG_TEST_RUN`) and through userland give the same entries, times
//! and observation points aside, and the same losses.

use std::collections::HashMap;
use std::path::Path;

use flowtrace_abi::{FlowEntry, FlowKey, Loss, Timeouts};
use flowtrace_capture::file::Reader;
use flowtrace_capture::live::{Hook, Kernel, KernelOptions, SkbContext};
use flowtrace_tests::files::corpus;
use flowtrace_tests::frames::{self, Random};
use flowtrace_tests::mirror::{Mirror, comparable};
use flowtrace_tests::tools::{self, require_live};
use flowtrace_wire::Link;

/// The longest frame that `BPF_PROG_TEST_RUN` takes is a page without the room for headers around it.
const LONGEST: usize = 3500;
/// An Ethernet header.
const SHORTEST: usize = 14;

/// Whether the kernel may refuse to run a frame: newer ones do where the IP header is not whole, or nothing follows the
/// Ethernet header (`bpf_prog_test_run_skb`, net/bpf/test_run.c).
fn may_be_refused(frame: &[u8]) -> bool {
    match frame[12..14] {
        [0x08, 0x00] => frame.len() < 14 + 20,
        [0x86, 0xdd] => frame.len() < 14 + 40,
        _ => frame.len() == SHORTEST,
    }
}

/// The kernel program, and what was lost before.
struct Both {
    kernel: Kernel,
    timeouts: Timeouts,
    lost: Vec<(u64, u64)>,
}

impl Both {
    fn new() -> Self {
        const HOUR: u64 = 3_600_000_000_000;
        let timeouts = Timeouts { tcp: HOUR, tcp_fin: HOUR, tcp_rst: HOUR, udp: HOUR, icmp: HOUR, generic: HOUR };
        let options = KernelOptions { max_flows: 1 << 17, timeouts, object: tools::bpf_object() };
        let kernel = Kernel::load(&options).expect("root may load it");
        Self { kernel, timeouts, lost: vec![(0, 0); Loss::COUNT] }
    }

    /// Runs frames through both, compares, and empties the map. How many frames were run.
    fn compare<'a>(
        &mut self,
        what: &str,
        hook: Hook,
        frames: impl IntoIterator<Item = (&'a [u8], SkbContext)>,
    ) -> usize {
        let mut mirror = Mirror::default();
        let mut count = 0;
        for (frame, context) in frames {
            if !(SHORTEST..=LONGEST).contains(&frame.len()) {
                continue;
            }
            let (_, answer) = match self.kernel.test_run(hook, frame, context, 1) {
                Err(_) if may_be_refused(frame) => continue,
                result => result.unwrap_or_else(|error| panic!("{what}: {error}, {} bytes", frame.len())),
            };
            // TC_ACT_UNSPEC: traffic is never touched.
            assert_eq!(answer as i32, -1, "{what}");
            mirror.frame(frame, context, &self.timeouts);
            count += 1;
        }
        self.compare_flows(what, &mirror);
        self.compare_losses(what, &mirror);
        count
    }

    fn compare_flows(&mut self, what: &str, mirror: &Mirror) {
        let mut flows: HashMap<FlowKey, FlowEntry> = HashMap::new();
        let read = self.kernel.scan(|_, keys, entries, gone| {
            flows.extend(keys.iter().copied().zip(entries.iter().copied()));
            gone.extend(keys);
        });
        read.expect("the map can be read");
        for (key, entry) in &mirror.flows {
            let seen = flows.remove(key).unwrap_or_else(|| panic!("{what}: not in the kernel: {key:?}"));
            assert_eq!(comparable(seen), comparable(*entry), "{what}: {key:?}");
            let is_timed = seen.first != 0 && seen.ways.iter().all(|way| (way.packets == 0) == (way.last == 0));
            assert!(is_timed, "{what}: {seen:?}");
        }
        assert!(flows.is_empty(), "{what}: only in the kernel: {flows:?}");
    }

    fn compare_losses(&mut self, what: &str, mirror: &Mirror) {
        for index in 0..Loss::COUNT {
            let loss = Loss::at(index).expect("a loss at every place");
            let now = self.kernel.loss(loss).expect("the map can be read");
            let before = std::mem::replace(&mut self.lost[index], now);
            let since = (now.0 - before.0, now.1 - before.1);
            let expected = mirror.losses.get(&loss.index()).copied().unwrap_or_default();
            assert_eq!(since, expected, "{what}: {loss:?}");
        }
    }
}

/// The frames, none of them a super-packet.
fn plain(frames: &[Vec<u8>]) -> impl Iterator<Item = (&[u8], SkbContext)> {
    frames.iter().map(|frame| (&frame[..], SkbContext::default()))
}

#[test]
fn crafted_and_cut_frames_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let mut both = Both::new();
    let crafted = frames::crafted();
    let cut = frames::cut(&crafted);
    for hook in Hook::ALL {
        let count = both.compare("crafted", hook, plain(&crafted)) + both.compare("cut", hook, plain(&cut));
        println!("{}: {count} frames", hook.name());
    }
}

#[test]
fn mutated_frames_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let mut both = Both::new();
    let crafted = frames::crafted();
    for seed in 1..=20 {
        let mutated = frames::mutated(&crafted, 1000, &mut Random(seed));
        let count = both.compare(&format!("mutated with seed {seed}"), Hook::Ingress, plain(&mutated));
        assert!(count > 800, "most frames are run: {count}");
    }
}

#[test]
fn super_packets_count_as_what_they_stand_for() {
    let Some(_alone) = require_live() else { return };
    let mut both = Both::new();
    let crafted = frames::crafted();
    for context in frames::contexts() {
        for frame in &crafted {
            both.compare(&format!("{context:?}, {frame:02x?}"), Hook::Egress, [(&frame[..], context)]);
        }
    }
}

#[test]
fn captured_frames_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let captures = corpus::captures();
    let mut both = Both::new();
    let mut frames = 0;
    for capture in &captures {
        frames += both.compare(&capture.name, Hook::Ingress, plain(&ethernet_frames(&capture.path)));
    }
    println!("{frames} frames of {} files", captures.len());
    assert!(captures.is_empty() || frames > 1000, "the corpus has frames");
}

/// The Ethernet frames of a capture, up to where it may be damaged.
fn ethernet_frames(path: &Path) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let Ok(mut reader) = Reader::open(path) else { return frames };
    while let Ok(Some(frame)) = reader.next() {
        if frame.link == Link::Ethernet {
            frames.push(frame.bytes.to_vec());
        }
    }
    frames
}
