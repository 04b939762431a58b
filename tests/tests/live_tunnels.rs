//! Tunnels live: VXLAN devices of this kernel, and crafted frames where the ends of flows overlap.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowtrace_tests::count::Count;
use flowtrace_tests::counters::{Counters, ip_counter};
use flowtrace_tests::craft::ends::{AB4, Way, XY4, XY6};
use flowtrace_tests::craft::pdu::Pdu;
use flowtrace_tests::inject::Injector;
use flowtrace_tests::netns::{Cable, Host};
use flowtrace_tests::record::{Record, sent};
use flowtrace_tests::sniff::Sniffer;
use flowtrace_tests::tools::require_live_beside;
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind, Qdisc};
use flowtrace_tests::watch::{Said, Watch};

/// Bytes around an IP packet in a VXLAN tunnel over IPv4: IPv4, UDP, VXLAN and Ethernet headers.
const OVERHEAD: u64 = 20 + 8 + 8 + 14;
/// The tunnel's identifier.
const VNI: u64 = 77;
/// Its ends, inside.
const INNER: [&str; 2] = ["10.80.0.1", "10.80.0.2"];

/// Lays a VXLAN tunnel over the cable. Either end knows the other: neither ARP nor learning is needed.
fn lay_tunnel(cable: &Cable, mtu: u32) {
    let hosts = [&cable.client, &cable.server];
    for (own, other) in [(0, 1), (1, 0)] {
        let (host, far) = (hosts[own], hosts[other]);
        let [local, remote] = [host.addresses[0], far.addresses[0]];
        // IPv6 inside would only tell its groups.
        host.run("sysctl -q -w net.ipv6.conf.default.disable_ipv6=1");
        host.run(&format!(
            "ip link add tunnel address 02:00:00:00:01:0{own} type vxlan id {VNI} dstport 4789 local {local} remote \
             {remote} nolearning"
        ));
        host.run(&format!("ip link set tunnel mtu {mtu} up"));
        host.run(&format!("ip address add {}/24 dev tunnel", INNER[own]));
        host.run(&format!(
            "ip neighbour replace {} lladdr 02:00:00:00:01:0{other} nud permanent dev tunnel",
            INNER[other]
        ));
    }
}

fn inner() -> [IpAddr; 2] {
    INNER.map(|address| address.parse().expect("an address"))
}

/// Bytes around the packets of a record, each way: since the record before.
fn around(record: &Record) -> [u64; 2] {
    ["tunnel.bytes.delta", "tunnel.reverse.bytes.delta"].map(|name| record.number(name).unwrap_or(0))
}

/// What `sender` sent, and the bytes of the tunnel around it.
fn sent_within(records: &[Record], sender: IpAddr) -> (Count, u64) {
    let ways = records.iter().flat_map(|record| {
        (0..2).filter(|&way| record.ends[way] == sender).map(|way| (record.ways[way], around(record)[way]))
    });
    ways.fold((Count::default(), 0), |(count, bytes), (way, more)| (count + way, bytes + more))
}

/// Asserts that flows inside say their tunnel.
fn check_tunnel(said: &Said, cable: &Cable) {
    let ends = [&cable.client, &cable.server].map(|host| host.addresses[0].to_string());
    let within: Vec<_> = said.records.iter().filter(|record| inner().contains(&record.ends[0])).collect();
    assert!(!within.is_empty());
    for record in within {
        assert_eq!(record.text("tunnel.type"), Some("vxlan"), "{}", record.json);
        assert_eq!(record.json["attributes"]["tunnel.id"].to_string().trim_matches('"'), VNI.to_string());
        assert_eq!(record.text("tunnel.network.type"), Some("ipv4"));
        assert_eq!(record.text("tunnel.network.transport"), Some("udp"));
        assert_eq!(record.number("tunnel.destination.port"), Some(4789));
        assert!(record.number("tunnel.source.port").is_some_and(|port| port > 1023));
        let from = usize::from(record.ends[0] == inner()[1]);
        let expected = [ends[from].as_str(), ends[1 - from].as_str()];
        let found = ["tunnel.source.address", "tunnel.destination.address"].map(|name| record.text(name));
        assert_eq!(found, expected.map(Some), "{}", record.json);
    }
}

