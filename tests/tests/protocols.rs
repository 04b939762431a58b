//! A capture of every protocol, and what the program must read from it.
//!
//! The captures are made by code and committed, so that they can be looked at with other programs; a test makes them
//! again. What must be read is told by hand beside each capture (`src/craft/scenes`).

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use flowtrace_tests::craft::capture::Capture;
use flowtrace_tests::craft::captures;
use flowtrace_tests::craft::expect::{Flow, is_told};
use flowtrace_tests::craft::link::linktype;
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::summary::Summary;
use flowtrace_tests::files::{each, program};
use serde_json::Value;

fn path(capture: &Capture) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(capture.group);
    folder.join(format!("{}.pcap", capture.name))
}

#[test]
fn captures_are_what_the_code_makes() {
    let captures = captures();
    let names: BTreeSet<_> = captures.iter().map(path).collect();
    assert_eq!(names.len(), captures.len(), "a name twice");
    let stale = captures.iter().filter(|capture| std::fs::read(path(capture)).ok() != Some(capture.file()));
    let repaired: Vec<_> = stale.map(|capture| (capture.name, std::fs::write(path(capture), capture.file()))).collect();
    assert!(repaired.is_empty(), "captures were not up to date and have been written again: {repaired:?}");
    let groups: BTreeSet<_> = captures.iter().map(|capture| path(capture).parent().unwrap().to_owned()).collect();
    let there = groups.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let left: Vec<_> = there.filter(|path| !names.contains(path)).collect();
    assert!(left.is_empty(), "captures that nothing makes: {left:?}");
}

/// Every flow, its counts, and all attributes of what is around it.
#[test]
fn flows_are_as_told() {
    let captures = captures();
    let wrong: Vec<_> = each(&captures, compare).into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{} of {} captures:\n{}", wrong.len(), captures.len(), wrong.join("\n"));
}

/// What is not as told.
fn compare(capture: &Capture) -> Option<String> {
    let run = program::read(&["--output", "json"], &path(capture));
    let mut wrong = Vec::new();
    if run.code != 0 {
        wrong.push(format!("exit status {}: {}", run.code, run.stderr));
    }
    let mut spans = Span::parse_all(run.text()).unwrap();
    for flow in &capture.flows {
        match spans.iter().position(|span| is_of(span, flow)) {
            Some(at) => wrong.extend(differences(&spans.swap_remove(at), flow, capture)),
            None => wrong.push(format!("no flow {}", name(flow))),
        }
    }
    wrong.extend(spans.iter().map(|span| format!("a flow that is not told: {}", shown(span))));
    let lost = Summary::parse(&run.stderr).map(|summary| summary.lost());
    let in_flows: u64 = capture.flows.iter().map(|flow| flow.there[0] + flow.back[0]).sum();
    let not_in_flows = capture.frames.len() as u64 - in_flows;
    if lost != Ok(not_in_flows) {
        wrong.push(format!("{not_in_flows} packets are in no flow, not {lost:?}"));
    }
    (!wrong.is_empty()).then(|| format!("{}/{}:\n  {}", capture.group, capture.name, wrong.join("\n  ")))
}

fn name(flow: &Flow) -> String {
    format!("{} {:?} {:?}", flow.transport, flow.ends, flow.ports)
}

fn shown(span: &Span) -> String {
    let keys = ["source.address", "source.port", "destination.address", "destination.port", "flow.packets.delta"];
    let values = keys.map(|key| span.attribute(key).map_or_else(|| "-".to_owned(), Value::to_string));
    format!("{} {}", span.text("network.transport"), values.join(" "))
}

fn is_of(span: &Span, flow: &Flow) -> bool {
    let ports = ["source.port", "destination.port"].map(|key| span.number(key));
    span.text("network.transport") == flow.transport
        && ["source.address", "destination.address"].map(|key| span.text(key).to_owned())
            == flow.ends.map(|address| address.to_string())
        && ports == flow.ports.map_or([None; 2], |ports| ports.map(|port| Some(u64::from(port))))
}

fn differences(span: &Span, flow: &Flow, capture: &Capture) -> Vec<String> {
    let is_ethernet = capture.link == linktype::ETHERNET;
    let told = flow.told(is_ethernet);
    let differs = |(key, value): &(String, Value)| {
        let is = span.attribute(key);
        let agrees = if value.is_null() { is.is_some() } else { is == Some(value) };
        (!agrees).then(|| format!("{}: {key} is {is:?}, not {value}", name(flow)))
    };
    let more = span
        .attributes
        .iter()
        .filter(|(key, _)| is_told(key, is_ethernet) && told.iter().all(|(known, _)| known != key));
    let more = more.map(|(key, value)| format!("{}: {key} is {value}, and should not be there", name(flow)));
    told.iter().filter_map(differs).chain(more).collect()
}
