//! Links, tags, extension headers and fragments as this kernel delivers them: the counts are those of the kernel and of
//! tshark.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use flowtrace_tests::count::Count;
use flowtrace_tests::counters::{Counters, ip_counter, statistics};
use flowtrace_tests::craft::ends::{AB4, AB6, Ends, Way};
use flowtrace_tests::craft::link::OUTER;
use flowtrace_tests::craft::pdu::Pdu;
use flowtrace_tests::craft::transport;
use flowtrace_tests::inject::Injector;
use flowtrace_tests::netns::{Cable, Namespace};
use flowtrace_tests::record::{Record, sent};
use flowtrace_tests::sniff::Sniffer;
use flowtrace_tests::tools::require_live_beside;
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind};
use flowtrace_tests::watch::{Said, Watch};

/// A datagram with this many bytes of data.
fn datagram(ends: Ends, ports: [u16; 2], data: usize) -> Pdu {
    Pdu::new(Way::There, 255, vec![0xda; data]).udp(ports).ip(ends)
}

/// All that is in records, and all that is not.
fn seen(said: &Said) -> Count {
    said.check();
    said.counted()
}

/// Records from this source port.
fn from_port(records: &[Record], port: u16) -> Vec<&Record> {
    records.iter().filter(|record| record.ports[0] == u64::from(port)).collect()
}

#[test]
fn packets_without_ethernet_are_counted_both_ways() {
    const ENDS: [&str; 4] = ["10.79.0.9", "10.79.0.1", "fd79::9", "fd79::1"];
    let Some(_alone) = require_live_beside() else { return };
    let [far4, own4, far6, own6] = ENDS.map(|text| text.parse::<IpAddr>().expect("an address"));
    let namespace = Namespace::new();
    let mut tun = Injector::tun(&namespace, "tun9");
    let watch = Watch::start(&namespace, &["-i", "tun9"]);
    for line in
        ["address add 10.79.0.1/24 dev tun9", "address add fd79::1/64 dev tun9 nodad", "link set tun9 mtu 1400 up"]
    {
        namespace.run(&format!("ip {line}"));
    }
    let expected = BTreeMap::from([(own4, 40), (own6, 40), (far4, 50), (far6, 50)]);
    for (ends, echo) in
        [([far4, own4], transport::icmp as fn(_, _, _, _, &[u8]) -> _), ([far6, own6], transport::icmp6)]
    {
        let sink = namespace.enter(|| std::net::UdpSocket::bind((ends[1], 7000)).expect("a free port"));
        for number in 0..50 {
            tun.send(&datagram(ends, [5000, 7000], number));
        }
        for _ in 0..40 {
            let to = SocketAddr::new(ends[0], 6000);
            // Longer than what the device carries, the kernel cuts it.
            sink.send_to(&[1; 100], to).expect("it can be sent");
        }
        let kind = if ends[0].is_ipv4() { 8 } else { 128 };
        for number in 1..=7 {
            tun.send(&echo(Way::There, kind, 0, [0, 9, 0, number], &[0; 56]).ip(ends));
        }
    }
    traffic::settle();
    let [received, given] = statistics(&namespace, "tun9");
    let said = watch.stop();
    let back = tun.finish();
    println!("received {received:?}, given {given:?}, read {back:?}, {:?}", said.lines);
    assert_eq!(seen(&said), received + given, "the device's own statistics: {:?}", said.lines);
    assert_eq!(back, given, "what the device's owner has read");
    for (sender, packets) in expected {
        assert_eq!(sent(&said.records, Kind::Udp, sender).packets, packets, "{sender}");
        assert_eq!(sent(&said.records, Kind::Echo, sender).packets, 7, "{sender}");
    }
    assert!(said.records.iter().all(|record| record.interface.as_deref() == Some("tun9")));
}

