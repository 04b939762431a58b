//! The laws of the semantics, on the records of one run over one file.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::span::Span;
use super::summary::Summary;

/// Keys of a line, in this order; the ones that may be absent are marked.
const FIELDS: [(&str, bool); 10] = [
    ("trace_id", true),
    ("span_id", true),
    ("parent_span_id", false),
    ("name", true),
    ("kind", true),
    ("start_time_unix_nano", true),
    ("end_time_unix_nano", true),
    ("status", false),
    ("attributes", true),
    ("resource", true),
];

/// What a record must have whatever it saw: what is required, and the measurements.
const REQUIRED: [&str; 15] = [
    "flow.community_id",
    "flow.direction",
    "flow.end_reason",
    "network.type",
    "network.transport",
    "source.address",
    "destination.address",
    "flow.bytes.delta",
    "flow.bytes.total",
    "flow.packets.delta",
    "flow.packets.total",
    "flow.reverse.bytes.delta",
    "flow.reverse.bytes.total",
    "flow.reverse.packets.delta",
    "flow.reverse.packets.total",
];

/// Counters with a delta and a total.
pub const COUNTERS: [&str; 10] = [
    "flow.bytes",
    "flow.packets",
    "flow.reverse.bytes",
    "flow.reverse.packets",
    "flow.tcp.retransmits",
    "flow.tcp.out_of_order",
    "flow.tcp.zero_window",
    "flow.reverse.tcp.retransmits",
    "flow.reverse.tcp.out_of_order",
    "flow.reverse.tcp.zero_window",
];

/// What stays the same in all records of a flow.
const CONSTANT: [&str; 13] = [
    "flow.community_id",
    "flow.direction",
    "network.type",
    "network.transport",
    "source.address",
    "source.port",
    "destination.address",
    "destination.port",
    "client.address",
    "client.port",
    "server.address",
    "server.port",
    "flow.tcp.closed_by",
];

/// TCP flags by bit, from the low one (RFC 9293 section 3.1).
const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/// How long a window lasts, in nanoseconds. One that is cut lasts at least so long, a flow's first one nine tenths of it.
/// One that is not lasts less, unless its flow has ended or its only packet came late: the cut would have left an empty
/// window.
#[derive(Clone, Copy, Debug)]
pub struct Active(pub u64);

type Law = Result<(), String>;

/// Checks all laws on the records of one run, and that its summary says the same.
///
/// # Errors
/// The first law that does not hold, with the record.
pub fn check(spans: &[Span], summary: &Summary, active: Active) -> Law {
    let mut flows = HashMap::<&str, Vec<&Span>>::new();
    let mut ids = HashSet::new();
    for span in spans {
        record(span).map_err(|why| format!("{why}: {}", span.line))?;
        let id = span.field("span_id").unwrap_or_default();
        hold(ids.insert(id), || format!("span id {id} comes twice"))?;
        match span.field("parent_span_id") {
            None => drop(flows.insert(id, vec![span])),
            Some(parent) => {
                let flow = flows.get_mut(parent).ok_or_else(|| format!("no root before {}", span.line))?;
                flow.push(span);
            }
        }
    }
    for windows in flows.values() {
        flow(windows, active).map_err(|why| format!("{why}: flow of {}", windows[0].line))?;
    }
    of_summary(spans, summary, flows.len())
}

fn of_summary(spans: &[Span], summary: &Summary, flows: usize) -> Law {
    let sum = |names: [&str; 2]| spans.iter().flat_map(|span| names.map(|name| span.count(name))).sum();
    let packets = sum(["flow.packets.delta", "flow.reverse.packets.delta"]);
    let bytes = sum(["flow.bytes.delta", "flow.reverse.bytes.delta"]);
    let found = (packets, bytes, flows as u64, spans.len() as u64);
    let said = (summary.packets, summary.bytes, summary.flows, summary.records);
    hold(found == said, || format!("packets, bytes, flows, records are {found:?}, the summary says {said:?}"))
}