/// Pings, datagrams and a TCP stream of `bytes`, through the tunnel.
fn talk(cable: &Cable, bytes: &str) {
    let [from, to] = inner();
    cable.client.run(&format!("ping -q -c 20 -i 0.01 -s 1000 {to}"));
    let sink = cable.server.namespace.enter(|| std::net::UdpSocket::bind((to, 7700)).expect("a free port"));
    cable.client.namespace.enter(|| {
        let socket = std::net::UdpSocket::bind((from, 7701)).expect("a free port");
        (0..300).for_each(|length| assert_eq!(socket.send_to(&vec![1; length], (to, 7700)).ok(), Some(length)));
    });
    traffic::iperf(cable, to, &["--bytes", bytes]);
    drop(sink);
    traffic::settle();
}

/// The same on the wire and in the tunnel: all that VXLAN carries, and what is in it.
fn counters<'a>(host: &'a Host) -> [Counters<'a>; 2] {
    [
        Counters::start(&host.namespace, host.interface, Hook::Ingress, &[("wire", "udp dport 4789")]),
        Counters::start(&host.namespace, "tunnel", Hook::Ingress, &[("inside", "meta protocol ip")]),
    ]
}

/// Two hosts with a tunnel, in which every packet is one of the wire.
fn tunnel_without_offloads() -> Cable {
    let cable = Cable::without_offloads();
    lay_tunnel(&cable, 1450);
    for host in [&cable.client, &cable.server] {
        host.run("ethtool -K tunnel gro off gso off tso off");
    }
    cable
}

#[test]
fn a_tunnel_shows_its_flows_and_its_cost() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = tunnel_without_offloads();
    let truth = [&cable.server, &cable.client].map(counters);
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    let sniffer = Sniffer::start(&cable.server.namespace, cable.server.interface);
    talk(&cable, "3M");
    let said = watch.stop();
    let capture = sniffer.stop();
    said.check();
    check_tunnel(&said, &cable);
    for (sender, truth) in inner().into_iter().zip(&truth) {
        let [wire, inside] = [truth[0].read("wire"), truth[1].read("inside")];
        let (counted, tunnel) = sent_within(&said.records, sender);
        println!("{sender}: wire {wire:?}, inside {inside:?}, counted {counted:?}, tunnel {tunnel}");
        assert!(inside.packets > 20);
        assert_eq!(counted, inside, "{sender}: {:?}", said.lines);
        assert_eq!(tunnel, wire.bytes - inside.bytes, "{sender}: wire {wire:?}, inside {inside:?}");
        assert_eq!(tunnel, OVERHEAD * wire.packets, "{sender}");
    }
    // Nothing else has crossed the cable: all is inside.
    assert!(said.records.iter().all(|record| inner().contains(&record.ends[0])), "{:?}", said.lines);
    let shape = |records: &[Record]| {
        let keys = records.iter().map(|record| (record.ends, record.ports));
        let keys: BTreeSet<_> = keys.collect();
        keys.into_iter().map(|key| (key, sum_of(records, key))).collect::<Vec<_>>()
    };
    assert_eq!(shape(&said.records), shape(&capture.flows(&[])), "live and from the file");
}

/// What all records of these ends have: each way's count, and the tunnel's bytes.
fn sum_of(records: &[Record], key: ([IpAddr; 2], [u64; 2])) -> [(u64, u64, u64); 2] {
    let mut sums = [(0, 0, 0); 2];
    for record in records.iter().filter(|record| (record.ends, record.ports) == key) {
        for (way, sum) in sums.iter_mut().enumerate() {
            let more = (record.ways[way].packets, record.ways[way].bytes, around(record)[way]);
            *sum = (sum.0 + more.0, sum.1 + more.1, sum.2 + more.2);
        }
    }
    sums
}

