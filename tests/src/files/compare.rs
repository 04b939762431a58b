//! Records against a truth file: the judgement of the corpus' `compare.py`, line by line the same.
//!
//! Records are summed by community id and sender; packets, IP bytes and TCP flags of each sender must equal the truth's
//! innermost flows. Where a pair of addresses has fragments (the truth keeps later fragments apart as port-less flows),
//! sums per pair, protocol and sender are compared instead.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::span::Span;

/// What was sent by one end.
struct Row {
    community_id: String,
    protocol: u8,
    pair: BTreeSet<IpAddr>,
    sender: (IpAddr, u64),
    counts: Counts,
    has_fragments: bool,
}

/// Packets, IP bytes, union of TCP flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts(u64, u64, u64);

/// Of what a sum is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Of one sender in one flow.
    Flow(String, (IpAddr, u64)),
    /// Of one sender to one other and back, by protocol: where fragments are.
    Pair(u8, BTreeSet<IpAddr>, IpAddr),
}

/// The judgement.
#[derive(Debug)]
pub struct Verdict {
    /// `agree: N senders, packets got/wanted, bytes got/wanted`, as the script prints it, without details.
    pub line: String,
    /// The sums that differ.
    pub differences: Vec<String>,
}

impl Verdict {
    /// Whether records and truth agree.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares records with a truth.
///
/// # Errors
/// What cannot be read in either of them.
pub fn compare(truth: &Value, spans: &[Span]) -> Result<Verdict, String> {
    let wanted: Vec<Row> = truth_rows(truth).collect::<Result<_, _>>()?;
    let got: Vec<Row> = spans.iter().flat_map(record_rows).collect::<Result<_, _>>()?;
    let loose: BTreeSet<_> = wanted.iter().filter(|row| row.has_fragments).map(|row| row.pair.clone()).collect();
    let (wanted, got) = (total(&wanted, &loose), total(&got, &loose));
    let keys: BTreeSet<_> = wanted.keys().chain(got.keys()).collect();
    let differences = keys.into_iter().filter(|key| wanted.get(key) != got.get(key));
    let differences: Vec<_> =
        differences.map(|key| format!("{key:?}: got {:?}, want {:?}", got.get(key), wanted.get(key))).collect();
    let sum = |table: &BTreeMap<Key, Counts>, field: fn(&Counts) -> u64| table.values().map(field).sum::<u64>();
    let line = format!(
        "{}: {} senders, packets {}/{}, bytes {}/{}",
        if differences.is_empty() { "agree" } else { "differ" },
        wanted.len(),
        sum(&got, |counts| counts.0),
        sum(&wanted, |counts| counts.0),
        sum(&got, |counts| counts.1),
        sum(&wanted, |counts| counts.1),
    );
    Ok(Verdict { line, differences })
}

fn total(rows: &[Row], loose: &BTreeSet<BTreeSet<IpAddr>>) -> BTreeMap<Key, Counts> {
    let mut table = BTreeMap::<_, Counts>::new();
    for row in rows {
        let is_loose = loose.contains(&row.pair);
        let key = if is_loose {
            Key::Pair(class(row.protocol), row.pair.clone(), row.sender.0)
        } else {
            Key::Flow(row.community_id.clone(), row.sender)
        };
        let entry = table.entry(key).or_default();
        entry.0 += row.counts.0;
        entry.1 += row.counts.1;
        entry.2 |= if is_loose { 0 } else { row.counts.2 };
    }
    table
}

fn truth_rows(truth: &Value) -> impl Iterator<Item = Result<Row, String>> {
    let flows = truth["flows"].as_array().into_iter().flatten();
    flows.flat_map(|flow| {
        let ways = [("fwd", "src", "sport"), ("rev", "dst", "dport")];
        ways.into_iter().filter(|(way, ..)| number(&flow[way]["packets"]) > 0).map(|(way, address, port)| {
            let protocol = u8::try_from(number(&flow["proto"])).map_err(|error| error.to_string())?;
            let side = &flow[way];
            Ok(Row {
                community_id: flow["community_id"].as_str().ok_or("no community id")?.to_owned(),
                protocol,
                pair: BTreeSet::from([ip(&flow["src"])?, ip(&flow["dst"])?]),
                sender: (ip(&flow[address])?, if has_ports(protocol) { number(&flow[port]) } else { 0 }),
                counts: Counts(number(&side["packets"]), number(&side["bytes_ip"]), number(&side["tcp_flags"])),
                has_fragments: number(&flow["fragment_packets"]) > 0 || number(&flow["no_l4_packets"]) > 0,
            })
        })
    })
}

fn record_rows(span: &Span) -> impl Iterator<Item = Result<Row, String>> {
    let ways = [("source", "flow."), ("destination", "flow.reverse.")];
    let count = |prefix: &str, name: &str| span.count(&format!("{prefix}{name}"));
    ways.into_iter().filter(move |(_, prefix)| count(prefix, "packets.delta") > 0).map(move |(sender, prefix)| {
        let protocol = protocol(span.text("network.transport"));
        let address = |end: &str| ip(span.attribute(&format!("{end}.address")).unwrap_or(&Value::Null));
        let port = if has_ports(protocol) { span.count(&format!("{sender}.port")) } else { 0 };
        Ok(Row {
            community_id: span.text("flow.community_id").to_owned(),
            protocol,
            pair: BTreeSet::from([address("source")?, address("destination")?]),
            sender: (address(sender)?, port),
            counts: Counts(
                count(prefix, "packets.delta"),
                count(prefix, "bytes.delta"),
                count(prefix, "tcp.flags.bits"),
            ),
            has_fragments: false,
        })
    })
}

/// The number of a `network.transport` that matters here; 0 stands for all others.
fn protocol(transport: &str) -> u8 {
    const NAMES: [(&str, u8); 7] =
        [("tcp", 6), ("udp", 17), ("sctp", 132), ("dccp", 33), ("udplite", 136), ("icmp", 1), ("ipv6-icmp", 58)];
    NAMES.iter().find_map(|(name, number)| (*name == transport).then_some(*number)).unwrap_or_default()
}

const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, 6 | 17 | 132 | 33 | 136)
}

/// What is told apart where sums are per pair.
const fn class(protocol: u8) -> u8 {
    if has_ports(protocol) || matches!(protocol, 1 | 58) { protocol } else { 0 }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn ip(value: &Value) -> Result<IpAddr, String> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{value} is no address"))
}
