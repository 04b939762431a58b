//! Real tunnels of programs in userland: Open vSwitch, WireGuard, strongSwan. What flowtrace says of them is what they say
//! themselves, what nftables counted, and what tshark reads.

use std::collections::BTreeSet;
use std::net::IpAddr;

use flowtrace_tests::count::Count;
use flowtrace_tests::counters::Counters;
use flowtrace_tests::netns::{Cable, Host};
use flowtrace_tests::peers::{openvswitch::Switch, strongswan, wireguard};
use flowtrace_tests::record::{Record, sent};
use flowtrace_tests::sniff::Sniffer;
use flowtrace_tests::tools::require_peers;
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind};
use flowtrace_tests::watch::Watch;

/// A tunnel between two bridges.
struct Overlay {
    /// As Open vSwitch and flowtrace call it.
    kind: &'static str,
    /// Its key.
    id: u64,
    /// By what nftables knows its packets on the wire.
    rule: &'static str,
    /// IP protocol and port.
    carrier: (&'static str, Option<u64>),
    /// Bytes around an IP packet: IPv4, what carries, Ethernet.
    overhead: u64,
}

const OVERLAYS: [Overlay; 3] = [
    Overlay {
        kind: "geneve",
        id: 4242,
        rule: "udp dport 6081",
        carrier: ("udp", Some(6081)),
        overhead: 20 + 8 + 8 + 14,
    },
    Overlay { kind: "vxlan", id: 99, rule: "udp dport 4789", carrier: ("udp", Some(4789)), overhead: 20 + 8 + 8 + 14 },
    // With a key.
    Overlay { kind: "gre", id: 7, rule: "ip protocol gre", carrier: ("gre", None), overhead: 20 + 4 + 4 + 14 },
];

/// A host's switch: one bridge on the cable, and one for each overlay, which has the address 10.81.N.HOST.
fn lay_overlays(cable: &Cable) -> [Switch; 2] {
    let hosts = [&cable.client, &cable.server];
    [(0, 1), (1, 0)].map(|(own, far)| {
        let (host, remote) = (hosts[own], hosts[far].addresses[0]);
        let switch = Switch::start(host);
        host.run("sysctl -q -w net.ipv6.conf.default.disable_ipv6=1");
        host.run("ip address flush dev DEV");
        switch.configure(&format!(
            "add-br under -- set bridge under datapath_type=netdev other-config:hwaddr=02:00:00:00:01:0{own} -- add-port \
             under {}",
            host.interface
        ));
        host.run(&format!("ip address add {}/24 dev under", host.addresses[0]));
        host.run("ip link set under up");
        for (number, Overlay { kind, id, .. }) in OVERLAYS.iter().enumerate() {
            let bridge = format!("over{number}");
            switch.configure(&format!(
                "add-br {bridge} -- set bridge {bridge} datapath_type=netdev other-config:hwaddr=02:00:00:00:1{number}:0{own} \
                 -- add-port {bridge} port{number} -- set interface port{number} type={kind} options:remote_ip={remote} \
                 options:key={id}"
            ));
            host.run(&format!("ip address add 10.81.{number}.{}/24 dev {bridge}", own + 1));
            host.run(&format!("ip link set {bridge} mtu 1400 up"));
        }
        switch
    })
}

/// Bytes of the tunnel around what `sender` sent.
fn around(records: &[Record], sender: IpAddr) -> u64 {
    let names = ["tunnel.bytes.delta", "tunnel.reverse.bytes.delta"];
    let ways = records.iter().flat_map(|record| {
        (0..2).filter(|&way| record.ends[way] == sender).map(move |way| record.number(names[way]).unwrap_or(0))
    });
    ways.sum()
}

#[test]
fn open_vswitch_tunnels_are_read() {
    const PINGS: u64 = 30;
    let Some(_alone) = require_peers() else { return };
    let cable = Cable::without_offloads();
    let _switches = lay_overlays(&cable);
    // The first ping finds the neighbours.
    for number in 0..OVERLAYS.len() {
        cable.client.run(&format!("ping -q -c 2 -i 0.2 -W 3 10.81.{number}.2"));
    }
    traffic::settle();
    // Frames with IP inside are longer than those of ARP.
    let rules = OVERLAYS.map(|overlay| (overlay.kind, format!("{} ip length > 200", overlay.rule)));
    let rules = rules.each_ref().map(|(name, rule)| (*name, rule.as_str()));
    let hosts = [&cable.server, &cable.client];
    let [to_server, to_client] =
        hosts.map(|host| Counters::start(&host.namespace, host.interface, Hook::Ingress, &rules));
    let sniffer = Sniffer::start(&cable.server.namespace, cable.server.interface);
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    for number in 0..OVERLAYS.len() {
        cable.client.run(&format!("ping -q -c {PINGS} -i 0.01 -s 1000 10.81.{number}.2"));
    }
    traffic::settle();
    let said = watch.stop();
    let capture = sniffer.stop();
    said.check();
    for (number, overlay) in OVERLAYS.iter().enumerate() {
        let ends: [IpAddr; 2] = [1, 2].map(|host| format!("10.81.{number}.{host}").parse().expect("an address"));
        for (sender, truth) in ends.into_iter().zip([&to_server, &to_client]) {
            let wire = truth.read(overlay.kind);
            let counted = sent(&said.records, Kind::Echo, sender);
            println!("{} from {sender}: wire {wire:?}, counted {counted:?}", overlay.kind);
            assert_eq!(counted, Count { packets: PINGS, bytes: 1028 * PINGS }, "{}", overlay.kind);
            assert_eq!(wire.packets, PINGS, "{}", overlay.kind);
            assert_eq!(around(&said.records, sender), wire.bytes - counted.bytes, "{}", overlay.kind);
            assert_eq!(wire.bytes - counted.bytes, overlay.overhead * PINGS, "{}", overlay.kind);
        }
        let flows: Vec<_> = said.records.iter().filter(|record| record.ends == ends).collect();
        assert_eq!(flows.len(), 1, "{}: {flows:?}", overlay.kind);
        check_overlay(flows[0], overlay, &cable);
        let live: BTreeSet<_> = flows.iter().map(|flow| (flow.ways[0].packets, flow.ways[1].bytes)).collect();
        let read = capture.flows(&[]);
        let read = read.iter().filter(|record| record.ends == ends);
        assert_eq!(read.map(|flow| (flow.ways[0].packets, flow.ways[1].bytes)).collect::<BTreeSet<_>>(), live);
    }
}

fn check_overlay(flow: &Record, overlay: &Overlay, cable: &Cable) {
    let attributes = &flow.json["attributes"];
    assert_eq!(flow.text("tunnel.type"), Some(overlay.kind), "{attributes}");
    assert_eq!(attributes["tunnel.id"].to_string().trim_matches('"'), overlay.id.to_string(), "{attributes}");
    assert_eq!(flow.text("tunnel.network.transport"), Some(overlay.carrier.0), "{attributes}");
    assert_eq!(flow.number("tunnel.destination.port"), overlay.carrier.1, "{attributes}");
    let ends = [&cable.client, &cable.server].map(|host| host.addresses[0].to_string());
    let found = ["tunnel.source.address", "tunnel.destination.address"].map(|name| flow.text(name));
    assert_eq!(found, ends.each_ref().map(|end| Some(end.as_str())), "{attributes}");
}

/// Counters of one UDP port, at either end of the cable.
fn port_counters<'a>(hosts: [&'a Host; 2], port: u16) -> [Counters<'a>; 2] {
    let rule = format!("udp dport {port}");
    hosts.map(|host| Counters::start(&host.namespace, host.interface, Hook::Ingress, &[("port", &rule)]))
}