fn record(span: &Span) -> Law {
    keys(span)?;
    identity(span)?;
    hold(packets(span) > 0, || "the window is empty".into())?;
    let (start, end) = (span.time("start_time_unix_nano"), span.time("end_time_unix_nano"));
    hold(start <= end, || "it ends before it begins".into())?;
    ends(span)?;
    perspective(span)?;
    for prefix in ["flow.", "flow.reverse."] {
        way(span, prefix)?;
    }
    failure(span)
}

/// Packets in the window, both ways.
fn packets(span: &Span) -> u64 {
    span.count("flow.packets.delta") + span.count("flow.reverse.packets.delta")
}

fn keys(span: &Span) -> Law {
    let found: Vec<_> = span.fields.iter().map(|(key, _)| key.as_str()).collect();
    let is_there = |key: &&str| found.contains(key);
    let expected: Vec<_> =
        FIELDS.iter().filter(|(key, required)| *required || is_there(key)).map(|(key, _)| *key).collect();
    hold(found == expected, || format!("keys are {found:?}"))?;
    let missing: Vec<_> = REQUIRED.iter().filter(|key| span.attribute(key).is_none()).collect();
    hold(missing.is_empty(), || format!("{missing:?} are missing"))
}

fn identity(span: &Span) -> Law {
    let is_id = |text: &str, length: usize| {
        text.len() == length
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && text.bytes().any(|byte| byte != b'0')
    };
    for (key, length) in [("trace_id", 32), ("span_id", 16), ("parent_span_id", 16)] {
        hold(span.field(key).is_none_or(|id| is_id(id, length)), || format!("{key} is no id"))?;
    }
    let name = format!("flow_{}_{}", span.text("network.type"), span.text("network.transport"));
    hold(span.field("name") == Some(&name), || format!("the name is not {name}"))
}

/// Addresses are of the network's type; both ends have ports or none has, and ICMP has none.
fn ends(span: &Span) -> Law {
    for key in ["source.address", "destination.address"] {
        let kind = match span.text(key).parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => "ipv4",
            Ok(IpAddr::V6(_)) => "ipv6",
            Err(_) => "nothing",
        };
        hold(kind == span.text("network.type"), || format!("{key} is {kind}"))?;
    }
    let (source, destination) = (span.attribute("source.port"), span.attribute("destination.port"));
    hold(source.is_some() == destination.is_some(), || "one end only has a port".into())?;
    let may_have = matches!(span.text("network.transport"), "tcp" | "udp" | "sctp" | "dccp" | "udplite");
    hold(may_have || source.is_none(), || "it has ports".into())
}

/// Kind and direction never disagree. In files there is no local end: the initiator, where it is known, is the source.
fn perspective(span: &Span) -> Law {
    let kind = match span.text("flow.direction") {
        "forward" => "CLIENT",
        "unknown" => "INTERNAL",
        other => return Err(format!("direction {other} in a file")),
    };
    hold(span.field("kind") == Some(kind), || format!("kind is not {kind}"))?;
    for (role, end) in [("client", "source"), ("server", "destination")] {
        for fact in ["address", "port"] {
            let (role, end) = (format!("{role}.{fact}"), format!("{end}.{fact}"));
            let expected = if kind == "CLIENT" { span.attribute(&end) } else { None };
            hold(span.attribute(&role) == expected, || format!("{role} is not {end}"))?;
        }
    }
    Ok(())
}