#[test]
fn super_packets_in_a_tunnel_count_as_what_they_stand_for() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    lay_tunnel(&cable, 1450);
    // What leaves: the qdisc counts a super-packet as its packets, with all headers of each.
    let qdiscs = [&cable.client, &cable.server].map(Qdisc::count);
    // On the client's side what it sends has yet to be cut; on the server's what arrives is merged.
    let watches = [&cable.client, &cable.server].map(|host| Watch::start(&host.namespace, &["-i", host.interface]));
    let handed = Counters::start(&cable.client.namespace, "wire-a", Hook::Egress, &[("handed", "udp dport 4789")]);
    talk(&cable, "100M");
    let sent = qdiscs.each_ref().map(Qdisc::read);
    let handed = handed.read("handed");
    assert!(2 * handed.packets < sent[0].packets, "super-packets were sent: {handed:?}, {sent:?}");
    for (who, watch) in ["client", "server"].into_iter().zip(watches) {
        let said = watch.stop();
        said.check();
        check_tunnel(&said, &cable);
        for (sender, sent) in inner().into_iter().zip(sent) {
            let (counted, tunnel) = sent_within(&said.records, sender);
            println!("{who}, from {sender}: left {sent:?}, counted {counted:?}, tunnel {tunnel}");
            assert_eq!(counted.packets, sent.packets, "{who}, from {sender}");
            assert_eq!(counted.bytes + tunnel, sent.bytes, "{who}, from {sender}");
            assert_eq!(tunnel, OVERHEAD * sent.packets, "{who}, from {sender}");
        }
    }
}

#[test]
fn a_packet_counts_once_on_the_wire_and_in_the_tunnel() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = tunnel_without_offloads();
    let truth = [&cable.server, &cable.client].map(counters);
    // Either side, at both interfaces; the tunnel first, or the wire first, as the packets go.
    let watches = [&cable.client, &cable.server].map(|host| Watch::start(&host.namespace, &[]));
    talk(&cable, "3M");
    for (who, watch) in ["client", "server"].into_iter().zip(watches) {
        let said = watch.stop();
        said.check();
        check_tunnel(&said, &cable);
        let mut all = Count::default();
        for (sender, truth) in inner().into_iter().zip(&truth) {
            let inside = truth[1].read("inside");
            all += inside;
            assert_eq!(sent_within(&said.records, sender).0, inside, "{who}, from {sender}: {:?}", said.lines);
            let udp = sent(&said.records, Kind::Udp, sender).packets;
            assert_eq!(udp, if sender == inner()[0] { 300 } else { 0 }, "{who}, from {sender}");
        }
        assert_eq!(said.counted(), all, "{who}: nothing beside it: {:?}", said.lines);
        assert_eq!(said.noted("seen_elsewhere").packets, all.packets, "{who}: each twice: {:?}", said.lines);
    }
}

#[test]
fn fragments_of_a_tunnel_are_each_counted_once() {
    const PINGS: u64 = 15;
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::without_offloads();
    // As long as the cable carries: with its tunnel around it each packet is two fragments.
    lay_tunnel(&cable, 1500);
    let rules = [
        ("all", "ip protocol 17"),
        ("first", "ip frag-off & 0x3fff == 0x2000"),
        ("later", "ip frag-off & 0x1fff != 0"),
    ];
    let [truth, back] = [&cable.server, &cable.client]
        .map(|host| Counters::start(&host.namespace, host.interface, Hook::Ingress, &rules));
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    // Linux learns that the path carries less, and would cut what is inside instead.
    for (host, far) in [(&cable.client, INNER[1]), (&cable.server, INNER[0])] {
        host.run(&format!("ip route replace {far}/32 dev tunnel mtu lock 1500"));
    }
    cable.client.run(&format!("ping -q -M dont -c {PINGS} -i 0.01 -s 1472 {}", INNER[1]));
    traffic::settle();
    let said = watch.stop();
    said.check();
    let [first, later] = ["first", "later"].map(|name| truth.read(name));
    println!("{first:?}, {later:?}, {:?}", said.lines);
    assert_eq!([first.packets, later.packets], [PINGS; 2]);
    assert_eq!(ip_counter(&cable.client.namespace, "IpFragCreates"), 2 * PINGS);
    let [from, _] = inner();
    let (pings, tunnel) = sent_within(&said.records, from);
    // What the first fragment begins is the flow inside, of the length that its header says.
    assert_eq!(pings, Count { packets: PINGS, bytes: 1500 * PINGS }, "{:?}", said.lines);
    // What continues it is the tunnel's.
    let outer: Count = said.records.iter().map(|record| record.sent_by(cable.client.addresses[0])).sum();
    assert_eq!(outer, later, "{:?}", said.lines);
    assert_eq!(pings.bytes + tunnel, first.bytes, "together what was on the wire: {:?}", said.lines);
    let all = truth.read("all").packets + back.read("all").packets;
    assert_eq!(said.counted().packets, all, "either way: {:?}", said.lines);
}

