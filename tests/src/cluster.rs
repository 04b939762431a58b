//! Traffic recorded from a Kubernetes API server, beside the repository; replayed into what is known of the cluster.

#![allow(clippy::unwrap_used, reason = "a failure in these helpers is a failed test")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use flowtrace_kubernetes::{Cluster, Kind, Object, Time, time};
use serde_json::Value;

/// A watch event.
#[derive(Debug)]
pub struct Event {
    /// Its place among those of all kinds.
    pub version: u64,
    /// The kind of its object.
    pub kind: Kind,
    /// Whether the object went.
    pub is_delete: bool,
    /// The object.
    pub object: Object,
}

/// The recorded traffic.
#[derive(Debug)]
pub struct Recording {
    /// What the truth says.
    pub truth: Value,
    /// All events of all kinds, in order.
    pub events: Vec<Event>,
    start: Vec<(Kind, Vec<Object>)>,
    /// Versions and times of the points of the timeline.
    points: BTreeMap<u64, Time>,
}

/// A file of the recording, unpacked.
pub fn read(folder: &Path, name: &str) -> String {
    if let Ok(text) = std::fs::read_to_string(folder.join(name)) {
        return text;
    }
    let file = std::fs::File::open(folder.join(format!("{name}.gz"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

/// The objects of a list.
pub fn list(folder: &Path, kind: Kind, name: &str) -> Vec<Object> {
    let list: Value = serde_json::from_str(&read(folder, &format!("{}.{name}", kind.plural()))).unwrap();
    // Go writes `null` for an empty list.
    let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(|item| Object::parse(kind, &item.to_string()).unwrap()).collect()
}

impl Recording {
    /// Reads it. Kinds of which only metadata are used come from the watches of metadata.
    pub fn load(folder: &Path) -> Self {
        let truth: Value = serde_json::from_str(&read(folder, "truth.json")).unwrap();
        let points = truth["points"].as_array().unwrap().iter();
        let points = points.filter_map(|point| Some((point["rv"].as_u64()?, time::parse(point["time"].as_str()?)?)));
        let points = points.collect();
        let meta = |kind: Kind| if kind.is_metadata_only() { ".meta" } else { "" };
        let start = Kind::ALL.map(|kind| (kind, list(folder, kind, &format!("start.list{}.json", meta(kind)))));
        let mut events: Vec<Event> = Vec::new();
        for kind in Kind::ALL {
            let text = read(folder, &format!("{}.watch{}.jsonl", kind.plural(), meta(kind)));
            events.extend(text.lines().filter_map(|line| event(kind, line)));
        }
        events.sort_by_key(|event| event.version);
        assert!(events.len() > 500, "only {} events", events.len());
        Self { truth, events, start: start.into(), points }
    }

    /// When an event came: a time between those of the points around it, and for each another.
    pub fn time(&self, version: u64) -> Time {
        let (from, start) = self.points.range(..=version).next_back().unwrap_or((&0, &0));
        let between = match self.points.range(version + 1..).next() {
            Some((to, end)) => (end - start) * (version - from) / (to - from),
            None => 0,
        };
        start + between + version * 1_000
    }

    /// Applies the lists with which the recording begins.
    pub fn begin(&self, cluster: &mut Cluster) {
        for (kind, objects) in &self.start {
            cluster.replace(*kind, objects, self.time(338));
        }
    }

    /// Applies the events behind one version up to another.
    pub fn replay(&self, cluster: &mut Cluster, from: u64, to: u64) {
        for event in self.events.iter().filter(|event| (from + 1..=to).contains(&event.version)) {
            let at = self.time(event.version);
            if event.is_delete {
                cluster.delete(event.kind, event.object.metadata(), at);
            } else {
                cluster.apply(event.kind, &event.object, at);
            }
        }
    }
}

fn event(kind: Kind, line: &str) -> Option<Event> {
    let event: Value = serde_json::from_str(line).unwrap();
    let version = event["object"]["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
    let is_delete = match event["type"].as_str().unwrap() {
        "BOOKMARK" => return None,
        "DELETED" => true,
        _ => false,
    };
    let object = Object::parse(kind, &event["object"].to_string()).unwrap();
    Some(Event { version, kind, is_delete, object })
}