#[test]
fn tags_are_read_also_where_the_kernel_holds_them() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::without_offloads();
    // Source port, and the tags from the outermost: type, number.
    let cases: [(u16, &[(u16, u16)]); 7] = [
        (1, &[]),
        (2, &[(0x8100, 100)]),
        (3, &[(0x88a8, 200)]),
        (4, &[(0x88a8, 200), (0x8100, 300)]),
        (5, &[(0x8100, 101), (0x8100, 102)]),
        (6, &[(0x8100, 0)]),
        (7, &[(0x8100, 0xe000 | 4000)]),
    ];
    let sniffer = Sniffer::start(&cable.server.namespace, cable.server.interface);
    let watches = [&cable.server, &cable.client].map(|host| Watch::start(&host.namespace, &["-i", host.interface]));
    let mut injector = Injector::frames(&cable.client.namespace, cable.client.interface);
    for (port, tags) in cases {
        for ends in [AB4, AB6] {
            for number in 0..10 + usize::from(port) {
                let tagged = |pdu: Pdu, &(kind, control): &(u16, u16)| pdu.tag(kind, control);
                injector.send(&tags.iter().rev().fold(datagram(ends, [port, 53], number), tagged).eth());
            }
        }
    }
    injector.finish();
    traffic::settle();
    let [receiver, sender] = watches.map(Watch::stop);
    let capture = sniffer.stop();
    for (who, said) in [("receiver", &receiver), ("sender", &sender)] {
        seen(said);
        for (port, tags) in cases {
            let expected: Vec<u64> = tags.iter().map(|(_, control)| u64::from(control & 0xfff)).collect();
            let flows = from_port(&said.records, port);
            assert_eq!(flows.len(), 2, "{who}, port {port}");
            for flow in flows {
                assert_eq!(flow.ways[0].packets, 10 + u64::from(port), "{who}, port {port}");
                let found = ["network.vlan.id", "network.inner.vlan.id"].map(|name| flow.number(name));
                let told = [expected.first(), expected.get(1)].map(|id| id.copied().filter(|&id| id != 0));
                assert_eq!(found, told, "{who}, port {port}");
            }
            let tshark = capture.tshark(&format!("udp.srcport == {port}"), &["vlan.id"]);
            let shown: Vec<String> = expected.iter().map(u64::to_string).collect();
            assert_eq!(tshark.len(), 2 * (10 + usize::from(port)), "tshark, port {port}");
            // 802.1ad has a field of its own in tshark's words, or not, by its version.
            assert!(tshark.iter().all(|packet| shown.join(",").ends_with(&packet[0])), "port {port}: {tshark:?}");
        }
    }
    let sum = |records: &[Record]| records.iter().map(|record| record.ways[0]).sum::<Count>();
    assert_eq!(sum(&receiver.records), sum(&capture.flows(&[])), "live and from the file");
}

#[test]
fn what_is_not_ip_is_said_by_ethertype() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::without_offloads();
    let before = statistics(&cable.server.namespace, cable.server.interface);
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    let mut injector = Injector::frames(&cable.client.namespace, cable.client.interface);
    // A reply that nobody asked for: nobody answers it.
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 1, 10, 99, 0, 1, 2, 0, 0, 0, 0, 2, 10, 99, 0, 2][..], &[0; 18]];
    let spanning_tree = [&[0x42, 0x42, 3][..], &[0; 35]].concat();
    for (times, frame) in [
        (3, Pdu::of_type(Way::There, 0x0806, arp.concat()).eth()),
        (5, Pdu::of_type(Way::There, 0x88cc, [0; 60]).eth()),
        (7, Pdu::of_type(Way::There, 0, spanning_tree).ieee8023(OUTER)),
        (2, Pdu::of_type(Way::There, 0x0806, arp.concat()).vlan(9).eth()),
    ] {
        for _ in 0..times {
            injector.send(&frame);
        }
    }
    injector.finish();
    traffic::settle();
    let said = watch.stop();
    said.check();
    let after = statistics(&cable.server.namespace, cable.server.interface);
    let line = said.lines.iter().find_map(|line| line.strip_prefix("flowtrace: not_ip: ")).unwrap_or_default();
    println!("{:?}", said.lines);
    let numbers: Vec<u64> = line.split_whitespace().filter_map(|part| part.rsplit_once('=')?.1.parse().ok()).collect();
    assert_eq!(numbers, [7, 5, 5], "{line}");
    assert!(line.contains("ARP=5") || line.contains("arp=5"), "{line}");
    assert_eq!(said.lost("not_ip").packets, 17, "{:?}", said.lines);
    assert_eq!(after[0].packets - before[0].packets, 17 + said.counted().packets);
}