/// One packet of a flow that is the same in each case, within a tunnel or VLAN of its own.
fn overlapping() -> [(Pdu, usize); 6] {
    let packet = || Pdu::new(Way::There, 255, [7; 50]).udp([1000, 2000]).ip(AB4);
    let vxlan = |vni| packet().frame().vxlan(vni).udp_to([50_000, 4789]).ip(XY4);
    [
        (vxlan(1).eth(), 10),
        (vxlan(2).eth(), 20),
        (packet().frame().geneve(3, &[]).udp_to([50_001, 6081]).ip(XY6).eth(), 30),
        (packet().eth(), 5),
        (packet().vlan(100).eth(), 6),
        (vxlan(1).vlan(200).eth(), 7),
    ]
}

/// Records by layer, tunnel and VLAN, with packets; sorted.
fn by_facts(records: &[Record]) -> Vec<(Option<String>, String, Option<u64>, u64)> {
    let facts = |record: &Record| {
        let id = record.json["attributes"]["tunnel.id"].to_string().trim_matches('"').to_owned();
        let layer = record.text("flow.layer").map(str::to_owned);
        (layer, id, record.number("network.vlan.id"), record.ways[0].packets)
    };
    let mut all: Vec<_> = records.iter().map(facts).collect();
    all.sort();
    all
}

#[test]
fn layers_and_keys_are_chosen() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::without_offloads();
    // Options; flows of the packet inside, with packets; flows outside, with packets.
    let cases: [(&[&str], &[u64], &[u64]); 7] = [
        (&[], &[78], &[]),
        // Outside are two tunnels, and what is in none.
        (&["--tunnels", "outer"], &[11], &[30, 37]),
        (&["--tunnels", "both"], &[78], &[30, 37]),
        (&["--flow-key", "tunnel_id"], &[11, 17, 20, 30], &[]),
        (&["--flow-key", "vlan"], &[6, 7, 65], &[]),
        (&["--flow-key", "vlan,tunnel_id"], &[5, 6, 7, 10, 20, 30], &[]),
        (&["--flow-key", "vlan", "--tunnels", "both"], &[6, 7, 65], &[7, 30, 30]),
    ];
    for (options, inside, outside) in cases {
        let sniffer = Sniffer::start(&cable.server.namespace, cable.server.interface);
        let watch = Watch::start(&cable.server.namespace, &[&["-i", cable.server.interface], options].concat());
        let mut injector = Injector::frames(&cable.client.namespace, cable.client.interface);
        for (frame, times) in overlapping() {
            (0..times).for_each(|_| injector.send(&frame));
        }
        injector.finish();
        traffic::settle();
        let said = watch.stop();
        let capture = sniffer.stop();
        said.check();
        let packets = |ends: &dyn Fn(IpAddr) -> bool| {
            let of = said.records.iter().filter(|record| ends(record.ends[0]));
            let mut packets: Vec<u64> = of.map(|record| record.ways[0].packets).collect();
            packets.sort_unstable();
            packets
        };
        assert_eq!(packets(&|end| end == AB4[0]), inside, "{options:?}: inside");
        assert_eq!(packets(&|end| end == XY4[0] || end == XY6[0]), outside, "{options:?}: outside");
        let is_both = options.contains(&"both");
        for record in &said.records {
            let is_outer = record.ends[0] != AB4[0];
            let layer = record.text("flow.layer");
            assert_eq!(layer == Some("outer"), is_both && is_outer, "{options:?}: {}", record.json);
        }
        assert_eq!(by_facts(&said.records), by_facts(&capture.flows(options)), "{options:?}: live and from the file");
    }
}
