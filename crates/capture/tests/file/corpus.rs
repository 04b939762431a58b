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
    let (mut agree, mut refused, mut wrong) = (0, 0, Vec::new());
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
        if found == expected && error.is_none() {
            agree += 1;
        } else {
            wrong.push(format!("{}: {found:?}, expected {expected:?}, {error:?}", name.display()));
        }
    }
    eprintln!("corpus: {agree} files agree, {} differ, {refused} are refused by tshark", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(agree > 400, "the corpus is there but nearly empty");
}
