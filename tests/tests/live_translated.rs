//! One connection through address translation is one flow: named as its initiator sees it, counted once, with the other
//! side's addresses, and of the same trace as at the other host.
#![allow(clippy::print_stdout, reason = "of a test that fails one wants to see what it saw")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowtrace_tests::count::Count;
use flowtrace_tests::record::Record;
use flowtrace_tests::tools::require_live;
use flowtrace_tests::traffic;
use flowtrace_tests::translated::{ASKED, Arrivals, GATEWAY, Router, SERVICE, Talk, translate};
use flowtrace_tests::truth::Kind;
use flowtrace_tests::watch::{Said, Watch};

/// A way to translate: rules of nftables (`V`: the service, `B`: the server, `A`: the client), and what comes of them.
struct Case {
    name: &'static str,
    rules: &'static [(&'static str, &'static str)],
    /// Which address is asked: the service's, or the server's.
    asks_service: bool,
    /// The server's ports.
    ports: [u16; 2],
    /// Whether the server sees the node's address in place of the client's.
    is_masqueraded: bool,
}

const CASES: [Case; 4] = [
    Case {
        name: "to a backend",
        rules: &[("before", "IP daddr V dnat to B")],
        asks_service: true,
        ports: ASKED,
        is_masqueraded: false,
    },
    Case {
        name: "masquerade",
        rules: &[("after", "IP daddr B masquerade")],
        asks_service: false,
        ports: ASKED,
        is_masqueraded: true,
    },
    Case {
        name: "both, and the ports",
        rules: &[
            ("before", "IP daddr V tcp dport 7000 dnat to [B]:7100"),
            ("before", "IP daddr V udp dport 7001 dnat to [B]:7101"),
            ("before", "IP daddr V dnat to B"),
            ("after", "IP daddr B masquerade"),
        ],
        asks_service: true,
        ports: [7100, 7101],
        is_masqueraded: true,
    },
    Case {
        name: "the ports alone",
        rules: &[
            ("before", "IP daddr B tcp dport 7000 dnat to :7100"),
            ("before", "IP daddr B udp dport 7001 dnat to :7101"),
        ],
        asks_service: false,
        ports: [7100, 7101],
        is_masqueraded: false,
    },
];

