//! Every capture of the corpus, against what tshark found in it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use flowtrace_capture::file::Reader;
use serde_json::Value;

use crate::read::{Owned, drain};

/// What tshark and flowtrace must agree on for a file.
#[derive(Debug, PartialEq, Eq)]
struct Sums {
    packets: u64,
    captured_bytes: u64,
    wire_bytes: u64,
    first: Option<u64>,
    last: Option<u64>,
}

impl Sums {
    fn of(frames: &[Owned]) -> Self {
        let times = || frames.iter().filter_map(|frame| frame.time);
        Self {
            packets: frames.len() as u64,
            captured_bytes: frames.iter().map(|frame| frame.bytes.len() as u64).sum(),
            wire_bytes: frames.iter().map(|frame| u64::from(frame.wire_length)).sum(),
            first: times().min(),
            last: times().max(),
        }
    }

    fn expected(truth: &Value) -> Self {
        let number = |name: &str| truth[name].as_u64();
        Self {
            packets: number("packets").unwrap_or_default(),
            captured_bytes: number("captured_bytes").unwrap_or_default(),
            wire_bytes: number("wire_bytes").unwrap_or_default(),
            first: number("first_ns"),
            last: number("last_ns"),
        }
    }
}

const CUSTOM_BLOCKS: &str = "tshark counts custom blocks as packets; they hold no frame";
const SHORT_WIRE_LENGTH: &str = "a record states fewer bytes on the wire than it captured; the captured ones count";
const ATM_HEADER: &str = "tshark takes the pseudo-header of ATM off the frame";

/// Files in which flowtrace and tshark differ for a reason.
const EXPLAINED: [(&str, &str); 12] = [
    ("formats/gopacket__pcapgo_tests_be_test018.pcapng", CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_be_test102.pcapng", CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_be_test202.pcapng", CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_le_test018.pcapng", CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_le_test102.pcapng", CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_le_test202.pcapng", CUSTOM_BLOCKS),
    ("linktypes/tcpdump__tests_atm-oam-loopback-print-overrun.pcap", ATM_HEADER),
    ("malformed/tcpdump__tests_aoe-oobr-1.pcap", SHORT_WIRE_LENGTH),
    ("malformed/tcpdump__tests_atm-heapoverflow.pcap", ATM_HEADER),
    ("malformed/tcpdump__tests_icmp-icmp_print-oobr-2.pcap", SHORT_WIRE_LENGTH),
    ("malformed/tcpdump__tests_pim_header_asan-2.pcap", SHORT_WIRE_LENGTH),
    ("malformed/tcpdump__tests_rsvp-rsvp_obj_print-oobr.pcap", SHORT_WIRE_LENGTH),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_file_gives_the_frames_that_tshark_sees() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        eprintln!("SKIPPED: no corpus at {}: the captures of ../shared/corpus were NOT read", corpus.display());
        return;
    }
    let mut truths = Vec::new();
    files(&corpus.join("truth"), &mut truths);
    let (mut agree, mut explained, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for truth_path in truths {
        let name = truth_path.strip_prefix(corpus.join("truth")).unwrap().with_extension("");
        let truth: Value = serde_json::from_slice(&fs::read(&truth_path).unwrap()).unwrap();
        let (frames, error) = match Reader::open(&corpus.join("captures").join(&name)) {
            Ok(mut reader) => drain(&mut reader),
            Err(error) => (Vec::new(), Some(error)),
        };
        if truth["tshark_rc"].as_i64() != Some(0) {
            eprintln!("tshark refuses {}: {} frames, {error:?}", name.display(), frames.len());
            refused += 1;
            continue;
        }
        let (found, expected) = (Sums::of(&frames), Sums::expected(&truth));
        let reason = EXPLAINED.iter().find(|(file, _)| Path::new(file) == name);
        let same = found == expected && error.is_none();
        if same && reason.is_none() {
            agree += 1;
        } else if !same && reason.is_some() {
            explained += 1;
        } else {
            wrong.push(format!("{}: {found:?}, expected {expected:?}, {error:?}", name.display()));
        }
    }
    let differ = wrong.len();
    eprintln!(
        "corpus: {agree} agree, {explained} differ for a known reason, {differ} differ, {refused} tshark refuses"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agree > 400, "the corpus is there but nearly empty");
}
