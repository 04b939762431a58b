//! `--output text`: what a line says, and that lines stay aligned.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod records;

use std::sync::Arc;

use flowtrace_flow::workload::{Container, Entity, Workload};
use flowtrace_flow::{Party, Record};
use flowtrace_span::Text;
use proptest::prelude::*;

fn lines(colour: bool, records: &[Record]) -> Vec<String> {
    let (mut text, mut out) = (Text::new(colour), Vec::new());
    for record in records {
        text.write(record, &mut out);
    }
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_line_says_what_happened() {
    let expected = [
        "TIME         DURATION  PROTOCOL                  SOURCE   DESTINATION             PKTS→   PKTS←   BYTES→   BYTES←  FLAGS       END",
        "22:13:21.204   1.204s  tcp              192.0.2.1:51234 → 198.51.100.7:443           12      10    1.2kB   34.5kB  FSPA/FSPA   closed",
        "22:13:20.000     85µs  tcp              192.0.2.1:51234 → 198.51.100.7:443            1       1      60B      40B  S/RA        closed refused",
        "22:14:20.000    1m00s  udp        [2001:db8:1234:5678:9abc:def0:1234:5678]:40000 → [2001:db8::53]:53      100.0k       0  123.4MB       0B              active",
        "22:13:21.204   1.204s  icmp                                            192.0.2.1 → 192.0.2.2                   3       3     252B     252B              idle",
        "22:13:20.000        0  253                                             192.0.2.1 ↔ 192.0.2.2                   1       0      20B       0B              evicted",
        "22:13:21.204   1.204s  tcp                                       192.0.2.1:51234 → 198.51.100.7:443           12      10    1.2kB   34.5kB  FSPA/FSPA   closed in vlan 100.7, vxlan 42",
        "22:13:20.000        0  esp                                             192.0.2.1 ↔ 192.0.2.2                   1       0      20B       0B              evicted in vlan 0, ipip",
        "22:13:21.204   1.204s  udp                                       192.0.2.1:51234 → 192.0.2.2:4789             12      10    1.8kB   35.0kB              closed outer",
        "22:13:21.204   1.204s  tcp                                       192.0.2.1:51234 → 198.51.100.7:443           12      10    1.2kB   34.5kB  FSPA/FSPA   closed from curl[4242] to nginx[4711]@web-1 (www.example.org)",
        "22:13:21.204   1.204s  tcp                                       192.0.2.1:51234 → 198.51.100.7:443           12      10    1.2kB   34.5kB  FSPA/FSPA   closed from client-namespace/client-pod(curl[4242]@client-container) to server-namespace/server-pod(nginx[4711]@server-container) (www.example.org)",
    ];
    let lines = lines(false, &records::table());
    assert_eq!(lines, expected, "\n{}", lines.join("\n"));
}

/// Who an end is: the pod, else the service, else the node; then process and container.
#[test]
fn an_end_in_kubernetes_is_its_pod_or_service_or_node() {
    for (without, expected) in [
        ("", "closed to prod/web-abc(nginx[4711]@app)"),
        ("process", "closed to prod/web-abc"),
        ("container", "closed to prod/web-abc(nginx[4711]@web-1)"),
        ("pod", "closed to service prod/web(nginx[4711]@app)"),
        ("pod process", "closed to service prod/web"),
        ("pod service process", "closed to node worker-1"),
        ("pod service node", "closed to nginx[4711]@app"),
        ("pod service node process", "closed"),
    ] {
        let line = line_of_end(without, None);
        assert!(line.ends_with(expected), "without {without}: {line}");
    }
}

/// A name that says no more than the pod's is left out.
#[test]
fn names_of_addresses_follow_where_they_say_more() {
    for (name, is_said) in [
        ("web-abc", false),
        ("web-abc.prod", false),
        ("web-abc.prod.svc.cluster.local", false),
        ("web-abc.other", true),
        ("web-abcd.prod", true),
        ("www.example.org", true),
    ] {
        let line = line_of_end("process", Some(name));
        let expected =
            if is_said { format!("closed to prod/web-abc ({name})") } else { "closed to prod/web-abc".into() };
        assert!(line.ends_with(&expected), "{line}");
    }
    assert!(line_of_end("pod service node process", Some("www.example.org")).ends_with("closed to www.example.org"));
}

/// The line of a record whose destination is a process in a pod behind a service, but for these.
fn line_of_end(without: &str, name: Option<&str>) -> String {
    let has = |what: &str| !without.split(' ').any(|absent| absent == what);
    let entity = |name: &str, namespace: Option<&str>| {
        let namespace = namespace.map(Into::into);
        Some(Arc::new(Entity { name: name.into(), namespace, uid: None, labels: [].into(), annotations: [].into() }))
    };
    let container = Container { name: "app".into(), image: "app:1".into() };
    let workload = Workload {
        node: entity("worker-1", None).filter(|_| has("node")),
        pod: entity("web-abc", Some("prod")).filter(|_| has("pod")),
        service: entity("web", Some("prod")).filter(|_| has("service")),
        container: Some(Arc::new(container)).filter(|_| has("container")),
        ..Workload::default()
    };
    let mut record = records::known();
    let who = record.who.as_mut().unwrap();
    who.source = Party::default();
    who.destination.name = name.map(Into::into);
    who.destination.workload = Some(Arc::new(workload));
    who.destination.process.take_if(|_| !has("process"));
    lines(false, &[record]).pop().unwrap()
}

/// The text without `ESC [ … m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('m').unwrap().1)
}

#[test]
fn colours_add_nothing_but_colours() {
    let (plain, coloured) = (lines(false, &records::table()), lines(true, &records::table()));
    assert_ne!(plain, coloured);
    assert_eq!(plain, coloured.iter().map(|line| without_colours(line)).collect::<Vec<_>>());
    assert!(coloured[2].contains("\x1b[31mrefused"));
}

proptest! {
    #[test]
    fn lines_hold_no_control_characters_and_stay_aligned(
        records in proptest::collection::vec(records::any_record(), 1..6),
    ) {
        let mut text = Text::new(false);
        // The widest addresses first: from then on nothing moves.
        text.write(&records::udp6(), &mut Vec::new());
        for record in &records {
            let mut line = Vec::new();
            text.write(record, &mut line);
            let line = String::from_utf8(line).unwrap();
            prop_assert_eq!(line.find(char::is_control), Some(line.len() - 1));
            prop_assert!(line.chars().filter(|char| "→←↔".contains(*char)).count() == 1);
        }
    }
}
