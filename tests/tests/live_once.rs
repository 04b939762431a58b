//! Each packet counts once on a host, however many interfaces it crosses.
#![allow(clippy::print_stdout, reason = "of a test that fails one wants to see what it saw")]

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use flowtrace_tests::count::Count;
use flowtrace_tests::counters::Counters;
use flowtrace_tests::fabric::{self, Fabric, WAYS};
use flowtrace_tests::netns::{Host, Namespace};
use flowtrace_tests::once::{self, Arrived};
use flowtrace_tests::steady::Stream;
use flowtrace_tests::tools::require_live;
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Qdisc};
use flowtrace_tests::watch::{Said, Watch};

/// Watches all interfaces of these namespaces while the pods talk; in what the records differ from the truth.
fn play(fabric: &Fabric, watched: &[&Namespace], devices: [&[&str]; 2]) -> Vec<String> {
    let arrived = Arrived::count(&fabric.pods, devices);
    let all = talk(fabric, watched);
    let mut wrong = Vec::new();
    for (number, said) in all.iter().enumerate() {
        let differences = arrived.differences(&said.records).into_iter().chain(once::flow_differences(said));
        wrong.extend(differences.map(|text| format!("{}, node {number}: {text}", fabric.name)));
    }
    wrong
}

/// What those say who watch these namespaces while the pods talk.
fn talk(fabric: &Fabric, watched: &[&Namespace]) -> Vec<Said> {
    let watches: Vec<Watch> = watched.iter().map(|namespace| Watch::start(namespace, &[])).collect();
    for version in 0..2 {
        once::talk(&fabric.pods.client.namespace, &fabric.pods.server.namespace, fabric.pods.server.addresses[version]);
    }
    traffic::settle();
    let all: Vec<Said> = watches.into_iter().map(Watch::stop).collect();
    for (number, said) in all.iter().enumerate() {
        said.check();
        let elsewhere = said.noted("seen_elsewhere");
        println!("{}, node {number}: {:?}, elsewhere {elsewhere:?}", fabric.name, once::sum(&said.records));
    }
    all
}

