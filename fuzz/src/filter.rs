//! What must hold for any text as a filter. By itself, because only `crates/filter` has what it needs beside the fuzzer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use flowtrace_filter::{Filter, ParseError, limits};
use flowtrace_flow::workload::{Entity, Workload};
use flowtrace_flow::{
    Direction, End, EndReason, Endpoint, Evidence, Interface, Party, Record, Side, Tcp, Translated, Who,
};
use flowtrace_span::{Attribute, Options};

/// What filters are made of, besides the names of attributes.
const WORDS: [&str; 60] = [
    "and",
    "or",
    "not",
    "&&",
    "||",
    "!",
    "(",
    ")",
    "[",
    "]",
    ",",
    "..",
    "in",
    "glob",
    "has",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "=~",
    "!~",
    "=",
    "0",
    "443",
    "65535",
    "0x1bb",
    "1KiB",
    "10ms",
    "8000-8100",
    "9223372036854775807",
    "10.0.0.0/8",
    "192.0.2.1",
    "0.0.0.0/0",
    "::/0",
    "::1",
    "2001:db8::/32",
    "::ffff:192.0.2.1",
    "::ffff:0:0/96",
    "10.1.2.3/8",
    "\"tcp\"",
    "\"SYN\"",
    "\"TCP\"",
    "\"eth*\"",
    "\"(\"",
    "'^e.h\\d+$'",
    "\"\\\"\\\\\"",
    "\"ä\"",
    "\"a{99}{99}\"",
    "\"",
    "\n",
    "source.prot",
    "€",
    "source.port",
    "source.address",
    "source.k8s.pod.labels",
    "source.k8s.pod.labels.app",
    "source.k8s.pod.labels[\"app\"]",
    "\"app\"",
];

/// Text as it is; or, behind a byte 0, choices of which each is a word.
///
/// # Panics
/// Where something does not hold.
pub fn filter(data: &[u8]) {
    match data.split_first() {
        Some((0, choices)) => check(&chosen(choices)),
        _ => check(&String::from_utf8_lossy(data)),
    }
}

fn chosen(choices: &[u8]) -> String {
    let word = |&choice: &u8| {
        let choice = usize::from(choice);
        let attribute = |choice: usize| Attribute::ALL[choice % Attribute::COUNT].name();
        WORDS.get(choice).copied().unwrap_or_else(|| attribute(choice - WORDS.len()))
    };
    choices.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn check(text: &str) {
    match Filter::parse(text) {
        Ok(filter) => check_filter(&filter),
        Err(error) => check_error(text, &error),
    }
}

/// Its opposite is the opposite, and terms beside it change nothing.
fn check_filter(filter: &Filter) {
    let text = filter.text();
    let opposite = Filter::parse(&format!("not ({text})"));
    let both = Filter::parse(&format!("({text}) and ({text}) or not has(source.address)"));
    for record in records() {
        let accepts = |filter: &Filter| filter.accepts(&record, &Options::default());
        let accepted = accepts(filter);
        // Where it is within the limits.
        assert!(opposite.as_ref().ok().is_none_or(|opposite| accepts(opposite) != accepted), "{text}");
        assert!(both.as_ref().ok().is_none_or(|both| accepts(both) == accepted), "{text}");
    }
    let small = text.len() < 1000 && text.matches(['(', '!']).count() + text.matches("not").count() < limits::DEPTH - 1;
    assert!(!small || opposite.is_ok(), "{opposite:?}");
    assert!(filter.attributes().len() <= Attribute::COUNT);
}

/// It shows a place in the text, and not much of it.
fn check_error(text: &str, error: &ParseError) {
    let place = error.place();
    assert!(text.get(place.clone()).is_some(), "{place:?} of {text:?}");
    let message = error.to_string();
    assert!(message.chars().count() < 1000, "{message}");
    assert!(!message.contains(|letter: char| letter.is_control() && letter != '\n'), "{message:?}");
    assert!(message.lines().count() <= 4, "{message}");
}

/// A connection with much, and another with little.
fn records() -> [Record; 2] {
    let end = |address: IpAddr, port| Endpoint { address, port };
    let side = Side { packets: 1, bytes: 1234, tcp_flags: Some(0x12), ..Side::default() };
    let much = Record {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: None,
        start: 1,
        end: 2,
        end_reason: EndReason::IdleTimeout,
        ip_version: 4,
        protocol: 6,
        source: end(Ipv4Addr::new(192, 0, 2, 1).into(), Some(51_234)),
        destination: end(Ipv4Addr::new(10, 0, 0, 1).into(), Some(443)),
        initiator: Some(End::Source),
        evidence: Evidence::Handshake,
        direction: Direction::Forward,
        forward: side,
        reverse: side,
        interface: Some(Interface { index: Some(1), name: Some("eth0".into()), mac: Some([2; 6]) }),
        state: None,
        closed_by: None,
        failure: None,
        tcp: Some(Box::new(Tcp::default())),
        icmp: None,
        tunnel: None,
        ipip: None,
        had_tunnel: false,
        had_ipip: false,
        vlan: Some(1),
        inner_vlan: None,
        is_outer: false,
        who: Some(Box::new(Who { source: pod(), ..Who::default() })),
        nat: Some(Translated {
            source: end(Ipv4Addr::new(192, 0, 2, 1).into(), Some(6)),
            destination: end(Ipv6Addr::LOCALHOST.into(), None),
        }),
    };
    let address = end(Ipv6Addr::LOCALHOST.into(), None);
    let little = Record {
        ip_version: 6,
        protocol: 253,
        source: address,
        destination: address,
        initiator: None,
        interface: None,
        tcp: None,
        vlan: None,
        who: None,
        nat: None,
        ..much.clone()
    };
    [much, little]
}

/// A pod with labels.
fn pod() -> Party {
    let labels = [("app".into(), "eth0".into()), ("example.org/note".into(), "".into())].into();
    let annotations = [].into();
    let pod = Entity { name: "tcp".into(), namespace: None, uid: None, labels, annotations };
    let workload = Workload { pod: Some(Arc::new(pod)), ..Workload::default() };
    Party { workload: Some(Arc::new(workload)), ..Party::default() }
}
