//! The same frames through the kernel program (`BPF_PROG_TEST_RUN`) and through userland give the same entries, times
//! and observation points aside, the same tunnels and tags around them, the same losses and EtherTypes.

use std::path::Path;

use flowtrace_abi::{KernelSettings, KeyParts, Layers};
use flowtrace_capture::file::Reader;
use flowtrace_capture::live::{Header, Hook, SkbContext};
use flowtrace_tests::both::{Both, Run};
use flowtrace_tests::craft;
use flowtrace_tests::files::corpus;
use flowtrace_tests::frames::{self, Random};
use flowtrace_tests::tools::require_live;
use flowtrace_wire::Link;

/// What can be asked of the program: inner, outer, both; flows told apart or not; how deep.
const SETTINGS: [KernelSettings; 6] = {
    const ALL_PARTS: u32 = KeyParts::VLAN | KeyParts::TUNNEL_ID;
    const BOTH: u32 = Layers::INNER | Layers::OUTER;
    const DEFAULT: KernelSettings = KernelSettings::DEFAULT;
    [
        DEFAULT,
        KernelSettings { layers: Layers::OUTER, ..DEFAULT },
        KernelSettings { layers: BOTH, ..DEFAULT },
        KernelSettings { layers: BOTH, key_parts: ALL_PARTS, ..DEFAULT },
        KernelSettings { key_parts: KeyParts::TUNNEL_ID, depth: 1, ..DEFAULT },
        KernelSettings { key_parts: KeyParts::VLAN, depth: 0, ..DEFAULT },
    ]
};

/// The frames, none of them a super-packet.
fn plain(frames: &[Vec<u8>]) -> impl Iterator<Item = Run<'_>> {
    frames.iter().map(|frame| (&frame[..], SkbContext::default()))
}

/// The packets in Ethernet frames: what an interface without Ethernet would see.
fn packets(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    frames.iter().filter_map(|frame| frame.get(14..).map(<[u8]>::to_vec)).collect()
}

/// Frames of everything that flowtrace reads: made here, and those of our own captures.
fn all_kinds() -> Vec<Vec<u8>> {
    let captures = craft::captures();
    let captured = captures.iter().filter_map(craft::capture::Capture::ethernet).flatten();
    frames::crafted().into_iter().chain(captured.map(<[u8]>::to_vec)).collect()
}

#[test]
fn crafted_and_cut_frames_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let mut both = Both::new(KernelSettings::DEFAULT);
    let crafted = frames::crafted();
    let cut = frames::cut(&crafted);
    for hook in Hook::ALL {
        for (header, frames) in [(Header::Ethernet, &crafted), (Header::Ip, &packets(&crafted))] {
            let count = both.compare("crafted", hook, header, plain(frames));
            println!("{hook:?} {header:?}: {count} frames");
        }
        let count = both.compare("cut", hook, Header::Ethernet, plain(&cut));
        println!("{hook:?} cut: {count} frames");
    }
}

/// One capture of our own at a time: so it is said which one differs.
#[test]
fn captures_of_every_protocol_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let captures = craft::captures();
    for settings in SETTINGS {
        let mut both = Both::new(settings);
        let mut count = 0;
        for capture in &captures {
            let Some(frames) = capture.ethernet() else { continue };
            let frames: Vec<_> = frames.into_iter().map(<[u8]>::to_vec).collect();
            let what = format!("{}/{} with {settings:?}", capture.group, capture.name);
            count += both.compare(&what, Hook::Ingress, Header::Ethernet, plain(&frames));
            count += both.compare(&what, Hook::Egress, Header::Ip, plain(&packets(&frames)));
        }
        println!("{count} frames with {settings:?}");
        assert!(count > 500, "the captures have Ethernet frames: {count}");
    }
}