#[test]
fn a_packet_counts_once_on_each_node() {
    let Some(_alone) = require_live() else { return };
    let through = [Fabric::bridged, Fabric::routed, Fabric::overlay, Fabric::hairpin];
    let above = [Fabric::macvlan, Fabric::bridge_above];
    let wrong: Vec<String> = thread::scope(|scope| {
        let through = through.map(|fabric| {
            scope.spawn(move || {
                let fabric = fabric().without_offloads();
                play(&fabric, &fabric.nodes.iter().collect::<Vec<_>>(), [&["eth0"]; 2])
            })
        });
        let above = above.map(|fabric| {
            scope.spawn(move || {
                let fabric = fabric().without_offloads();
                play(&fabric, &[&fabric.pods.server.namespace], [&["eth0"], &["above"]])
            })
        });
        through.into_iter().chain(above).flat_map(|played| played.join().expect("it was played")).collect()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn super_packets_count_once_on_each_node() {
    let Some(_alone) = require_live() else { return };
    for fabric in [Fabric::bridged, Fabric::routed, Fabric::overlay] {
        let fabric = fabric();
        fabric.pods.wait_for_silence();
        let qdiscs = [&fabric.pods.client, &fabric.pods.server].map(Qdisc::count);
        let all = talk(&fabric, &fabric.nodes.iter().collect::<Vec<_>>());
        let truth: Count = qdiscs.iter().map(Qdisc::read).sum();
        for said in &all {
            assert_eq!(once::sum(&said.records), truth, "{}: {:?}", fabric.name, said.lines);
            assert_eq!(once::flow_differences(said), [""; 0], "{}", fabric.name);
        }
    }
}

#[test]
fn loopback_counts_once() {
    let Some(_alone) = require_live() else { return };
    let addresses = ["127.0.0.1", "::1"].map(|address| address.parse().expect("an address"));
    let host = Host { namespace: Namespace::new(), interface: "lo", addresses };
    host.run("ip link set lo up");
    let qdisc = Qdisc::count(&host);
    let watch = Watch::start(&host.namespace, &["-i", "lo"]);
    for address in addresses {
        once::talk(&host.namespace, &host.namespace, address);
    }
    traffic::settle();
    let said = watch.stop();
    said.check();
    assert_eq!(once::sum(&said.records), qdisc.read(), "{:?}", said.lines);
    assert_eq!(once::flow_differences(&said), [""; 0]);
}

#[test]
fn requests_and_answers_may_go_different_ways() {
    let Some(_alone) = require_live() else { return };
    let fabric = Fabric::two_ways().without_offloads();
    let pods = &fabric.pods;
    fabric::send_by(&pods.server, &pods.client, WAYS[1]);
    let wrong = play(&fabric, &[&pods.client.namespace, &pods.server.namespace], [&WAYS; 2]);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn another_interface_takes_over_without_loss() {
    let Some(_alone) = require_live() else { return };
    let fabric = Fabric::two_ways().without_offloads();
    let hosts @ [client, server] = [&fabric.pods.client, &fabric.pods.server];
    let truth = hosts.map(|host| WAYS.map(|way| Counters::start(&host.namespace, way, Hook::Ingress, &STREAMS)));
    // Records that are cut meanwhile lose nothing either.
    let watches = hosts.map(|host| Watch::start(&host.namespace, &["-t", "active=3s"]));
    let streams = [
        Stream::udp(hosts, 0, 7000, Duration::from_millis(2)),
        Stream::udp(hosts, 1, 7001, Duration::from_millis(40)),
        Stream::tcp(hosts, 0, 7002, Duration::from_millis(3)),
        Stream::tcp(hosts, 1, 7003, Duration::from_millis(1)),
        Stream::bulk(hosts, 1, BULK),
    ];
    for (from, to, way, seconds) in [
        (client, server, WAYS[0], 2.0),
        (client, server, WAYS[1], 3.0),
        (client, server, WAYS[0], 2.5),
        (server, client, WAYS[1], 2.0),
        // Shorter than it takes to take over: the flow's end tells what was seen there.
        (client, server, WAYS[1], 0.5),
    ] {
        fabric::send_by(from, to, way);
        thread::sleep(Duration::from_secs_f64(seconds));
    }
    let messages = streams.map(Stream::stop);
    traffic::settle();
    println!("messages: {messages:?}");
    for (who, said) in ["client", "server"].into_iter().zip(watches.map(Watch::stop)) {
        said.check();
        for port in 7000..=BULK {
            let name = &port.to_string();
            let records: Vec<_> =
                said.records.iter().filter(|record| record.ports[1] == u64::from(port)).cloned().collect();
            let traces: HashSet<&str> = records.iter().map(|record| record.trace.as_str()).collect();
            let roots = records.iter().filter(|record| record.parent.is_none()).count();
            assert_eq!((traces.len(), roots), (1, 1), "{who}, port {name}: one flow, one trace");
            for (sender, arrived) in [(client, &truth[1]), (server, &truth[0])] {
                let way: Count = (0..2)
                    .flat_map(|version| records.iter().map(move |record| record.sent_by(sender.addresses[version])))
                    .sum();
                let by_way = arrived.each_ref().map(|counters| counters.read(name));
                println!("{who}, port {name}, from {}: {way:?} of {by_way:?}", sender.addresses[0]);
                let truth: Count = by_way.into_iter().sum();
                // Where two CPUs take packets off both cables at the same moment, those may be taken for the same. That
                // happens at full speed only.
                let both = if port == BULK { truth.packets / 100_000 } else { 0 };
                assert!(
                    way == truth || (way.packets..=way.packets + both).contains(&truth.packets),
                    "{who}, port {name}: {way:?}, truth {truth:?}: {:?}",
                    said.lines
                );
            }
        }
    }
}

/// The port of the stream that is as fast as can be.
const BULK: u16 = 7004;
/// Counters by the ports of the streams.
const STREAMS: [(&str, &str); 10] = [
    ("7000", "udp sport 7000"),
    ("7000", "udp dport 7000"),
    ("7001", "udp sport 7001"),
    ("7001", "udp dport 7001"),
    ("7002", "tcp sport 7002"),
    ("7002", "tcp dport 7002"),
    ("7003", "tcp sport 7003"),
    ("7003", "tcp dport 7003"),
    ("7004", "tcp sport 7004"),
    ("7004", "tcp dport 7004"),
];
