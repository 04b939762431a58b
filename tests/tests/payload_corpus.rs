//! Names that are learned of captures nobody here made, against what tshark reads in the same frames.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::{HashMap, HashSet};
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
const NOT_LEARNED: [(&str, usize, &str); 4] = [
    (
        "ipv6/mercury__unit_tests_pcaps_quic_reordered_frames.pcap",
        1,
        "the second ClientHello of a connection, behind a ChangeCipherSpec; the first was read",
    ),
    ("malformed/zeek__tunnels_geneve-vxlan-dns-truncated.pcap", 1, "the message is cut within its answers"),
    ("tcp/pcap-parser__assets_err-buffertoosmall.pcapng", 1, "the second ClientHello, as above"),
    ("tunnels/arkime__tests_pcap_arkime_synthetic.pcap", 1, "in a tunnel that is known by its source port only"),
];

static PORTS: Ports = Ports::DEFAULT;

/// What tshark says of a frame.
#[derive(Debug)]
struct Opinion {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    server_names: Vec<String>,
    /// Whether it sees a positive answer of port 53 to one question for addresses, which tells some.
    is_answer: bool,
    /// Whether it sees a ClientHello with a server name, and not of QUIC.
    is_hello: bool,
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
    let is_hello = udp.is_empty() && !server.is_empty();
    Some((
        number.parse().ok()?,
        Opinion { names: list(name), addresses, server_names: list(server), is_answer, is_hello },
    ))
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

/// The server names of a file when segments are put together.
fn server_names(path: &Path) -> HashSet<String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path).args(["-T", "fields", "-Y", "tls.handshake.type == 1"]);
    let output = command.args(["-e", "tls.handshake.extensions_server_name"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).lines().flat_map(|line| line.split(',')).map(str::to_lowercase).collect()
}

/// What is learned of each frame. None of a file without a packet of the ports that names come by: tshark is slow.
fn ours(path: &Path) -> Option<Vec<Option<Learned>>> {
    let mut reader = Reader::open(path).ok()?;
    let (mut walk, options) = (Walk::default(), Options { ports: &PORTS, depth: 4 });
    let (mut all, mut is_of_use) = (Vec::new(), false);
    while let Ok(Some(frame)) = reader.next() {
        let is_read = dissect(frame.bytes, frame.link, frame.wire_length, &options, &mut walk).is_ok();
        let payload = if is_read { payload(frame.bytes, &walk, 1) } else { None };
        let ports = [walk.packet.source_port, walk.packet.destination_port];
        is_of_use |= payload.is_some() || is_read && ports.iter().any(|port| [53, 443].contains(port));
        all.push(payload.and_then(|payload| learned(&payload)));
    }
    is_of_use.then_some(all)
}

/// How many names agree, what is wrong, and what is not learned.
#[derive(Default)]
struct Verdict {
    addresses: usize,
    server_names: usize,
    /// Of them, those of ClientHellos that are longer than their segment.
    cut: usize,
    wrong: Vec<String>,
    missed: Vec<String>,
}

fn judge(capture: &Capture) -> Verdict {
    let mut verdict = Verdict::default();
    let Some(ours) = ours(&capture.path) else { return verdict };
    let opinions = opinions(&capture.path);
    let mut whole = None;
    for (number, learned) in (1..).zip(ours) {
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
            // tshark waits for the rest, which is in other segments.
            (Some(Learned::ServerName(name)), None) => {
                verdict.server_names += 1;
                verdict.cut += 1;
                if !whole.get_or_insert_with(|| server_names(&capture.path)).contains(&*name) {
                    verdict.wrong.push(format!("{place}: {name}, which is nowhere in the file"));
                }
            }
            (Some(learned), None) => verdict.wrong.push(format!("{place}: {learned:?}, and tshark sees nothing")),
            (None, Some(opinion)) if opinion.is_answer || opinion.is_hello => {
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
    let (cut, missed) = (sum(|verdict| verdict.cut), sum(|verdict| verdict.missed.len()));
    say(&format!(
        "corpus: as tshark reads them: {addresses} addresses with names, {names} server names; {cut} ClientHellos of several segments; {missed} not learned"
    ));
    let mut differ = Vec::new();
    for (capture, verdict) in captures.iter().zip(&verdicts) {
        let listed = NOT_LEARNED.iter().find(|(file, _, _)| *file == capture.name).map_or(0, |(_, count, _)| *count);
        if verdict.missed.len() != listed {
            differ.push(format!(
                "{}: {} not learned; {}",
                capture.name,
                verdict.missed.len(),
                verdict.missed.join("; ")
            ));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(captures.is_empty() || addresses > 100 && names > 20);
}