#[test]
fn extension_headers_hide_nothing() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::without_offloads();
    let [from, to] = [cable.client.addresses[1], cable.server.addresses[1]];
    let ends = [from, to];
    let _sink = traffic::sink(&cable.server, 1, 53);
    let arrived = Counters::start(
        &cable.server.namespace,
        cable.server.interface,
        Hook::Ingress,
        &[("datagrams", "meta protocol ip6 meta l4proto udp")],
    );
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    let sniffer = Sniffer::start(&cable.server.namespace, cable.server.interface);
    let udp = |port| Pdu::new(Way::There, 255, [0xda; 20]).udp([port, 53]);
    let pad = [1, 4, 0, 0, 0, 0];
    // The segment routing header (RFC 8754) with one segment, that of the destination.
    let segments: Vec<u8> = [&[0, 0, 0, 0][..], &flowtrace_tests::craft::ends::octets(to)].concat();
    let chains = [
        udp(1).options(0, &pad),
        udp(2).options(60, &pad),
        udp(3).routing(4, 0, &segments),
        udp(4).options(60, &pad).routing(4, 0, &segments).options(60, &pad).options(0, &pad),
        udp(5).options(60, &[&[1, 252][..], &[0; 252]].concat()),
        udp(6),
    ];
    for chain in &chains {
        let packet = chain.clone().ip(ends);
        (0..11).for_each(|_| traffic::raw_ipv6(&cable.client, &packet.bytes, to));
    }
    traffic::settle();
    let said = watch.stop();
    let capture = sniffer.stop();
    seen(&said);
    assert_eq!(sent(&said.records, Kind::Udp, from), arrived.read("datagrams"), "{:?}", said.lines);
    for (port, chain) in (1..).zip(&chains) {
        let flows = from_port(&said.records, port);
        assert_eq!(flows.len(), 1, "port {port}: {:?}", said.lines);
        let bytes = 11 * (40 + chain.bytes.len() as u64);
        assert_eq!(flows[0].ways, [Count { packets: 11, bytes }, Count::default()], "port {port}");
        assert_eq!(capture.tshark(&format!("udp.srcport == {port}"), &["frame.len"]).len(), 11, "tshark, port {port}");
    }
}