#[test]
fn wireguard_shows_its_indices() {
    const PINGS: u64 = 20;
    let Some(_alone) = require_peers() else { return };
    let cable = Cable::without_offloads();
    let counters = port_counters([&cable.server, &cable.client], wireguard::PORT);
    let sniffer = Sniffer::start(&cable.server.namespace, cable.server.interface);
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    let _tunnel = wireguard::Tunnel::start(&cable);
    cable.client.run(&format!("ping -q -c {PINGS} -i 0.01 -s 500 {}", wireguard::INSIDE[1]));
    traffic::settle();
    let said = watch.stop();
    let capture = sniffer.stop();
    said.check();
    let flows: Vec<_> = said.records.iter().filter(|record| record.ports == [51820, 51820]).collect();
    assert_eq!(flows.len(), 1, "one conversation: {:?}", said.lines);
    let flow = flows[0];
    let hosts = [&cable.client, &cable.server].map(|host| host.addresses[0]);
    assert_eq!(flow.ends, hosts, "who began is the source");
    for (way, counters) in counters.iter().enumerate() {
        assert_eq!(flow.ways[way], counters.read("port"), "way {way}");
        assert!(flow.ways[way].packets > PINGS, "pings and a handshake");
    }
    assert_eq!(flow.text("tunnel.type"), None, "what is inside cannot be read");
    // The first packet of a way: the initiation has a sender's index, the response both.
    let tshark = |kind: u32, fields: &[&str]| capture.tshark(&format!("wg.type == {kind}"), fields);
    let number = |text: &str| text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let (initiation, response) = (tshark(1, &["wg.sender"]), tshark(2, &["wg.sender", "wg.receiver"]));
    println!("{initiation:?} {response:?} {}", flow.json["attributes"]);
    assert_eq!([initiation.len(), response.len()], [1, 1], "one handshake");
    let names = ["flow.ipsec.sender_index", "flow.ipsec.receiver_index"];
    let reverse = ["flow.reverse.ipsec.sender_index", "flow.reverse.ipsec.receiver_index"];
    let index = |name: &str| flow.json["attributes"][name].to_string().trim_matches('"').parse::<u64>().ok();
    assert_eq!(index(names[0]), number(&initiation[0][0]));
    assert_eq!(index(reverse[0]), number(&response[0][0]));
    assert_eq!(index(reverse[1]), number(&response[0][1]));
    assert_eq!(index(reverse[1]), index(names[0]), "the response is to who began");
}

