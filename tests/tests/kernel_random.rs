//! Headers nested in all ways, through the kernel program and through userland: they agree.
//!
//! `FLOWTRACE_FRAMES` says how many frames (100,000 unless told); `FLOWTRACE_SEED` where to begin. What the fuzzer of the
//! dissector has collected (`fuzz/corpus`), where that is there, is taken, too: so its search for new ways through the
//! dissector serves the kernel program.

use std::path::Path;
use std::time::Instant;

use flowtrace_abi::{KernelSettings, KeyParts, Layers};
use flowtrace_capture::live::{Header, Hook, SkbContext};
use flowtrace_tests::both::Both;
use flowtrace_tests::files::say;
use flowtrace_tests::frames::Random;
use flowtrace_tests::tools::require_live;

#[path = "../../fuzz/src/nested.rs"]
#[allow(dead_code, reason = "how a frame was made matters to the fuzz target")]
mod nested;

/// Frames between two comparisons.
const BATCH: usize = 200;
/// More flows than these can make.
const ROOM: u32 = 1 << 11;

/// Frames that begin with an Ethernet header, and packets that begin with an IP header.
type Frames = [Vec<Vec<u8>>; 2];

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

fn add(frames: &mut Frames, choices: &[u8]) {
    let nested = nested::frame(&mut nested::Choices(choices));
    frames[usize::from(nested.is_ip)].push(nested.bytes);
}

/// A batch of its own for each seed.
fn random_frames(seed: usize) -> Frames {
    let mut frames = Frames::default();
    let mut random = Random((seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..BATCH {
        let choices: Vec<u8> = (0..40 + random.below(160)).map(|_| random.below(256) as u8).collect();
        add(&mut frames, &choices);
    }
    frames
}

/// How many frames the kernel took.
fn compare(both: &mut Both, what: &str, frames: &Frames) -> usize {
    let runs = |frames| <[Vec<u8>]>::iter(frames).map(|frame| (&frame[..], SkbContext::default()));
    both.compare(what, Hook::Ingress, Header::Ethernet, runs(&frames[0]))
        + both.compare(what, Hook::Egress, Header::Ip, runs(&frames[1]))
}

fn settings() -> [KernelSettings; 3] {
    let default = KernelSettings::DEFAULT;
    let (layers, key_parts) = (Layers::INNER | Layers::OUTER, KeyParts::VLAN | KeyParts::TUNNEL_ID);
    [
        default,
        KernelSettings { layers, key_parts, ..default },
        KernelSettings { layers: Layers::OUTER, depth: 2, ..default },
    ]
}

#[test]
fn nested_frames_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let begin = Instant::now();
    let settings = settings();
    let batches = number("FLOWTRACE_FRAMES", 100_000) / BATCH / settings.len();
    let first = number("FLOWTRACE_SEED", 1);
    let mut taken = 0;
    for (place, settings) in settings.into_iter().enumerate() {
        let mut both = Both::with_room(settings, ROOM);
        for seed in (0..batches).map(|batch| first + place * batches + batch) {
            taken += compare(&mut both, &format!("seed {seed} with {settings:?}"), &random_frames(seed));
        }
    }
    say(&format!("kernel and userland agree on {taken} nested frames, {} s", begin.elapsed().as_secs()));
    assert!(taken >= batches * BATCH * 2, "the kernel takes most of them: {taken}");
}

#[test]
fn what_the_fuzzer_collected_gives_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let inputs = ["seeds/walk", "crashes/walk", "corpus/walk"].map(|set| folder.join(set));
    let files = inputs.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    // The first byte is the depth in the fuzz target.
    let inputs: Vec<_> = files.filter_map(|file| std::fs::read(file.path()).ok()).collect();
    let mut both = Both::with_room(settings()[1], ROOM);
    let mut taken = 0;
    for (number, batch) in inputs.chunks(BATCH).enumerate() {
        let mut frames = Frames::default();
        batch.iter().for_each(|choices| add(&mut frames, choices.get(1..).unwrap_or_default()));
        taken += compare(&mut both, &format!("batch {number}"), &frames);
    }
    say(&format!("kernel and userland agree on {taken} frames that the fuzzer collected"));
}
