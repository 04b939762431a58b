//! What the guest tells the host: a line of JSON for each [`Fact`], over a serial line.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::count::Count;
use crate::record::Record;

/// Who watched: flowtrace on the server's end of the cable, or on the client's end of the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watcher {
    /// The server's end of the cable.
    Cable,
    /// The client's tunnel device.
    Device,
}

/// One thing that the guest saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A record of flowtrace, without its resource.
    Record(Watcher, Value),
    /// A line of its standard error.
    Said(Watcher, String),
    /// What nftables counted of a kind of traffic from a sender.
    Truth {
        /// The kind, as [`crate::truth::Kind`] shows itself.
        kind: String,
        /// The sender.
        sender: IpAddr,
        /// Packets.
        packets: u64,
        /// Bytes.
        bytes: u64,
    },
    /// Filters and qdiscs of the watched interface: while flowtrace runs, and when it has ended.
    Attached(String, String),
    /// The scene failed: why.
    Failed(String),
    /// How long the scene took, in milliseconds.
    Took(u64),
}

#[derive(Serialize, Deserialize)]
struct Line {
    scene: String,
    fact: Fact,
}

/// The name under which the guest says that it came to its end.
const END: &str = "the end";

/// The guest's end of the line.
#[derive(Debug)]
pub struct Reporter<W>(pub W);

impl<W: Write> Reporter<W> {
    /// Reports a fact of a scene.
    ///
    /// # Panics
    /// When the line is broken.
    pub fn tell(&mut self, scene: &str, fact: Fact) {
        let line = serde_json::to_string(&Line { scene: scene.to_owned(), fact }).expect("facts are JSON");
        writeln!(self.0, "{line}").expect("the serial line takes it");
    }

    /// Reports that all scenes were played.
    pub fn end(&mut self) {
        self.tell(END, Fact::Took(0));
    }
}

/// All facts, by scene.
#[derive(Debug, Default)]
pub struct Report {
    scenes: BTreeMap<String, Vec<Fact>>,
}

impl Report {
    /// Reads what came over the line.
    ///
    /// # Errors
    /// When something else came, or the guest did not come to its end.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut report = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
            report.scenes.entry(line.scene).or_default().push(line.fact);
        }
        match report.scenes.remove(END) {
            Some(_) => Ok(report),
            None => Err(format!("the guest did not come to its end: {text}")),
        }
    }

    /// Names of the scenes that were played.
    pub fn names(&self) -> Vec<&str> {
        self.scenes.keys().map(String::as_str).collect()
    }

    /// The facts of a scene.
    ///
    /// # Panics
    /// When it was not played.
    pub fn facts(&self, scene: &str) -> &[Fact] {
        self.scenes.get(scene).unwrap_or_else(|| panic!("the guest did not play `{scene}`"))
    }

    /// The records of a watcher in a scene.
    pub fn records(&self, scene: &str, watcher: Watcher) -> Vec<Record> {
        let record = |fact: &Fact| match fact {
            Fact::Record(by, json) if *by == watcher => Some(Record::parse(&json.to_string())),
            _ => None,
        };
        self.facts(scene).iter().filter_map(record).collect()
    }

    /// What a watcher said in a scene.
    pub fn said(&self, scene: &str, watcher: Watcher) -> Vec<&str> {
        let said = |fact| match fact {
            &Fact::Said(by, ref line) if by == watcher => Some(line.as_str()),
            _ => None,
        };
        self.facts(scene).iter().filter_map(said).collect()
    }

    /// What nftables counted of a kind from a sender.
    ///
    /// # Panics
    /// When it was not asked.
    pub fn truth(&self, scene: &str, of: &str, from: IpAddr) -> Count {
        let truth = |fact: &Fact| match fact {
            Fact::Truth { kind, sender, packets, bytes } if kind == of && *sender == from => {
                Some(Count { packets: *packets, bytes: *bytes })
            }
            _ => None,
        };
        let counted = self.facts(scene).iter().find_map(truth);
        counted.unwrap_or_else(|| panic!("{scene}: nobody counted {of} from {from}"))
    }

    /// What was attached while flowtrace ran, and afterwards.
    ///
    /// # Panics
    /// When the guest did not look.
    pub fn attached(&self, scene: &str) -> (&str, &str) {
        let attached = self.facts(scene).iter().find_map(|fact| match fact {
            Fact::Attached(during, after) => Some((during.as_str(), after.as_str())),
            _ => None,
        });
        attached.unwrap_or_else(|| panic!("{scene}: nobody looked"))
    }

    /// Why a scene failed in the guest, if it did.
    pub fn failure(&self, scene: &str) -> Option<&str> {
        self.facts(scene).iter().find_map(|fact| match fact {
            Fact::Failed(reason) => Some(reason.as_str()),
            _ => None,
        })
    }
}