/// Rules with addresses in them.
fn rules(case: &Case, router: &Router, version: usize) -> Vec<(&'static str, String)> {
    let [client, server] = router.pods().map(|pod| pod.addresses[version].to_string());
    let address = |rule: &str| {
        let rule = if version == 0 { rule.replace("[B]", "B") } else { rule.to_owned() };
        let words = rule.split(' ').map(|word| match word {
            "V" => SERVICE[version].to_owned(),
            "A" => client.clone(),
            word => word.replace('B', &server),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    case.rules.iter().map(|(chain, rule)| (*chain, address(rule))).collect()
}

fn apply(router: &Router, version: usize, rules: &[(&'static str, String)]) {
    let rules: Vec<(&str, &str)> = rules.iter().map(|(chain, rule)| (*chain, rule.as_str())).collect();
    translate(router.node(), version, &rules);
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// How many connections there are of each kind.
const FLOWS: [(Kind, usize); 3] = [(Kind::Tcp, 12), (Kind::Udp, 5), (Kind::Echo, 1)];

fn talk(talk: &Talk<'_>) {
    talk.connections([1 << 19].into_iter().chain((0..11).map(|number| 100 * number)));
    talk.datagrams(FLOWS[1].1);
    talk.pings();
}

/// In what the records of a node differ from one flow for each connection, counted once.
fn differences(said: &Said, asked: IpAddr, version: usize, arrivals: &Arrivals<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (kind, expected) in FLOWS {
        let of_kind = |record: &&Record| record.kind == kind && record.ends[0].is_ipv4() == (version == 0);
        let records: Vec<&Record> = said.records.iter().filter(of_kind).collect();
        let flows = records.iter().filter(|record| record.parent.is_none()).count();
        if flows != expected || records.iter().any(|record| record.ends[1] != asked) {
            let ends: Vec<_> = records.iter().map(|record| (record.ends, record.ports)).collect();
            wrong.push(format!("{kind:?}: {flows} flows, not {expected}: {ends:?}"));
        }
        let counted = [0, 1].map(|way| records.iter().map(|record| record.ways[way]).sum::<Count>());
        let truth = arrivals.read(kind, version);
        println!("{kind:?}: {counted:?}");
        if counted != truth || truth[0].packets == 0 {
            wrong.push(format!("{kind:?}: {counted:?}, truth {truth:?}"));
        }
    }
    wrong
}

/// What the records say of the other side.
fn check_other_side(records: &[Record], source: Option<IpAddr>, destination: IpAddr, ports: [u16; 2]) {
    for record in records.iter().filter(|record| record.kind != Kind::Other) {
        let text = |name| record.text(name).map(address);
        assert_eq!(text("flow.nat.source.address"), Some(source.unwrap_or(record.ends[0])), "{}", record.json);
        assert_eq!(text("flow.nat.destination.address"), Some(destination), "{}", record.json);
        let port = match record.kind {
            Kind::Tcp => Some(ports[0]),
            Kind::Udp => Some(ports[1]),
            _ => None,
        };
        assert_eq!(record.number("flow.nat.destination.port"), port.map(u64::from), "{}", record.json);
        assert_eq!(record.number("flow.nat.source.port").is_some(), port.is_some(), "{}", record.json);
    }
}

/// Traces of the kinds that are sent.
fn traces(said: &Said) -> BTreeSet<&str> {
    said.records.iter().filter(|record| record.kind != Kind::Other).map(|record| record.trace.as_str()).collect()
}

#[test]
fn a_translated_connection_is_one_flow_at_the_router() {
    let Some(_alone) = require_live() else { return };
    for (case, version) in CASES.iter().flat_map(|case| [(case, 0), (case, 1)]) {
        let router = Router::new();
        apply(&router, version, &rules(case, &router, version));
        let [client, server] = router.pods();
        let arrivals = Arrivals::count([client, server], version);
        let bound = server.addresses[version];
        let asked = if case.asks_service { address(SERVICE[version]) } else { bound };
        let watches = [router.node(), &client.namespace, &server.namespace].map(|place| Watch::start(place, &[]));
        talk(&Talk { client: &client.namespace, server: &server.namespace, asked, bound, ports: case.ports });
        traffic::settle();
        let said = watches.map(Watch::stop);
        let [at_node, at_client, at_server] = &said;
        said.iter().for_each(Said::check);
        let name = format!("{}, {version}", case.name);
        println!("{name}: {:?}", at_node.lines);
        // Without ports there is nothing to translate of a ping.
        let pings = !case.asks_service && !case.is_masqueraded;
        let wrong = differences(at_node, asked, version, &arrivals);
        assert!(wrong.is_empty(), "{name}: {wrong:#?}\n{:?}", at_node.lines);
        let source = case.is_masqueraded.then(|| address(GATEWAY[version]));
        let translated: Vec<Record> =
            at_node.records.iter().filter(|record| !pings || record.kind != Kind::Echo).cloned().collect();
        check_other_side(&translated, source, bound, case.ports);
        // What is behind the translation: the servers, if there is one of addresses or ports that are asked.
        let behind = if case.asks_service || pings { at_server } else { at_client };
        assert_eq!(traces(at_node), traces(behind), "{name}");
    }
}

/// A pod that reaches itself through its service.
#[test]
fn hairpin_is_one_flow() {
    let Some(_alone) = require_live() else { return };
    for version in 0..2 {
        let router = Router::new();
        let [client, server] = router.pods();
        let own = client.addresses[version];
        let there = format!("IP daddr {} dnat to {own}", SERVICE[version]);
        let back = format!("IP saddr {own} IP daddr {own} snat to {}", GATEWAY[version]);
        apply(&router, version, &[("before", there), ("after", back)]);
        let arrivals = Arrivals::count([client, server], version);
        let asked = address(SERVICE[version]);
        let watch = Watch::start(router.node(), &[]);
        let pod = &client.namespace;
        Talk { client: pod, server: pod, asked, bound: own, ports: ASKED }
            .connections((0..12).map(|length| 50 * length));
        traffic::settle();
        let said = watch.stop();
        said.check();
        let records: Vec<&Record> = said.records.iter().filter(|record| record.kind == Kind::Tcp).collect();
        assert_eq!(records.iter().filter(|record| record.parent.is_none()).count(), 12, "{:?}", said.lines);
        assert!(records.iter().all(|record| record.ends == [own, asked]), "{records:?}");
        // Both ways arrive at the one pod.
        let counted: Count = records.iter().flat_map(|record| record.ways).sum();
        assert_eq!(counted, arrivals.read(Kind::Tcp, version)[1]);
        let translated: Vec<Record> = records.into_iter().cloned().collect();
        check_other_side(&translated, Some(address(GATEWAY[version])), own, ASKED);
    }
}

/// The client's host translates: what leaves it is what the server's host sees.
#[test]
fn both_hosts_have_the_same_traces() {
    let Some(_alone) = require_live() else { return };
    for (version, service) in SERVICE.into_iter().enumerate() {
        let router = Router::new();
        let [client, server] = router.pods();
        let (asked, bound) = (address(service), server.addresses[version]);
        translate(&client.namespace, version, &[("own", &format!("IP daddr {asked} dnat to {bound}"))]);
        let watches = [&client.namespace, &server.namespace].map(|place| Watch::start(place, &[]));
        talk(&Talk { client: &client.namespace, server: &server.namespace, asked, bound, ports: ASKED });
        traffic::settle();
        let [at_client, at_server] = watches.map(Watch::stop);
        [&at_client, &at_server].into_iter().for_each(Said::check);
        assert_eq!(traces(&at_client), traces(&at_server));
        check_other_side(&at_client.records, None, bound, ASKED);
        let of_service = |record: &&Record| record.kind != Kind::Other && record.ends[1] != asked;
        assert_eq!(at_client.records.iter().find(of_service).map(|record| record.ends), None);
        assert!(at_server.records.iter().all(|record| record.text("flow.nat.source.address").is_none()));
    }
}

#[test]
fn a_thousand_short_connections_are_a_thousand_flows() {
    let Some(_alone) = require_live() else { return };
    const CONNECTIONS: usize = 1000;
    let router = Router::new();
    apply(&router, 0, &rules(&CASES[2], &router, 0));
    let [client, server] = router.pods();
    let arrivals = Arrivals::count([client, server], 0);
    let (asked, bound, ports) = (address(SERVICE[0]), server.addresses[0], CASES[2].ports);
    let watch = Watch::start(router.node(), &["-t", "tcp_fin=1s", "-t", "tcp_rst=1s"]);
    Talk { client: &client.namespace, server: &server.namespace, asked, bound, ports }
        .connections((0..CONNECTIONS).map(|number| number % 200));
    traffic::settle();
    let said = watch.stop();
    said.check();
    let records: Vec<&Record> = said.records.iter().filter(|record| record.kind == Kind::Tcp).collect();
    assert_eq!(records.len(), CONNECTIONS, "{:?}", said.lines);
    assert!(records.iter().all(|record| record.ends == [client.addresses[0], asked]), "{:?}", said.lines);
    let counted = [0, 1].map(|way| records.iter().map(|record| record.ways[way]).sum::<Count>());
    assert_eq!(counted, arrivals.read(Kind::Tcp, 0));
    let traces: BTreeSet<_> = records.iter().map(|record| record.trace.as_str()).collect();
    assert_eq!(traces.len(), CONNECTIONS);
}

/// Without connection tracking, and where it is not to be read, the sides stay apart.
#[test]
fn without_connection_tracking_sides_stay_apart() {
    let Some(_alone) = require_live() else { return };
    let router = Router::new();
    apply(&router, 0, &rules(&CASES[0], &router, 0));
    let [client, server] = router.pods();
    let (asked, bound) = (address(SERVICE[0]), server.addresses[0]);
    let watch = Watch::start(router.node(), &["--conntrack", "off"]);
    Talk { client: &client.namespace, server: &server.namespace, asked, bound, ports: ASKED }
        .connections([100].into_iter());
    traffic::settle();
    let said = watch.stop();
    said.check();
    let flows: Vec<_> = said.records.iter().filter(|record| record.kind == Kind::Tcp).collect();
    assert_eq!(flows.len(), 2, "{:?}", said.lines);
    assert_eq!(flows[0].ways, flows[1].ways);
    assert!(!said.lines.iter().any(|line| line.contains("conntrack")), "{:?}", said.lines);
}
