//! The examples of the documents that flowtrace was begun with (`seeds/`): traffic made to fit them gives those names,
//! types, units and values, those of Kubernetes included: an API server has the pods of the examples.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use flowtrace_tests::apiserver::{Recording, Server};
use flowtrace_tests::craft::ends::Ends;
use flowtrace_tests::craft::ends::Way::{self, Back, There};
use flowtrace_tests::craft::transport::{self as layer, ACK, PSH, SYN};
use flowtrace_tests::files::{program, say};
use flowtrace_tests::objects::pod;
use serde_json::{Value, json};

/// Begin and end of the examples' window, and its length, in nanoseconds.
const WINDOW: [u64; 2] = [1_727_149_620_000_000_000, 1_727_149_680_000_000_000];
const MILLISECOND: u64 = 1_000_000;
const ENDS: Ends = [IpAddr::V4(Ipv4Addr::new(10, 1, 1, 5)), IpAddr::V4(Ipv4Addr::new(10, 1, 2, 10))];
const PORTS: [u16; 2] = [54_211, 80];
/// IPv4 and TCP without options.
const HEADERS: usize = 40;
/// Initial sequence numbers; the client's is that of the vectors in docs/reference/identity.md.
const INITIAL: [u32; 2] = [1_234_567_890, 500];

/// The connection of the examples: a request, and a download that takes longer than the window.
struct Talk {
    frames: Vec<(u64, Vec<u8>)>,
    next: [u32; 2],
}

impl Talk {
    /// Adds a segment `time` nanoseconds after the begin.
    fn send(&mut self, time: u64, way: Way, flags: u8, length: usize) {
        let [own, other] = match way {
            There => [0, 1],
            Back => [1, 0],
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[other] };
        let segment = layer::tcp(way, PORTS, flags, [self.next[own], acknowledged], &vec![0x2e; length]);
        self.frames.push((WINDOW[0] + time, segment.ip(ENDS).eth().bytes));
        self.next[own] = self.next[own].wrapping_add(length as u32 + u32::from(flags & SYN != 0));
    }

    /// 10 packets and 1024 bytes there, 85 packets and 32768 bytes back, SYN and ACK either way, the answer 2.5 ms after
    /// the request; then one packet more, which ends the window.
    fn of_the_examples() -> Self {
        let mut talk = Self { frames: Vec::new(), next: INITIAL };
        talk.send(0, There, SYN, 0);
        talk.send(MILLISECOND, Back, SYN | ACK, 0);
        talk.send(2 * MILLISECOND, There, ACK, 0);
        talk.send(3 * MILLISECOND, There, ACK, 1024 - 10 * HEADERS);
        let mut left = 32_768 - 85 * HEADERS;
        for number in 0..84 {
            let length = if number == 83 { left } else { 349 };
            left -= length;
            talk.send(5 * MILLISECOND + MILLISECOND / 2 + number * 715 * MILLISECOND, Back, ACK, length);
            if number % 12 == 11 {
                talk.send(6 * MILLISECOND + number * 715 * MILLISECOND, There, ACK, 0);
            }
        }
        talk.send(WINDOW[1] - WINDOW[0] + 5 * MILLISECOND, Back, PSH | ACK, 10);
        talk
    }

    /// The capture file, with times in nanoseconds (draft-ietf-opsawg-pcap).
    fn file(&self) -> Vec<u8> {
        let mut file = [0xa1b2_3c4d_u32.to_le_bytes(), [2, 0, 4, 0]].concat();
        file.extend([0, 0, 262_144, 1].map(u32::to_le_bytes).concat());
        for (time, frame) in &self.frames {
            let (seconds, rest) = (time / 1_000_000_000, time % 1_000_000_000);
            let length = frame.len() as u32;
            file.extend([seconds as u32, rest as u32, length, length].map(u32::to_le_bytes).concat());
            file.extend(frame);
        }
        file
    }
}

/// The pods of the examples, which have their addresses.
fn cluster() -> Server {
    let pods = [("frontend-abcde", ENDS[0]), ("backend-xyz", ENDS[1])];
    let objects = pods.map(|(name, address)| pod(["production", name], "node-1", &[address]));
    Server::start(&Arc::new(Recording::made(&objects)), Recording::START, None)
}

/// The spans that the program writes of it, with the names that Kubernetes knows.
fn spans_in_kubernetes(options: &[&str]) -> Vec<Value> {
    let (folder, server) = (tempfile::tempdir().unwrap(), cluster());
    let kubeconfig = server.kubeconfig(folder.path());
    spans(&[&["--kubernetes", "on", "--kubeconfig", &kubeconfig], options].concat())
}

/// The spans that the program writes of it.
fn spans(options: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seed.pcap");
    std::fs::write(&path, Talk::of_the_examples().file()).unwrap();
    let options = [&["--output", "otlp-json", "--active-jitter", "0"], options].concat();
    let run = program::read(&options, &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let requests = run.text().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    requests.map(|request| request["resourceSpans"][0]["scopeSpans"][0]["spans"][0].clone()).collect()
}

fn attributes(span: &Value) -> BTreeMap<String, Value> {
    let pairs = span["attributes"].as_array().unwrap().iter();
    pairs.map(|pair| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone())).collect()
}

/// What an example says otherwise, and what is right; `null`: absent.
type Otherwise = &'static [(&'static str, &'static str)];

