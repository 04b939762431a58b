//! The captures of public projects, with their flows as tshark sees them. They lie beside the project, not in it.

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

    /// Whether this kind of traffic is read completely already: Ethernet, no tag, tunnel, extension header or fragment,
    /// only TCP, UDP, ICMP and ICMPv6 (frames of other protocols than IP do not matter).
    pub fn is_plain(&self) -> bool {
        let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
        is_empty(&self.truth["undescended"])
            && self.truth.get("flows_outer").is_none()
            && self.truth["flows"].as_array().expect("a truth has flows").iter().all(is_plain_flow)
    }
}

fn is_plain_flow(flow: &Value) -> bool {
    /// Facts of packets that the dissection issue is about.
    const SPECIAL: [&str; 7] =
        ["ipv6_ext", "vlans", "tunnels", "fragment_packets", "ah_spi", "esp_spi", "no_l4_packets"];
    let is_protocol = matches!(flow["proto"].as_u64(), Some(1 | 6 | 17 | 58));
    let is_ethernet = flow["links"].as_object().is_some_and(|links| links.keys().all(|link| link == "eth"));
    is_protocol && is_ethernet && SPECIAL.iter().all(|fact| flow.get(fact).is_none())
}
