//! A record as `--output json` writes it.

use std::net::IpAddr;

use serde_json::Value;

use crate::count::Count;
use crate::truth::Kind;

/// What live tests look at in a record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The trace.
    pub trace: String,
    /// This record.
    pub span: String,
    /// The flow's first record; none in that itself.
    pub parent: Option<String>,
    /// Begin and end of the window, nanoseconds since the Unix epoch.
    pub window: [u64; 2],
    /// Source and destination.
    pub ends: [IpAddr; 2],
    /// Their ports; 0 where there are none.
    pub ports: [u64; 2],
    /// What was sent by the source, and by the destination.
    pub ways: [Count; 2],
    /// The same since the first packet of the flow.
    pub totals: [Count; 2],
    /// What kind of traffic.
    pub kind: Kind,
    /// `flow.end_reason`.
    pub end_reason: String,
    /// `network.interface.name`.
    pub interface: Option<String>,
    /// All of it.
    pub json: Value,
}

impl Record {
    /// Reads a line.
    ///
    /// # Panics
    /// When it is no record.
    pub fn parse(line: &str) -> Self {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let attribute = |name: &str| &json["attributes"][name];
        let text = |name: &str| attribute(name).as_str().map(str::to_owned);
        let end =
            |name: &str| text(name).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name}: {line}"));
        let number = |name: String| attribute(&name).as_u64().unwrap_or_else(|| panic!("{name}: {line}"));
        let counts = |which: &str| {
            ["flow", "flow.reverse"].map(|way| Count {
                packets: number(format!("{way}.packets.{which}")),
                bytes: number(format!("{way}.bytes.{which}")),
            })
        };
        Self {
            trace: json["trace_id"].as_str().expect("a trace id").to_owned(),
            span: json["span_id"].as_str().expect("a span id").to_owned(),
            parent: json["parent_span_id"].as_str().map(str::to_owned),
            window: ["start_time_unix_nano", "end_time_unix_nano"]
                .map(|name| json[name].as_str().and_then(|time| time.parse().ok()).expect("a time")),
            ends: [end("source.address"), end("destination.address")],
            ports: ["source.port", "destination.port"].map(|name| attribute(name).as_u64().unwrap_or(0)),
            ways: counts("delta"),
            totals: counts("total"),
            kind: kind(&json["attributes"]),
            end_reason: text("flow.end_reason").expect("an end reason"),
            interface: text("network.interface.name"),
            json,
        }
    }

    /// An attribute that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.json["attributes"][name].as_str()
    }

    /// An attribute that is a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.json["attributes"][name].as_u64()
    }

    /// What `sender` sent in this record.
    pub fn sent_by(&self, sender: IpAddr) -> Count {
        (0..2).filter(|&way| self.ends[way] == sender).map(|way| self.ways[way]).sum()
    }
}

fn kind(attributes: &Value) -> Kind {
    let is = |name: &str, value: &str| attributes[name].as_str() == Some(value);
    let is_echo = ["flow.icmp.type.name", "flow.reverse.icmp.type.name"]
        .iter()
        .any(|name| is(name, "echo_request") || is(name, "echo_reply"));
    if is("network.transport", "tcp") {
        Kind::Tcp
    } else if is("network.transport", "udp") {
        Kind::Udp
    } else if is_echo {
        Kind::Echo
    } else {
        Kind::Other
    }
}

/// What `sender` sent of a kind, over all records.
pub fn sent(records: &[Record], kind: Kind, sender: IpAddr) -> Count {
    records.iter().filter(|record| record.kind == kind).map(|record| record.sent_by(sender)).sum()
}
