//! The sums over all records are what the kernel itself counted, to the packet and to the byte.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::count::Count;
use flowtrace_tests::netns::{Cable, Host};
use flowtrace_tests::record::sent;
use flowtrace_tests::tools::require_live;
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind, Netfilter, Qdisc};
use flowtrace_tests::watch::{Said, Watch};
use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};

/// Compares what a watcher recorded with what nftables saw arrive, each way, kind and version.
fn compare(who: &str, said: &Said, cable: &Cable, [at_server, at_client]: [&Netfilter<'_>; 2]) {
    said.check();
    let mut differences = Vec::new();
    for kind in Kind::SENT {
        for version in 0..2 {
            for (sender, arrived) in [(&cable.client, at_server), (&cable.server, at_client)] {
                let (recorded, truth) =
                    (sent(&said.records, kind, sender.addresses[version]), arrived.read(kind, version));
                assert!(recorded.packets > 0, "{who}: no {kind:?} from {}", sender.addresses[version]);
                if recorded != truth {
                    differences.push(format!("{kind:?} from {}: {recorded:?}, truth {truth:?}", sender.interface));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{who}: {differences:#?}\n{:?}", said.lines);
}

#[test]
fn without_offloads_records_equal_what_arrives() {
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let truth = [&cable.server, &cable.client].map(|host| Netfilter::count(host, Hook::Ingress));
    let receiver = Watch::start(&cable.server.namespace, &["--interface", cable.server.interface]);
    // The sender's hooks see super-packets even so: Linux cuts them later.
    let sender = Watch::start(&cable.client.namespace, &["--interface", cable.client.interface]);
    traffic::everything(&cable);
    let [receiver, sender] = [receiver, sender].map(Watch::stop);
    compare("receiver", &receiver, &cable, [&truth[0], &truth[1]]);
    compare("sender", &sender, &cable, [&truth[0], &truth[1]]);
}

#[test]
fn with_offloads_records_equal_what_the_qdisc_sent() {
    let Some(_alone) = require_live() else { return };
    let cable = Cable::new();
    let qdiscs = [&cable.client, &cable.server].map(Qdisc::count);
    let watch = Watch::start(&cable.client.namespace, &["--interface", cable.client.interface]);
    traffic::everything(&cable);
    segmented_datagrams(&cable);
    traffic::settle();
    let said = watch.stop();
    said.check();
    for (host, qdisc) in [&cable.client, &cable.server].into_iter().zip(&qdiscs) {
        let recorded: Count = said
            .records
            .iter()
            .filter(|record| record.kind != Kind::Other)
            .flat_map(|record| host.addresses.map(|address| record.sent_by(address)))
            .sum();
        println!("from {}: {recorded:?}", host.interface);
        assert_eq!(recorded, qdisc.read(), "from {}: {:?}", host.interface, said.lines);
    }
}

/// UDP super-packets (`UDP_SEGMENT`), the last segment shorter than the others.
fn segmented_datagrams(cable: &Cable) {
    for version in 0..2 {
        let to = SocketAddr::new(cable.server.addresses[version], 7300);
        let _sink = traffic::sink(&cable.server, version, 7300);
        let socket = traffic::udp(&cable.client, version, 7301, to);
        setsockopt(&socket.as_fd(), UdpGsoSegment, &1000).expect("this kernel segments datagrams");
        for length in [1, 999, 1000, 1001, 2000, 20_001, 60_000] {
            socket.send(&vec![7; length]).expect("it can be sent");
        }
    }
}

#[test]
fn two_cpus_on_one_flow_are_counted_exactly() {
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let handed = Netfilter::count(&cable.client, Hook::Egress);
    let arrived = Netfilter::count(&cable.server, Hook::Ingress);
    let receiver = Watch::start(&cable.server.namespace, &["--interface", cable.server.interface]);
    let sender = Watch::start(&cable.client.namespace, &["--interface", cable.client.interface]);
    let by_cpu: Vec<[u64; 2]> = (0..2).map(|version| from_two_cpus(&cable, version)).collect();
    traffic::settle();
    let (receiver, sender) = (receiver.stop(), sender.stop());
    for (version, by_cpu) in by_cpu.iter().enumerate() {
        let from = cable.client.addresses[version];
        let (by_sender, by_receiver) =
            (sent(&sender.records, Kind::Udp, from), sent(&receiver.records, Kind::Udp, from));
        println!("IP version {version}: by CPU {by_cpu:?}, sent {by_sender:?}, arrived {by_receiver:?}");
        assert!(by_cpu.iter().all(|&packets| packets > 1000), "both CPUs send");
        assert_eq!(by_sender.packets, by_cpu.iter().sum::<u64>());
        assert_eq!(by_sender, handed.read(Kind::Udp, version));
        assert_eq!(by_receiver, arrived.read(Kind::Udp, version));
    }
    for said in [receiver, sender] {
        said.check();
        let flows = said.records.iter().filter(|record| record.kind == Kind::Udp && record.parent.is_none()).count();
        assert_eq!(flows, 2, "one flow of each IP version");
    }
}

/// Two threads, each on a CPU of its own, on one socket for two seconds. How many packets each sent.
fn from_two_cpus(cable: &Cable, version: usize) -> [u64; 2] {
    let to = SocketAddr::new(cable.server.addresses[version], 7400);
    let _sink = traffic::sink(&cable.server, version, 7400);
    let socket = traffic::udp(&cable.client, version, 7401, to);
    let end = Instant::now() + Duration::from_secs(2);
    let send = |cpu: usize| {
        traffic::pin(cpu);
        let mut packets = 0;
        while Instant::now() < end {
            for length in 0..64 {
                packets += u64::from(socket.send(&[0; 64][..length]).is_ok());
            }
        }
        packets
    };
    thread::scope(|scope| [0, 1].map(|cpu| scope.spawn(move || send(cpu))).map(|sender| sender.join().expect("sent")))
}

#[test]
fn a_map_too_small_loses_nothing_silently() {
    const FLOWS: u16 = 1000;
    const ROUNDS: usize = 5;
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let truth = Netfilter::count(&cable.server, Hook::Ingress);
    let arguments = ["--interface", cable.server.interface, "--max-flows", "64"];
    let watch = Watch::start(&cable.server.namespace, &arguments);
    many_flows(&cable.client, &cable.server, FLOWS, ROUNDS);
    traffic::settle();
    let said = watch.stop();
    said.check();
    let lost = said.lost("map_full");
    let flows = said.records.len();
    let counted: Count = cable.client.addresses.map(|sender| sent(&said.records, Kind::Udp, sender)).into_iter().sum();
    let truth = truth.read(Kind::Udp, 0) + truth.read(Kind::Udp, 1);
    println!("{flows} records, {counted:?}, map_full {lost:?}, truth {truth:?}");
    assert!(counted.packets > 0 && lost.packets > 0, "both happen");
    assert_eq!(truth.packets, 2 * u64::from(FLOWS) * ROUNDS as u64);
    assert_eq!(counted + lost, truth, "{:?}", said.lines);
}

/// One packet from each of many ports, several times around.
fn many_flows(client: &Host, server: &Host, flows: u16, rounds: usize) {
    for version in 0..2 {
        let to = SocketAddr::new(server.addresses[version], 7500);
        let _sink = traffic::sink(server, version, 7500);
        let sockets: Vec<_> = (0..flows).map(|number| traffic::udp(client, version, 10_000 + number, to)).collect();
        for round in 0..rounds {
            for socket in &sockets {
                socket.send(&vec![1; 10 * round]).expect("it can be sent");
            }
        }
    }
}
