//! Names that are learned of captures nobody here made, against what tshark reads in the same frames.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use flowtrace_capture::file::Reader;
use flowtrace_payload::{Learned, learned, payload};
use flowtrace_tests::files::corpus::{Capture, captures};
use flowtrace_tests::files::{each, is_ci, say};
use flowtrace_wire::{Options, Ports, Walk, dissect};

/// Nothing is put together that was sent in parts.
const OPTIONS: [&str; 4] = [
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "tls.desegment_ssl_records:FALSE",
];

/// What is asked, in this order.
const FIELDS: [&str; 12] = [
    "frame.number",
    "udp.srcport",
    "tcp.srcport",
    "dns.flags.rcode",
    "dns.qry.name",
    "dns.qry.type",
    "dns.count.queries",
    "dns.a",
    "dns.aaaa",
    "dns.svcb.svcparam.ipv4hint.ip",
    "dns.svcb.svcparam.ipv6hint.ip",
    "tls.handshake.extensions_server_name",
];

/// Frames with addresses or a name in tshark's eyes, of which nothing is learned, and why.
const NOT_LEARNED: [(&str, usize, &str); 0] = [];

static PORTS: Ports = Ports::DEFAULT;

/// What tshark says of a frame.
#[derive(Debug)]
struct Opinion {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    server_names: Vec<String>,
    /// Whether it sees a positive answer of port 53 to one question for addresses, which tells some.
    is_answer: bool,
}

fn parse(line: &str) -> Option<(u64, Opinion)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [number, udp, tcp, rcode, name, kind, queries, v4, v6, hint4, hint6, server] = fields.try_into().ok()?;
    let list = |text: &str| -> Vec<String> {
        text.split(',').filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let addresses: Vec<IpAddr> =
        [v4, v6, hint4, hint6].iter().flat_map(|text| list(text)).filter_map(|word| word.parse().ok()).collect();
    let asks = ["1", "28", "64", "65"].contains(&kind);
    let is_from_53 = udp.rsplit(',').next() == Some("53") || tcp.rsplit(',').next() == Some("53");
    let is_answer = is_from_53 && rcode == "0" && queries == "1" && asks && !addresses.is_empty();
    Some((number.parse().ok()?, Opinion { names: list(name), addresses, server_names: list(server), is_answer }))
}

fn opinions(path: &Path) -> HashMap<u64, Opinion> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).args(["-T", "fields", "-E", "occurrence=a", "-E", "separator=/t"]);
    command.args(["-Y", "dns.flags.response == 1 or tls.handshake.type == 1"]);
    command.args(OPTIONS.iter().flat_map(|option| ["-o", option]));
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().filter_map(parse).collect()
}

/// What is learned of each frame.
fn ours(path: &Path) -> Vec<(u64, Option<Learned>)> {
    let mut learned_of = Vec::new();
    let Ok(mut reader) = Reader::open(path) else { return learned_of };
    let (mut walk, options) = (Walk::default(), Options { ports: &PORTS, depth: 4 });
    let mut number = 0;
    while let Ok(Some(frame)) = reader.next() {
        number += 1;
        let is_read = dissect(frame.bytes, frame.link, frame.wire_length, &options, &mut walk).is_ok();
        let learned = if is_read { payload(frame.bytes, &walk, 1).and_then(|payload| learned(&payload)) } else { None };
        learned_of.push((number, learned));
    }
    learned_of
}

/// How many names agree, what is wrong, and what is not learned.
#[derive(Default)]
struct Verdict {
    addresses: usize,
    server_names: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
}

fn judge(capture: &Capture) -> Verdict {
    let opinions = opinions(&capture.path);
    let mut verdict = Verdict::default();
    for (number, learned) in ours(&capture.path) {
        let opinion = opinions.get(&number);
        let place = format!("{} frame {number}", capture.name);
        match (learned, opinion) {
            (Some(Learned::Addresses(answers)), Some(opinion)) => {
                let is_right = answers.iter().all(|(address, name, _)| {
                    opinion.names.iter().any(|asked| asked.ends_with(&**name)) && opinion.addresses.contains(address)
                });
                verdict.addresses += answers.len();
                if !is_right {
                    verdict.wrong.push(format!("{place}: {answers:?} {opinion:?}"));
                }
            }
            (Some(Learned::ServerName(name)), Some(opinion)) => {
                verdict.server_names += 1;
                if !opinion.server_names.iter().any(|other| **other == *name) {
                    verdict.wrong.push(format!("{place}: {name} {opinion:?}"));
                }
            }
            (Some(learned), None) => verdict.wrong.push(format!("{place}: {learned:?}, and tshark sees nothing")),
            (None, Some(opinion)) if opinion.is_answer || !opinion.server_names.is_empty() => {
                verdict.missed.push(format!("{place}: {opinion:?}"));
            }
            (None, _) => {}
        }
    }
    verdict
}

#[test]
fn names_are_those_that_tshark_reads() {
    if let Err(error) = Command::new("tshark").arg("--version").output() {
        say(&format!("NOT TESTED against tshark: {error}"));
        assert!(!is_ci(), "tshark is needed");
        return;
    }
    let captures = captures();
    let verdicts = each(&captures, judge);
    let wrong: Vec<_> = verdicts.iter().flat_map(|verdict| verdict.wrong.iter().cloned()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>();
    let (addresses, names) = (sum(|verdict| verdict.addresses), sum(|verdict| verdict.server_names));
    let missed = sum(|verdict| verdict.missed.len());
    say(&format!(
        "corpus: {addresses} addresses with names and {names} server names as tshark reads them, {missed} not learned"
    ));
    for (capture, verdict) in captures.iter().zip(&verdicts) {
        let listed = NOT_LEARNED.iter().find(|(file, _, _)| *file == capture.name).map_or(0, |(_, count, _)| *count);
        assert_eq!(verdict.missed.len(), listed, "{}", verdict.missed.join("\n"));
    }
    assert!(captures.is_empty() || addresses > 100 && names > 20);
}
