//! The recorded traffic, which lies beside the project, not in it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::files::{is_ci, say};

/// Where the recorded traffic is, if it is there.
///
/// # Panics
/// In continuous integration, when it is not.
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/k8s");
    if folder.is_dir() {
        return folder.canonicalize().ok();
    }
    say(&format!("NOT TESTED with recorded Kubernetes traffic: {} is not there", folder.display()));
    assert!(!is_ci(), "the recorded Kubernetes traffic is missing");
    None
}

/// How one file was asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Http {
    pub(super) path: String,
    request_headers: BTreeMap<String, String>,
    pub(super) status: u16,
    #[serde(default)]
    pub(super) response_headers: Option<BTreeMap<String, String>>,
}

impl Http {
    pub(super) fn accept(&self) -> &str {
        self.request_headers.get("Accept").map_or("", String::as_str)
    }
}

/// Namespace and name.
pub(super) type Key = (String, String);

/// An event of a recorded watch.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) what: String,
    pub(super) key: Key,
    /// The node to which a pod is bound.
    pub(super) node: String,
    /// The object.
    pub(super) object: String,
    /// As it was sent, with its line feed.
    pub(super) line: Vec<u8>,
}

/// One kind in one form: what there was at the start, and what happened.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) start: Vec<Event>,
    pub(super) events: Vec<Event>,
}

impl History {
    /// The objects at a resource version.
    pub(super) fn at(&self, version: u64) -> BTreeMap<Key, &Event> {
        let mut objects: BTreeMap<_, _> = self.start.iter().map(|event| (event.key.clone(), event)).collect();
        for event in self.events.iter().filter(|event| event.version <= version) {
            match event.what.as_str() {
                "BOOKMARK" => (),
                "DELETED" => drop(objects.remove(&event.key)),
                _ => drop(objects.insert(event.key.clone(), event)),
            }
        }
        objects
    }
}

#[derive(Deserialize)]
struct RawEvent<'a> {
    r#type: String,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct RawList<'a> {
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct RawObject {
    metadata: RawMetadata,
    #[serde(default)]
    spec: RawSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct RawMetadata {
    namespace: String,
    name: String,
    resource_version: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    node_name: Option<String>,
}

impl Event {
    pub(super) fn read(what: &str, object: &str, line: &[u8]) -> Self {
        let read: RawObject = serde_json::from_str(object).unwrap();
        Self {
            version: read.metadata.resource_version.parse().unwrap(),
            what: what.to_owned(),
            key: (read.metadata.namespace, read.metadata.name),
            node: read.spec.node_name.unwrap_or_default(),
            object: object.to_owned(),
            line: line.to_owned(),
        }
    }
}

/// All of it.
#[derive(Debug)]
pub struct Recording {
    pub(super) folder: PathBuf,
    pub(super) http: BTreeMap<String, Http>,
    /// By kind in the plural and whether it is metadata only.
    pub(super) histories: HashMap<(String, bool), History>,
}

impl Recording {
    /// The resource version at which the watches began.
    pub const START: u64 = 338;
    /// That at which everything ran.
    pub const STEADY: u64 = 700;
    /// The last one.
    pub const END: u64 = 1306;
    /// The kinds, in the plural.
    pub const KINDS: [&str; 12] = [
        "pods",
        "services",
        "endpointslices",
        "nodes",
        "namespaces",
        "replicasets",
        "deployments",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
        "networkpolicies",
    ];

    /// Reads it from its folder.
    pub fn read(folder: &Path) -> Self {
        let http = serde_json::from_slice(&fs::read(folder.join("http.json")).unwrap()).unwrap();
        let mut recording = Self { folder: folder.to_owned(), http, histories: HashMap::new() };
        for kind in Self::KINDS {
            for (is_meta, suffix) in [(false, ""), (true, ".meta")] {
                let history = recording.history(kind, suffix);
                recording.histories.insert((kind.to_owned(), is_meta), history);
            }
        }
        recording
    }

    /// The bytes of a file; unpacked, if it is packed.
    pub fn file(&self, name: &str) -> Vec<u8> {
        let packed = self.folder.join(format!("{name}.gz"));
        if !name.ends_with(".gz") && !packed.exists() {
            return fs::read(self.folder.join(name)).unwrap();
        }
        let file = fs::File::open(if name.ends_with(".gz") { self.folder.join(name) } else { packed }).unwrap();
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn history(&self, kind: &str, suffix: &str) -> History {
        let bytes = self.file(&format!("{kind}.start.list{suffix}.json"));
        let list: RawList<'_> = serde_json::from_slice(&bytes).unwrap();
        let start = list.items.iter().flatten().map(|item| Event::read("ADDED", item.get(), b"")).collect();
        let bytes = self.file(&format!("{kind}.watch{suffix}.jsonl"));
        let events = bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
            let event: RawEvent<'_> = serde_json::from_slice(line).unwrap();
            Event::read(&event.r#type, event.object.get(), line)
        });
        History { start, events: events.collect() }
    }
}
