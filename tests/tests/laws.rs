//! The laws of the semantics, on every record of every capture: of our own, and of the corpus where it is there.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;
use std::path::Path;

use flowtrace_tests::files::corpus::{Capture, captures};
use flowtrace_tests::files::laws::{Active, COUNTERS, check};
use flowtrace_tests::files::program::{self, Ended};
use flowtrace_tests::files::scenes::SCENES;
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::summary::Summary;
use flowtrace_tests::files::{each, say};
use jsonschema::Validator;

/// Options of the runs, and how long a window lasts with them, in nanoseconds.
const RUNS: [(&[&str], u64); 2] =
    [(&["--output", "json"], 60_000_000_000), (&["--output", "json", "--timeout", "active=1s"], 1_000_000_000)];

/// Files of which tshark counts other frames than there are packets.
const EXPLAINED: [(&str, u64, &str); 7] = [
    ("formats/gopacket__pcapgo_tests_be_test018.pcapng", 4, CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_be_test102.pcapng", 5, CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_be_test202.pcapng", 8, CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_le_test018.pcapng", 4, CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_le_test102.pcapng", 5, CUSTOM_BLOCKS),
    ("formats/gopacket__pcapgo_tests_le_test202.pcapng", 8, CUSTOM_BLOCKS),
    ("malformed/tcpdump__tests_frf16_magic_ie-oobr.pcap", 1, "tshark does not read this link type at all"),
];
const CUSTOM_BLOCKS: &str = "tshark counts pcapng custom blocks, which are no packets";

/// Packets in the file.
fn packets(capture: &Capture) -> u64 {
    let explained = EXPLAINED.iter().find(|(name, ..)| *name == capture.name);
    explained.map_or_else(|| capture.frames(), |(_, packets, _)| *packets)
}

fn schema() -> Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/flow-span.schema.json");
    let schema = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The records of both runs, which obey the laws, and the summary.
fn lawful(path: &Path, schema: &Validator) -> Vec<(Vec<Span>, Summary)> {
    let run = |(options, active): (&[&str], u64)| {
        let Ended { code, stdout, stderr } = program::read(options, path);
        assert!(matches!(code, 0 | 1 | 3), "{}: status {code}: {stderr}", path.display());
        let spans = Span::parse_all(std::str::from_utf8(&stdout).unwrap()).unwrap();
        let summary = Summary::parse(&stderr).unwrap();
        check(&spans, &summary, Active(active))
            .unwrap_or_else(|error| panic!("{} with {options:?}: {error}", path.display()));
        for span in &spans {
            let value = serde_json::from_str(&span.line).unwrap();
            let error = schema.iter_errors(&value).map(|error| error.to_string()).next();
            assert_eq!(error, None, "{}: {}", path.display(), span.line);
        }
        (spans, summary)
    };
    RUNS.into_iter().map(run).collect()
}

/// What was counted, by trace, community id and source: it does not depend on where windows are cut.
fn sums(spans: &[Span]) -> BTreeMap<[String; 3], [u64; COUNTERS.len()]> {
    let mut sums = BTreeMap::<_, [u64; COUNTERS.len()]>::new();
    for span in spans {
        let trace = span.field("trace_id").unwrap_or_default();
        let key = [trace, span.text("flow.community_id"), span.text("source.address")].map(str::to_owned);
        let entry = sums.entry(key).or_default();
        for (sum, name) in entry.iter_mut().zip(COUNTERS) {
            *sum += span.count(&format!("{name}.delta"));
        }
    }
    sums
}

fn check_capture(capture: &Capture, schema: &Validator) -> (usize, bool) {
    let runs = lawful(&capture.path, schema);
    let (default, short) = (&runs[0], &runs[1]);
    assert_eq!(default.1.flows, short.1.flows, "{}: flows", capture.name);
    assert_eq!(default.1.losses, short.1.losses, "{}: losses", capture.name);
    assert_eq!(sums(&default.0), sums(&short.0), "{}: sums", capture.name);
    let counted = default.1.packets + default.1.lost();
    (default.0.len() + short.0.len(), counted == packets(capture))
}

/// Every packet of a file is in a record or in a loss.
#[test]
fn laws_hold_on_the_corpus() {
    let (captures, schema) = (captures(), schema());
    let results = each(&captures, |capture| check_capture(capture, &schema));
    let records: usize = results.iter().map(|(records, _)| records).sum();
    say(&format!("laws: {records} records of {} files", captures.len()));
    let odd: Vec<_> =
        captures.iter().zip(&results).filter(|(_, (_, whole))| !whole).map(|(file, _)| &file.name).collect();
    assert!(odd.is_empty(), "neither counted nor lost: packets of {odd:#?}");
}

#[test]
fn laws_hold_on_our_own_captures() {
    let schema = schema();
    let folder = tempfile::tempdir().unwrap();
    for scene in SCENES {
        let path = folder.path().join(scene.name);
        std::fs::write(&path, scene.file()).unwrap();
        lawful(&path, &schema);
    }
}

/// Each law finds its breach.
#[test]
fn breaches_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("capture");
    let scene = SCENES.iter().find(|scene| scene.name == "active_cut").unwrap();
    std::fs::write(&path, scene.file()).unwrap();
    let run = program::read(RUNS[0].0, &path);
    let (output, summary) = (run.text(), Summary::parse(&run.stderr).unwrap());
    let judge = |output: &str| Span::parse_all(output).and_then(|spans| check(&spans, &summary, Active(RUNS[0].1)));
    assert_eq!(judge(output), Ok(()));
    for (from, to) in [
        ("\"kind\":\"CLIENT\"", "\"kind\":\"SERVER\""),
        ("\"end_time_unix_nano\":\"1700000059", "\"end_time_unix_nano\":\"1700000061"),
        ("\"start_time_unix_nano\":\"1700000059", "\"start_time_unix_nano\":\"1700000058"),
        ("\"flow.packets.total\":150", "\"flow.packets.total\":149"),
        ("\"flow.packets.delta\":75", "\"flow.packets.delta\":74"),
        ("flow_ipv4_udp", "flow_ipv6_udp"),
        ("\"flow.end_reason\":\"forced_end\"", "\"flow.end_reason\":\"active_timeout\""),
        ("\"client.port\":50003,", ""),
        ("\"flow.ip.ttl\":64,", ""),
        ("\"trace_id\":\"", "\"trace_id\":\"A"),
        ("\"destination.port\":7", "\"destination.port\":8"),
        ("\"flow.direction\":\"forward\"", "\"flow.direction\":\"reverse\""),
    ] {
        assert!(output.contains(from), "{from}");
        assert!(judge(&output.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
    let without_last = output.trim_end().rsplit_once('\n').unwrap().0;
    assert!(judge(without_last).is_err());
}