/// Tunnelled frames cut anywhere: in the outer header, in the tunnel's, in the inner one.
#[test]
fn captures_cut_anywhere_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let captures = craft::captures();
    let mut both = Both::new(SETTINGS[3]);
    for capture in &captures {
        let Some(frames) = capture.ethernet() else { continue };
        let Some(frame) = frames.iter().min_by_key(|frame| frame.len()) else { continue };
        let cut: Vec<_> = (14..frame.len().min(200)).map(|length| frame[..length].to_vec()).collect();
        both.compare(capture.name, Hook::Ingress, Header::Ethernet, plain(&cut));
    }
}

#[test]
fn mutated_frames_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let all = all_kinds();
    for (settings, seeds) in SETTINGS.into_iter().zip([1..=20, 21..=23, 24..=30, 31..=37, 38..=40, 41..=43]) {
        let mut both = Both::new(settings);
        for seed in seeds {
            let mutated = frames::mutated(&all, 1000, &mut Random(seed));
            let what = format!("mutated with seed {seed} and {settings:?}");
            let count = both.compare(&what, Hook::Ingress, Header::Ethernet, plain(&mutated));
            both.compare(&what, Hook::Egress, Header::Ip, plain(&packets(&mutated)));
            assert!(count > 800, "most frames are run: {count}");
        }
    }
}

#[test]
fn super_packets_count_as_what_they_stand_for() {
    let Some(_alone) = require_live() else { return };
    let all = all_kinds();
    for settings in [SETTINGS[0], SETTINGS[2]] {
        let mut both = Both::new(settings);
        for context in frames::contexts() {
            let runs = all.iter().map(|frame| (&frame[..], context));
            both.compare(&format!("{context:?}"), Hook::Egress, Header::Ethernet, runs);
        }
    }
}

/// What is read of payload changes nothing that is counted.
#[test]
fn programs_that_read_payload_count_the_same() {
    let Some(_alone) = require_live() else { return };
    let all = all_kinds();
    for settings in [SETTINGS[0], SETTINGS[3]] {
        let mut both = Both::reading(settings);
        for hook in Hook::ALL {
            both.compare("all kinds", hook, Header::Ethernet, plain(&all));
            both.compare("all kinds", hook, Header::Ip, plain(&packets(&all)));
        }
        for seed in 1..=3 {
            let mutated = frames::mutated(&all, 1000, &mut Random(seed));
            both.compare(&format!("mutated with seed {seed}"), Hook::Ingress, Header::Ethernet, plain(&mutated));
        }
        for context in frames::contexts() {
            let runs = all.iter().map(|frame| (&frame[..], context));
            both.compare(&format!("{context:?}"), Hook::Egress, Header::Ethernet, runs);
        }
        for capture in corpus::captures() {
            let frames = frames_of(&capture.path, Link::Ethernet);
            both.compare(&capture.name, Hook::Ingress, Header::Ethernet, plain(&frames));
        }
    }
}

#[test]
fn captured_frames_give_the_same_entries() {
    let Some(_alone) = require_live() else { return };
    let captures = corpus::captures();
    for settings in [SETTINGS[0], SETTINGS[3]] {
        let mut both = Both::new(settings);
        let mut count = 0;
        for capture in &captures {
            for (link, header) in [(Link::Ethernet, Header::Ethernet), (Link::Ip, Header::Ip)] {
                let frames = frames_of(&capture.path, link);
                count += both.compare(&capture.name, Hook::Ingress, header, plain(&frames));
            }
        }
        println!("{count} frames of {} files with {settings:?}", captures.len());
        assert!(captures.is_empty() || count > 1000, "the corpus has frames");
    }
}

/// The frames of a capture that are of this link, up to where it may be damaged.
fn frames_of(path: &Path, link: Link) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let Ok(mut reader) = Reader::open(path) else { return frames };
    while let Ok(Some(frame)) = reader.next() {
        if frame.link == link {
            frames.push(frame.bytes.to_vec());
        }
    }
    frames
}