#[test]
fn esp_in_udp_shows_the_spis_that_strongswan_says() {
    const PINGS: u64 = 20;
    let Some(_alone) = require_peers() else { return };
    let cable = Cable::without_offloads();
    let pair = strongswan::Pair::start(&cable);
    let hosts = [&cable.client, &cable.server].map(|host| host.addresses[0]);
    let interface = cable.server.interface;
    let ike = port_counters([&cable.server, &cable.client], 500);
    let sniffer = Sniffer::start(&cable.server.namespace, interface);
    let watch = Watch::start(&cable.server.namespace, &["-i", interface]);
    pair.initiate(&cable);
    traffic::settle();
    let said = watch.stop();
    said.check();
    // The negotiation has no SPI of ESP, at its own port and behind the marker at ESP's.
    for ports in [[500, 500], [4500, 4500]] {
        let flows: Vec<_> = said.records.iter().filter(|record| record.ports == ports).collect();
        assert_eq!(flows.len(), 1, "{ports:?}: {:?}", said.lines);
        assert_eq!(spis(flows[0]), [None; 2], "{ports:?}: {}", flows[0].json);
        if ports[0] == 500 {
            assert_eq!(flows[0].ways, ike.each_ref().map(|counters| counters.read("port")), "{ports:?}");
        }
    }
    let [arrives, leaves] = pair.client_spis(&cable);
    let rules = [
        ("esp", format!("udp dport 4500 @th,64,32 {leaves:#x}")),
        ("back", format!("udp dport 4500 @th,64,32 {arrives:#x}")),
    ];
    let rules = rules.each_ref().map(|(name, rule)| (*name, rule.as_str()));
    let counters = [&cable.server, &cable.client]
        .map(|host| Counters::start(&host.namespace, host.interface, Hook::Ingress, &rules));
    let watch = Watch::start(&cable.server.namespace, &["-i", interface]);
    let [from, to] = strongswan::INSIDE;
    cable.client.run(&format!("ping -q -c {PINGS} -i 0.01 -s 500 -I {from} {to}"));
    traffic::settle();
    let said = watch.stop();
    let capture = sniffer.stop();
    said.check();
    let flows: Vec<_> = said.records.iter().filter(|record| record.ports == [4500, 4500]).collect();
    assert_eq!(flows.len(), 1, "{:?}", said.lines);
    println!("{} {arrives:#x} {leaves:#x}", flows[0].json["attributes"]);
    assert_eq!(flows[0].ends, hosts);
    assert_eq!(spis(flows[0]), [Some(u64::from(leaves)), Some(u64::from(arrives))]);
    let shown = capture.tshark("esp", &["esp.spi"]);
    assert_eq!(shown.len() as u64, 2 * PINGS);
    let seen = [counters[0].read("esp"), counters[1].read("back")];
    assert_eq!(seen.map(|count| count.packets), [PINGS; 2]);
    assert_eq!(flows[0].ways, seen, "{:?}", said.lines);
    assert_eq!(flows[0].text("network.transport"), Some("udp"));
}

/// The SPIs of ESP: source's, destination's.
fn spis(flow: &Record) -> [Option<u64>; 2] {
    ["flow.ipsec.esp.spi", "flow.reverse.ipsec.esp.spi"].map(|name| {
        let text = flow.json["attributes"][name].to_string();
        let text = text.trim_matches('"');
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |digits| u64::from_str_radix(digits, 16).ok())
    })
}
