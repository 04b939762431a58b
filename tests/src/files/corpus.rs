//! The captures of public projects, with their flows as tshark sees them. They lie beside the project, not in it.

pub mod differences;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::say;

/// A capture file with its truth.
#[derive(Debug)]
pub struct Capture {
    /// Folder and name, as `tcp/x.pcap`.
    pub name: String,
    /// The capture.
    pub path: PathBuf,
    /// Where its truth is.
    pub truth_path: PathBuf,
    /// Its truth.
    pub truth: Value,
}

/// Where the corpus is, if it is there.
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    if folder.is_dir() {
        return folder.canonicalize().ok();
    }
    say(&format!("NOT TESTED on the corpus of public captures: {} is not there", folder.display()));
    None
}

/// All captures that have a truth, by name; none where the corpus is not there.
pub fn captures() -> Vec<Capture> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut names = BTreeSet::new();
    for group in std::fs::read_dir(folder.join("truth")).unwrap() {
        let group = group.unwrap();
        for file in std::fs::read_dir(group.path()).unwrap() {
            let (group, file) = (group.file_name(), file.unwrap().file_name());
            names.extend(
                Path::new(&group).join(file).to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned),
            );
        }
    }
    assert!(names.len() > 400, "only {} truth files in {}", names.len(), folder.display());
    names.into_iter().map(|name| capture(&folder, name)).collect()
}

fn capture(folder: &Path, name: String) -> Capture {
    let truth_path = folder.join("truth").join(format!("{name}.json"));
    let truth = serde_json::from_slice(&std::fs::read(&truth_path).unwrap()).unwrap();
    Capture { path: folder.join("captures").join(&name), truth_path, truth, name }
}

impl Capture {
    /// Frames in the file, as tshark counts them.
    pub fn frames(&self) -> u64 {
        self.truth["packets"].as_u64().expect("a truth has the number of packets")
    }

    /// Whether the truth says what the innermost flows are: the file is not damaged, tshark opened all there is to open, and
    /// every flow has a community id (README of the corpus).
    pub fn has_truth(&self) -> bool {
        const NOT_OPENED: [&str; 11] =
            ["gtp", "teredo", "l2tp", "mpls", "nsh", "eth", "ip", "ipv6", "wlan", "gre", "data"];
        let not_opened = |kind| self.truth["undescended"].get(kind).is_some();
        let flows = self.truth["flows"].as_array().expect("a truth has flows");
        let is_error = |flow: &Value| flow["community_id"].as_str().is_some_and(|id| id.starts_with("error"));
        !self.name.starts_with("malformed/") && !NOT_OPENED.into_iter().any(not_opened) && !flows.iter().any(is_error)
    }
}
