//! Spans over OTLP in all its forms, in a receiver in Python: what it decoded is what `--output json` of the same run says.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

use flowtrace_tests::files::frames::{many_flows, pcap};
use flowtrace_tests::files::python::{Arrived, PythonReceiver};
use flowtrace_tests::files::scenes::SCENES;
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::{is_ci, program, say};
use tempfile::TempDir;

/// How long the last span may take to come through.
const LIMIT: Duration = Duration::from_secs(20);
/// `--otlp-protocol`, `--otlp-compression`, and how the receiver says that it came. Python's grpcio has no zstd.
const WAYS: [[&str; 3]; 8] = [
    ["grpc", "none", "grpc"],
    ["grpc", "gzip", "grpc"],
    ["http/protobuf", "none", "application/x-protobuf identity"],
    ["http/protobuf", "gzip", "application/x-protobuf gzip"],
    ["http/protobuf", "zstd", "application/x-protobuf zstd"],
    ["http/json", "none", "application/json identity"],
    ["http/json", "gzip", "application/json gzip"],
    ["http/json", "zstd", "application/json zstd"],
];

/// `None`, loudly, where there can be none; in CI there must.
fn receiver() -> Option<PythonReceiver> {
    PythonReceiver::start()
        .inspect_err(|why| {
            say(&format!("NOT TESTED with an OTLP receiver in Python: {why}"));
            assert!(!is_ci(), "{why}");
        })
        .ok()
}

/// Our own captures, and one with more flows than a batch takes.
fn files(folder: &TempDir) -> Vec<OsString> {
    let scenes = SCENES.iter().map(|scene| (scene.name, scene.file()));
    let files = scenes.chain([("many", pcap(&many_flows(1_500)))]);
    let write = |(name, content)| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.into_os_string()
    };
    files.map(write).collect()
}

/// Sends the records of the files and returns them as they were written to standard output.
fn send(url: &str, protocol: &str, compression: &str, files: &[OsString]) -> Vec<Span> {
    let options = ["read", "--output", "json", "--otlp", url, "--timeout", "active=5s"];
    let more = ["--otlp-protocol", protocol, "--otlp-compression", compression];
    let options = options.into_iter().chain(more).map(OsString::from);
    let run = program::run(&options.chain(files.iter().cloned()).collect::<Vec<_>>());
    let spans = Span::parse_all(run.text()).unwrap();
    assert!(run.stderr.contains(&format!("otlp: sent={} rejected=0", spans.len())), "{}", run.stderr);
    spans
}

/// The first span that differs, in any field, or in the order of attributes.
fn compare(how: &str, arrived: &[Arrived], written: &[Span]) -> Result<(), String> {
    let id = |span: &Span| span.field("span_id").unwrap_or_default().to_owned();
    let found: HashMap<_, _> = arrived.iter().map(|(how, span)| (id(span), (how.as_str(), span))).collect();
    if (arrived.len(), found.len()) != (written.len(), written.len()) {
        return Err(format!("{} spans of {} ids came, {} were written", arrived.len(), found.len(), written.len()));
    }
    for span in written {
        let (came, other) = found.get(&id(span)).ok_or_else(|| format!("did not arrive: {}", span.line))?;
        let is_same = other.attributes == span.attributes
            && other.resource == span.resource
            && other.fields == span.fields
            && *came == how;
        if !is_same {
            return Err(format!("{came}: got {}\nwant {}", other.line, span.line));
        }
    }
    Ok(())
}

#[test]
fn a_receiver_in_python_decodes_every_form_of_otlp_into_what_json_output_says() {
    let Some(receiver) = receiver() else { return };
    let folder = TempDir::new().unwrap();
    let files = files(&folder);
    for [protocol, compression, how] in WAYS {
        let url = if protocol == "grpc" { receiver.url() } else { receiver.http_url() };
        let written = send(&url, protocol, compression, &files);
        assert!(written.len() > 1_500);
        let arrived = receiver.wait_for(written.len(), LIMIT).unwrap();
        compare(how, &arrived, &written).unwrap_or_else(|why| panic!("{protocol} {compression}: {why}"));
        say(&format!("otlp: {} spans arrived unharmed in Python over {protocol} {compression}", written.len()));
    }
    assert_eq!(receiver.end(), "", "it complains about nothing");
}

#[test]
fn harm_on_the_way_to_python_is_found() {
    let Some(receiver) = receiver() else { return };
    let folder = TempDir::new().unwrap();
    let file = files(&folder).swap_remove(0);
    let written = send(&receiver.url(), "grpc", "none", &[file]);
    let arrived = receiver.wait_for(written.len(), LIMIT).unwrap();
    assert_eq!(compare("grpc", &arrived, &written), Ok(()));
    assert!(compare("application/json gzip", &arrived, &written).is_err(), "the way is compared");
    for (from, to) in [
        ("\"source.port\":40000", "\"source.port\":\"40000\""),
        ("\"kind\":\"CLIENT\"", "\"kind\":\"SERVER\""),
        ("\"flow.ip.ttl\":64,", ""),
        ("\"service.name\":\"flowtrace\"", "\"service.name\":\"x\""),
        ("[\"FIN\",", "["),
    ] {
        let line = written[0].line.as_str();
        assert!(line.contains(from), "{from} in {line}");
        let mut harmed = Span::parse_all(&written.iter().map(|span| span.line.as_str()).collect::<Vec<_>>().join("\n"));
        harmed.as_mut().unwrap()[0] = Span::parse(&line.replacen(from, to, 1)).unwrap();
        assert!(compare("grpc", &arrived, &harmed.unwrap()).is_err(), "{from} → {to}");
    }
}