/// Facts of one direction: header values where there were packets in the window, flags where there were any at all.
fn way(span: &Span, prefix: &str) -> Law {
    let key = |name: &str| format!("{prefix}{name}");
    let (packets, total) = (span.count(&key("packets.delta")), span.count(&key("packets.total")));
    for name in ["ip.ttl", "ip.dscp.id", "ip.ecn.id", "ip.ecn.name"] {
        let is_there = span.attribute(&key(name)).is_some();
        hold(is_there == (packets > 0), || format!("{} is there: {is_there}", key(name)))?;
    }
    let is_tcp = span.text("network.transport") == "tcp" && span.attribute("source.port").is_some();
    for counter in ["retransmits", "out_of_order", "zero_window"] {
        let [delta, whole] = ["delta", "total"].map(|last| key(&format!("tcp.{counter}.{last}")));
        let is_there = [&delta, &whole].map(|name| span.attribute(name).is_some());
        hold(is_there == [is_tcp; 2], || format!("{delta} and total are there: {is_there:?}"))?;
        hold(span.count(&delta) <= packets, || format!("{delta} is more than {packets} packets"))?;
    }
    let has_flags = is_tcp && total > 0;
    let bits = span.number(&key("tcp.flags.bits"));
    hold(bits.is_some() == has_flags, || format!("{} is {bits:?}", key("tcp.flags.bits")))?;
    let tags = span.attribute(&key("tcp.flags.tags")).and_then(serde_json::Value::as_array).cloned();
    let expected = bits.map(|bits| {
        let set = FLAGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        set.map(|(_, tag)| (*tag).into()).collect::<Vec<serde_json::Value>>()
    });
    hold(tags == expected, || format!("{} is {tags:?}", key("tcp.flags.tags")))
}

fn failure(span: &Span) -> Law {
    let status = span.fields.iter().find(|(key, _)| key == "status").map(|(_, value)| value);
    let error = span.attribute("error.type");
    let is_error = status.is_some_and(|status| *status == serde_json::json!({"code": 2}));
    hold(is_error == status.is_some(), || format!("status is {status:?}"))?;
    hold(is_error == error.is_some(), || format!("status is {status:?}, error {error:?}"))?;
    hold(error.is_none() || span.text("network.transport") == "tcp", || "an error without TCP".into())
}

/// Laws of the records of one flow, in the order in which they were written.
fn flow(windows: &[&Span], active: Active) -> Law {
    let last = windows.len() - 1;
    for (at, span) in windows.iter().enumerate() {
        let is_cut = span.text("flow.end_reason") == "active_timeout";
        hold(is_cut == (at < last), || format!("record {at} of {} is cut: {is_cut}", windows.len()))?;
        let length = span.time("end_time_unix_nano") - span.time("start_time_unix_nano");
        let has_ended = span.text("flow.end_reason") == "end_of_flow_detected";
        let shortest = if at == 0 { active.0 / 10 * 9 } else { active.0 };
        hold(!is_cut || length >= shortest, || format!("record {at} was cut after {length} ns"))?;
        let is_overdue = !is_cut && !has_ended && length >= active.0;
        hold(!is_overdue || packets(span) == 1, || format!("record {at} was not cut in {length} ns"))?;
    }
    for pair in windows.windows(2) {
        succession(pair[0], pair[1])?;
    }
    for name in COUNTERS {
        let mut sum = 0;
        for span in windows {
            sum += span.count(&format!("{name}.delta"));
            let total = span.count(&format!("{name}.total"));
            hold(total == sum, || format!("{name}.total is {total}, the sum of deltas {sum}"))?;
        }
    }
    Ok(())
}

fn succession(before: &Span, after: &Span) -> Law {
    let (end, start) = (before.time("end_time_unix_nano"), after.time("start_time_unix_nano"));
    hold(end == start, || format!("a window ends at {end}, the next begins at {start}"))?;
    for field in ["trace_id", "name", "kind"] {
        hold(before.field(field) == after.field(field), || format!("{field} changes"))?;
    }
    for name in CONSTANT {
        let (was, is) = (before.attribute(name), after.attribute(name));
        hold(was == is || (name == "flow.tcp.closed_by" && was.is_none()), || format!("{name} changes"))?;
    }
    for name in ["flow.tcp.flags.bits", "flow.reverse.tcp.flags.bits"] {
        let (was, is) = (before.count(name), after.count(name));
        hold(was & is == was, || format!("{name} were {was}, are {is}"))?;
    }
    Ok(())
}

fn hold(law: bool, otherwise: impl FnOnce() -> String) -> Law {
    if law { Ok(()) } else { Err(otherwise()) }
}
