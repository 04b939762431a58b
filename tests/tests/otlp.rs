//! Spans over OTLP, in receivers that are not ours: field by field what `--output json` of the same run says.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::ffi::OsString;
use std::time::Duration;

use flowtrace_tests::files::frames::{many_flows, pcap};
use flowtrace_tests::files::receiver::Receiver;
use flowtrace_tests::files::rotel::Rotel;
use flowtrace_tests::files::scenes::SCENES;
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::{corpus, is_ci, otlp, program, say};
use tempfile::TempDir;

/// How long the last span may take to come through.
const LIMIT: Duration = Duration::from_secs(20);

/// Our own captures, and one with more flows than a batch takes.
fn files(folder: &TempDir) -> Vec<OsString> {
    let scenes = SCENES.iter().map(|scene| (scene.name, scene.file()));
    let files = scenes.chain([("many", pcap(&many_flows(3_000)))]);
    let write = |(name, content)| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.into_os_string()
    };
    files.map(write).collect()
}

/// Sends the records of the files to `url` and returns them as they were written to standard output.
fn send(url: &str, more: &[&str], files: &[OsString]) -> Vec<Span> {
    let options = [&["read", "--output", "json", "--otlp", url, "--timeout", "active=5s"], more].concat();
    let options = options.into_iter().map(OsString::from);
    let run = program::run(&options.chain(files.iter().cloned()).collect::<Vec<_>>());
    let spans = Span::parse_all(run.text()).unwrap();
    assert!(run.stderr.contains(&format!("otlp: sent={} rejected=0", spans.len())), "{}", run.stderr);
    spans
}

#[test]
fn spans_arrive_unharmed() {
    let (receiver, folder) = (Receiver::start(), TempDir::new().unwrap());
    let mut files = files(&folder);
    files.extend(corpus::captures().into_iter().map(|capture| capture.path.into_os_string()));
    let written = send(&receiver.url(), &[], &files);
    assert!(written.len() > 3_000);
    let received = receiver.wait_for(written.len(), LIMIT);
    otlp::compare(&received, &written).unwrap();
    say(&format!("otlp: {} spans arrived unharmed in opentelemetry-proto's receiver", written.len()));
}

/// Rotel decodes the spans with its own code and passes them on; what it passes on is compared.
#[test]
fn spans_go_through_a_foreign_collector_unharmed() {
    let receiver = Receiver::start();
    let rotel = match Rotel::start(&receiver.url()) {
        Ok(rotel) => rotel,
        Err(why) => {
            say(&format!("NOT TESTED with a foreign OTLP collector: {why}"));
            assert!(!is_ci(), "{why}");
            return;
        }
    };
    let folder = TempDir::new().unwrap();
    let mut files = files(&folder);
    files.extend(corpus::captures().into_iter().map(|capture| capture.path.into_os_string()));
    let gzip = ["--otlp-compression", "gzip"];
    let rows: [(String, &[&str]); 4] = [
        (rotel.url(), &[]),
        (rotel.url(), &gzip),
        (rotel.http_url(), &["--otlp-protocol", "http/protobuf", "--otlp-compression", "gzip"]),
        (rotel.http_url(), &["--otlp-protocol", "http/json"]),
    ];
    for (url, more) in rows {
        let written = send(&url, more, &files);
        let received = receiver.wait_for(written.len(), LIMIT);
        let how = more.join(" ");
        otlp::compare(&received, &written).unwrap_or_else(|why| panic!("{how}: {why}\nrotel says: {}", rotel.log()));
        say(&format!("otlp: {} spans went through rotel unharmed {how}", written.len()));
    }
}

/// The comparison finds a changed field.
#[test]
fn harm_is_found() {
    let (receiver, folder) = (Receiver::start(), TempDir::new().unwrap());
    let file = files(&folder).swap_remove(0);
    let written = send(&receiver.url(), &[], &[file]);
    let received = receiver.wait_for(written.len(), LIMIT);
    assert_eq!(otlp::compare(&received, &written), Ok(()));
    let line = written[0].line.as_str();
    for (from, to) in [
        ("\"source.port\":40000", "\"source.port\":\"40000\""),
        ("\"kind\":\"CLIENT\"", "\"kind\":\"SERVER\""),
        ("\"flow.ip.ttl\":64,", ""),
        ("\"start_time_unix_nano\":\"17", "\"start_time_unix_nano\":\"18"),
        ("\"service.name\":\"flowtrace\"", "\"service.name\":\"x\""),
        ("[\"FIN\",", "["),
        ("\"attributes\"", "\"status\":{\"code\":2},\"attributes\""),
    ] {
        assert!(line.contains(from), "{from} in {line}");
        let harmed = Span::parse(&line.replacen(from, to, 1)).unwrap();
        assert!(otlp::compare(&received, &[harmed]).is_err(), "{from} → {to}");
    }
    assert!(otlp::compare(&[], &written).is_err());
}