#[test]
fn fragments_belong_to_their_datagram() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::without_offloads();
    let rules = [
        ("echo_0", "ip protocol icmp"),
        // The protocol in the fragment header: all that is sent here is fragments.
        ("echo_1", "ip6 nexthdr 44 frag nexthdr 58"),
        ("udp_0", "ip protocol udp"),
        ("udp_1", "ip6 nexthdr 44 frag nexthdr 17"),
    ];
    let hosts = [&cable.server, &cable.client];
    let arrived = hosts.map(|host| Counters::start(&host.namespace, host.interface, Hook::Ingress, &rules));
    let watches = hosts.map(|host| Watch::start(&host.namespace, &["-i", host.interface]));
    for version in 0..2 {
        let to = cable.server.addresses[version];
        cable.client.run(&format!("ping -q -c 10 -i 0.01 -s 4000 {to}"));
        let _sink = traffic::sink(&cable.server, version, 7600);
        let socket = traffic::udp(&cable.client, version, 7601, SocketAddr::new(to, 7600));
        (0..10).for_each(|_| assert_eq!(socket.send(&[7; 5000]).expect("it can be sent"), 5000));
    }
    traffic::settle();
    // 4000 bytes are three fragments, 5000 are four.
    let made: Vec<u64> =
        ["IpFragCreates", "Ip6FragCreates"].map(|name| ip_counter(&cable.client.namespace, name)).to_vec();
    assert_eq!(made, [70, 70], "fragments that the client's kernel made");
    for (who, watch) in ["receiver", "sender"].into_iter().zip(watches) {
        let said = watch.stop();
        seen(&said);
        for version in 0..2 {
            for (sender, truth) in [(&cable.client, &arrived[0]), (&cable.server, &arrived[1])] {
                let sender = sender.addresses[version];
                for (kind, name) in [(Kind::Echo, "echo"), (Kind::Udp, "udp")] {
                    let truth = truth.read(&format!("{name}_{version}"));
                    assert_eq!(sent(&said.records, kind, sender), truth, "{who}: {name} of {sender}");
                }
            }
            let address = cable.client.addresses[version];
            let flows =
                said.records.iter().filter(|record| record.ends.contains(&address) && record.kind != Kind::Other);
            assert_eq!(flows.count(), 2, "{who}: one flow of pings, one of datagrams");
        }
        assert!(said.records.iter().all(|record| record.kind != Kind::Udp || record.ports == [7601, 7600]), "{who}");
    }
}

#[test]
fn a_first_fragment_that_is_late_or_missing_loses_nothing() {
    const CUTS: [(usize, usize); 3] = [(0, 1000), (1000, 1000), (2000, 508)];
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::without_offloads();
    let rules = [("frames", "meta protocol { ip, ip6 } meta pkttype host")];
    let arrived = Counters::start(&cable.server.namespace, cable.server.interface, Hook::Ingress, &rules);
    let sniffer = Sniffer::start(&cable.server.namespace, cable.server.interface);
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    let mut injector = Injector::frames(&cable.client.namespace, cable.client.interface);
    // The order in which they come; how many of them find their ports.
    let orders: [(&[usize], u64); 5] =
        [(&[0, 1, 2], 3), (&[0, 2, 1], 3), (&[1, 0, 2], 2), (&[2, 1, 0], 1), (&[1, 2], 0)];
    for ends in [AB4, AB6] {
        for (number, (order, _)) in orders.iter().enumerate() {
            let port = 20 + number as u16;
            let whole = Pdu::new(Way::There, 255, vec![9; 2500]).udp([port, 53]);
            let fragments = whole.fragments(ends, 0x700 + u32::from(port), &CUTS);
            order.iter().for_each(|&at| injector.send(&fragments[at].clone().eth()));
        }
    }
    injector.finish();
    traffic::settle();
    let said = watch.stop();
    let capture = sniffer.stop();
    let counted = seen(&said);
    assert_eq!(counted, arrived.read("frames"), "{:?}", said.lines);
    assert_eq!(counted.packets, 2 * 14);
    for ends in [AB4, AB6] {
        let of = |port| {
            let records =
                said.records.iter().filter(move |record| record.ends[0] == ends[0] && record.ports[0] == port);
            records.map(|record| record.ways[0].packets).sum::<u64>()
        };
        let with_ports: Vec<u64> = (20..25).map(of).collect();
        assert_eq!(with_ports, orders.map(|(_, found)| found), "{}", ends[0]);
        assert_eq!(of(0), 14 - with_ports.iter().sum::<u64>(), "{}: without ports", ends[0]);
    }
    let shape = |records: &[Record]| {
        let mut all: Vec<_> =
            records.iter().map(|record| (record.ends, record.ports, record.ways[0].packets)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(shape(&said.records), shape(&capture.flows(&[])), "live and from the file");
}