/// The Community ID of the five-tuple, as the reference implementation (PyPI `communityid` 1.5) computes it. That of the
/// examples belongs to other ends.
const COMMUNITY_ID: (&str, &str) = ("flow.community_id", r#"{"stringValue":"1:SpNM1BIwPC50SnDerJrS+FB0FK4="}"#);
/// The older documents' value of an attribute that the reference defines anew.
const FORWARD: (&str, &str) = ("flow.direction", r#"{"stringValue":"forward"}"#);

/// Number of the document, options, what it says otherwise, its span's name and kind where the reference has others.
const EXAMPLES: [(&str, &[&str], Otherwise, [&str; 2]); 4] = [
    ("000", &[], &[COMMUNITY_ID, FORWARD], ["flow_ipv4_tcp", "SPAN_KIND_CLIENT"]),
    ("001", &[], &[COMMUNITY_ID], ["", ""]),
    // The example has a name that its own table does not; the time of the service cannot be known at neither side.
    (
        "002",
        &["--semconv", "proposal"],
        &[COMMUNITY_ID, ("flow.direction", "null"), ("flow.tcp.svc.latency", "null")],
        ["", ""],
    ),
    ("004", &["--names", "kubernetes"], &[COMMUNITY_ID], ["", ""]),
];

fn example(number: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(format!("{number}.json"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_examples_come_out() {
    for (number, options, otherwise, head) in EXAMPLES {
        let expected: Value = serde_json::from_str(&example(number)).unwrap();
        let all = spans_in_kubernetes(options);
        let span = &all[0];
        let head = |at: usize, name: &str| if head[at].is_empty() { expected[name].clone() } else { json!(head[at]) };
        assert_eq!(span["name"], head(0, "name"), "{number}");
        // The enumeration of opentelemetry/proto/trace/v1/trace.proto; OTLP/JSON writes its numbers.
        let kinds = ["SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER", "SPAN_KIND_CLIENT"];
        assert_eq!(json!(kinds[span["kind"].as_u64().unwrap() as usize]), head(1, "kind"), "{number}");
        for name in ["startTimeUnixNano", "endTimeUnixNano"] {
            assert_eq!(span[name], expected[name], "{number}: {name}");
        }
        let (is, mut should) = (attributes(span), attributes(&expected));
        for (name, value) in otherwise {
            let value = serde_json::from_str(value).unwrap();
            assert_ne!(should.insert((*name).to_owned(), value), None, "{number}: the example has no {name}");
        }
        for (name, value) in &should {
            assert_eq!(is.get(name).unwrap_or(&Value::Null), value, "{number}: {name}");
        }
    }
}

/// A filter asks for a label that no output writes.
#[test]
fn labels_that_filters_ask_for_are_known() {
    for (app, count) in [("backend-xyz", 2), ("other", 0)] {
        let filter = format!(r#"destination.k8s.pod.labels["app"] == "{app}""#);
        let all = spans_in_kubernetes(&["--filter", &filter]);
        assert_eq!(all.len(), count, "{app}");
        assert!(all.iter().all(|span| !span.to_string().contains(".labels.")), "{all:?}");
    }
}

/// Everything that the first record says, in the words of either profile.
#[test]
fn nothing_else_is_said() {
    for profile in ["reference", "proposal"] {
        let all = spans(&["--semconv", profile]);
        let span = &all[0];
        let expected: BTreeMap<String, Value> = serde_json::from_str(&example(profile)).unwrap();
        let said: BTreeMap<_, _> = span["attributes"].as_array().unwrap().iter().map(plain).collect();
        assert_eq!(said, expected, "{profile}");
        // The same ends, sequence number and key as the first vector of docs/reference/identity.md.
        assert_eq!(span["traceId"], "14a4aaeda575268081848b921925b6f5");
        assert_eq!(span["spanId"], "9fd30f8226b1a6c9");
        assert_eq!(span.get("parentSpanId"), None);
        assert_eq!(span.get("status"), None);
    }
}

/// Name and value of an attribute, without the type.
fn plain(pair: &Value) -> (String, Value) {
    let value = match pair["value"].as_object().unwrap().iter().next().unwrap() {
        (kind, value) if kind == "intValue" => json!(value.as_str().unwrap().parse::<i64>().unwrap()),
        (kind, value) if kind == "arrayValue" => {
            value["values"].as_array().unwrap().iter().map(|text| text["stringValue"].clone()).collect()
        }
        (_, value) => value.clone(),
    };
    (pair["key"].as_str().unwrap().to_owned(), value)
}

/// The connection goes on: the next record continues this one.
#[test]
fn the_next_window_goes_on() {
    let spans = spans(&[]);
    let [first, second] = spans.as_slice() else { panic!("{} records", spans.len()) };
    assert_eq!(second["traceId"], first["traceId"]);
    assert_eq!(second["parentSpanId"], first["spanId"]);
    assert_eq!(second["spanId"], "326d7e0932083039");
    assert_eq!(second["startTimeUnixNano"], first["endTimeUnixNano"]);
    let second = attributes(second);
    assert_eq!(second["flow.reverse.packets.delta"], json!({ "intValue": "1" }));
    assert_eq!(second["flow.reverse.bytes.total"], json!({ "intValue": (32_768 + HEADERS + 10).to_string() }));
    assert_eq!(second.get("flow.tcp.rndtrip.latency"), None, "no request in this window");
    assert_eq!(second.get("flow.tcp.handshake.latency"), None, "no handshake in this window");
}

/// The examples are those of the documents, where these lie beside the repository.
#[test]
fn the_examples_are_those_of_the_documents() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/spec/seeds");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return say("*** NOT TESTED: examples against their documents, which are absent ***");
    };
    let documents: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    for (number, ..) in EXAMPLES {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let document = documents.iter().find(|path| name(path).starts_with(number)).unwrap();
        let text = std::fs::read_to_string(document).unwrap();
        assert!(text.contains(example(number).trim_end()), "{number} says something else");
    }
}
