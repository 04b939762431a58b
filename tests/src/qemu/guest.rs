//! The guest's side: plays the scenes and reports what it sees.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::setsockopt;
use nix::{libc, setsockopt_impl, sockopt_impl};
use serde_json::Value;

use crate::netns::{Cable, Host};
use crate::tools::{command, output};
use crate::traffic;
use crate::truth::{Hook, Kind, Netfilter, Qdisc};
use crate::watch::{Said, Watch};

use super::bond;
use super::report::{Fact, Reporter, Watcher};
use super::scene::{ANSWERED, ANSWERS, ASKED, DATAGRAMS, Device, PINGED, PINGS, PORTS, SPI, Scene, WIREGUARD};
use super::scenes;

/// The guest's end of the serial line.
type Line = Reporter<fs::File>;

/// How long a datagram may be under way.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long flowtrace may take to attach to a device: the first one without Ethernet has it load two more programs.
const ATTACHING: Duration = Duration::from_secs(60);

/// The port of ESP in UDP.
const NAT_TRAVERSAL: u16 = 4500;
/// `UDP_ENCAP` and `UDP_ENCAP_ESPINUDP` of `linux/udp.h`.
const UDP_ENCAPSULATION: i32 = 100;
const ESP_IN_UDP: i32 = 2;

sockopt_impl!(
    /// Takes ESP out of what arrives at a UDP socket.
    UdpEncapsulation, SetOnly, libc::IPPROTO_UDP, UDP_ENCAPSULATION, i32
);

/// The scene's own addresses on the cable.
const ADDRESSES: [&str; 4] = [
    "ip address add LOCAL/24 dev DEV",
    "ip address add LOCAL6/112 dev DEV nodad",
    "ip neighbour replace REMOTE lladdr 02:00:00:00:00:0OTHER nud permanent dev DEV",
    "ip neighbour replace REMOTE6 lladdr 02:00:00:00:00:0OTHER nud permanent dev DEV",
];

/// Takes away what set-ups leave behind.
const TEAR_DOWN: [&str; 15] = [
    "ip link delete tun",
    "ip link delete outer",
    "ip link delete tagged",
    "ip l2tp delete tunnel tunnel_id 1",
    "ip fou delete port 6635 ipproto 137",
    "ip -f mpls route delete 100",
    "ip -f mpls route delete 200",
    "ip -f mpls route delete 300",
    "ip xfrm state flush",
    "ip xfrm policy flush",
    "ip route flush root INSIDE.0/24",
    "ip address delete INSIDE.OWN/32 dev lo",
    "ip address delete LOCAL/24 dev DEV",
    "ip address delete LOCAL6/112 dev DEV",
    "ethtool -K DEV txvlan on rxvlan on",
];

/// What is told of a scene.
type Told = (&'static str, Vec<Fact>);

/// Plays all scenes. One that fails does not keep the others from being played.
pub fn play_all(mut line: Line) {
    let mut told =
        vec![(scenes::PLAIN, play(plain)), (scenes::OFFLOADS, play(offloads)), (bond::NAME, play(bond::play))];
    let facts = play(|facts| tunnels(facts, &mut told));
    told.push((scenes::TUNNELS, facts));
    for (name, facts) in told {
        facts.into_iter().for_each(|fact| line.tell(name, fact));
    }
    line.end();
}

fn play(scene: impl FnOnce(&mut Vec<Fact>)) -> Vec<Fact> {
    let began = Instant::now();
    let mut facts = Vec::new();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| scene(&mut facts))) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        facts.push(Fact::Failed(text.to_owned()));
    }
    facts.push(Fact::Took(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)));
    facts
}

/// Everything over a cable without offloads; nftables counts what arrives.
fn plain(facts: &mut Vec<Fact>) {
    let cable = Cable::without_offloads();
    let hosts = [&cable.server, &cable.client];
    let arrived = hosts.map(|host| Netfilter::count(host, Hook::Ingress));
    let before = attached(&cable.server);
    let watch = watch(&cable.server, cable.server.interface);
    let during = attached(&cable.server);
    everything(&cable);
    tell_all(facts, Watcher::Cable, watch.stop());
    let after = attached(&cable.server);
    assert_eq!(before, after, "something is left behind");
    facts.push(Fact::Attached(during, after));
    // What arrives at one end was sent by the other.
    for (arrived, sender) in arrived.iter().zip([&cable.client, &cable.server]) {
        for kind in Kind::SENT {
            tell_truth(facts, arrived, kind, sender);
        }
    }
}

/// Everything over a cable with offloads; the queueing discipline counts what super-packets stand for.
fn offloads(facts: &mut Vec<Fact>) {
    let cable = Cable::new();
    let qdiscs = [&cable.client, &cable.server].map(Qdisc::count);
    let watch = watch(&cable.client, cable.client.interface);
    everything(&cable);
    tell_all(facts, Watcher::Cable, watch.stop());
    for (host, qdisc) in [&cable.client, &cable.server].into_iter().zip(&qdiscs) {
        let count = qdisc.read();
        let truth = Fact::Truth {
            kind: "all".to_owned(),
            sender: host.addresses[0],
            packets: count.packets,
            bytes: count.bytes,
        };
        facts.push(truth);
    }
}

/// A little of everything, over IPv4 and IPv6.
fn everything(cable: &Cable) {
    for server in cable.server.addresses {
        traffic::iperf(cable, server, &["--bytes", "4M"]);
        traffic::iperf(cable, server, &["--bytes", "4M", "--reverse"]);
        traffic::iperf(cable, server, &["--bytes", "1M", "--udp", "--bitrate", "20M"]);
        cable.client.run(&format!("ping -q -c 20 -i 0.01 {server}"));
        traffic::short_connections(cable, server, 50);
    }
    traffic::settle();
}

/// All tunnels, one after the other on one cable. flowtrace watches the server's end of it, and another one the client's
/// devices.
fn tunnels(facts: &mut Vec<Fact>, told: &mut Vec<Told>) {
    let cable = Cable::without_offloads();
    let on_cable = watch(&cable.server, cable.server.interface);
    let at_devices = watch(&cable.client, "tun");
    for scene in scenes::all() {
        told.push((scene.name, play(|facts| tunnel(facts, &scene, &cable))));
        take_down(&scene, &cable);
    }
    tell_all(facts, Watcher::Cable, on_cable.stop());
    tell_all(facts, Watcher::Device, at_devices.stop());
}

/// Known traffic through a tunnel.
fn tunnel(facts: &mut Vec<Fact>, scene: &Scene, cable: &Cable) {
    let hosts = [&cable.client, &cable.server];
    let arrived = scene
        .expect
        .needs_truth()
        .then(|| [&cable.server, &cable.client].map(|host| Netfilter::count(host, Hook::Ingress)));
    let keys = [0, 1].map(|end| key(scene, end));
    for end in 0..2 {
        run(scene, cable, end, &set_up(scene), &keys, |command| drop(output(command)));
    }
    if scene.device != Device::None {
        wait_until_watched(&cable.client);
    }
    let _decapsulators = [0, 1].map(|end| decapsulator(scene, hosts[end], end));
    for &version in scene.traffic.versions {
        datagrams(scene, cable, version);
        if scene.traffic.has_pings {
            let to = scene.ends(version)[1];
            let length = PINGED + scene.traffic.longer;
            cable.client.run(&format!("ping -q -c {PINGS} -i 0.02 -s {length} {to}"));
        }
    }
    if let Some(arrived) = arrived {
        traffic::settle();
        take_down(scene, cable);
        for (arrived, sender) in arrived.iter().zip(hosts) {
            tell_truth(facts, arrived, Kind::Udp, sender);
        }
    }
}

/// Waits until flowtrace has seen that there is a device `tun`.
fn wait_until_watched(host: &Host) {
    let deadline = Instant::now() + ATTACHING;
    while !host.run("tc filter show dev tun egress").contains("bpf") {
        assert!(Instant::now() < deadline, "flowtrace does not watch the tunnel's device");
        thread::sleep(Duration::from_millis(20));
    }
}

fn take_down(scene: &Scene, cable: &Cable) {
    for end in 0..2 {
        // What is not there cannot be taken away.
        run(scene, cable, end, &TEAR_DOWN, &Default::default(), |command| drop(command.output()));
    }
}

fn watch(host: &Host, interface: &str) -> Watch {
    Watch::start(&host.namespace, &["--interface", interface])
}

/// WireGuard's private key of an end, in a file, and its public key; empty where the scene needs none.
fn key(scene: &Scene, end: usize) -> (String, String) {
    if !scene.setup.iter().any(|line| line.contains("PRIVATE")) {
        return Default::default();
    }
    let file = format!("/run/private-{end}");
    fs::write(&file, output(command("wg").arg("genkey"))).expect("the file can be written");
    let stdin = fs::File::open(&file).expect("it was written");
    let public = output(command("wg").arg("pubkey").stdin(stdin));
    (file, public.trim().to_owned())
}

/// The lines of the set-up, and those that give the tunnel's device its addresses.
fn set_up(scene: &Scene) -> Vec<&'static str> {
    let mut lines = [&ADDRESSES, &scene.setup[..]].concat();
    if scene.device == Device::Ethernet {
        lines.push("ip link set tun address 02:00:00:00:01:0OWN");
    }
    if scene.device != Device::None {
        lines.extend([
            "ip address add INSIDE.OWN/24 dev tun",
            "ip address add INSIDE6:OWN/112 dev tun nodad",
            "ip link set tun up",
        ]);
    }
    if scene.device == Device::Ethernet {
        lines.extend([
            "ip neighbour replace INSIDE.OTHER lladdr 02:00:00:00:01:0OTHER nud permanent dev tun",
            "ip neighbour replace INSIDE6:OTHER lladdr 02:00:00:00:01:0OTHER nud permanent dev tun",
        ]);
    }
    lines
}

/// Runs lines of words at one end, by `by`.
fn run(scene: &Scene, cable: &Cable, end: usize, lines: &[&str], keys: &[(String, String); 2], by: fn(&mut Command)) {
    let words = words(scene, cable, end, keys);
    let host = [&cable.client, &cable.server][end];
    let lines =
        lines.iter().map(|line| words.iter().fold((*line).to_owned(), |line, (word, value)| line.replace(word, value)));
    let lines: Vec<String> = lines.collect();
    host.namespace.enter(|| {
        for group in lines.chunk_by(|one, next| is_for_batch(one) && is_for_batch(next)) {
            by(&mut as_command(group));
        }
    });
}

/// Whether `ip` takes the line in a batch: a process for each would take most of the time.
fn is_for_batch(line: &str) -> bool {
    line.starts_with("ip ") && !line.starts_with("ip -")
}

/// A line of words as a command; a batch of `ip`, which goes on when one of its lines fails but says so at the end.
fn as_command(lines: &[String]) -> Command {
    const BATCH: &str = "/run/batch";
    if is_for_batch(&lines[0]) {
        let batch: String = lines.iter().map(|line| format!("{}\n", line.trim_start_matches("ip "))).collect();
        fs::write(BATCH, batch).expect("the file can be written");
        let mut ip = command("ip");
        ip.args(["-force", "-batch", BATCH]);
        return ip;
    }
    let mut words = lines[0].split_whitespace();
    let mut line = command(words.next().expect("a program"));
    line.args(words);
    line
}

/// The socket that takes ESP out of UDP, as an IKE daemon has one (RFC 3948).
fn decapsulator(scene: &Scene, host: &Host, end: usize) -> Option<UdpSocket> {
    if !scene.setup.iter().any(|line| line.contains("espinudp")) {
        return None;
    }
    let socket =
        host.namespace.enter(|| UdpSocket::bind((scene.on_cable(0)[end], NAT_TRAVERSAL)).expect("a free port"));
    setsockopt(&socket, UdpEncapsulation, &ESP_IN_UDP).expect("the kernel takes ESP out of UDP");
    Some(socket)
}

/// What the words of a set-up stand for; longer words first.
fn words(scene: &Scene, cable: &Cable, end: usize, keys: &[(String, String); 2]) -> Vec<(&'static str, String)> {
    const AUTH: &str = "auth hmac(sha256) 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const CIPHER: &str = "enc cbc(aes) 0x000102030405060708090a0b0c0d0e0f";
    let interface = [&cable.client, &cable.server][end].interface;
    let cable = [0, 1].map(|version| scene.on_cable(version).map(|address| address.to_string()));
    vec![
        ("LOCAL6", cable[1][end].clone()),
        ("REMOTE6", cable[1][1 - end].clone()),
        ("LOCAL", cable[0][end].clone()),
        ("REMOTE", cable[0][1 - end].clone()),
        ("INSIDE6", format!("fd99::{:x}", scene.number)),
        ("INSIDE", format!("10.99.{}", scene.number)),
        ("PEERPORT", WIREGUARD[1 - end].to_string()),
        ("PORT", WIREGUARD[end].to_string()),
        ("PRIVATE", keys[end].0.clone()),
        ("PEER", keys[1 - end].1.clone()),
        ("KEYS", format!("{CIPHER} {AUTH}")),
        ("AUTH", AUTH.to_owned()),
        ("OTHER", (2 - end).to_string()),
        ("OWN", (1 + end).to_string()),
        ("OUT", SPI[end].to_string()),
        ("IN", SPI[1 - end].to_string()),
        ("DEV", interface.to_owned()),
    ]
}

/// The client's datagrams, then the server's answers. Each has to arrive.
fn datagrams(scene: &Scene, cable: &Cable, version: usize) {
    let ends = scene.ends(version);
    let socket = |host: &Host, end: usize| {
        let socket = host.namespace.enter(|| UdpSocket::bind((ends[end], PORTS[end])).expect("a free port"));
        socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        socket.connect(SocketAddr::new(ends[1 - end], PORTS[1 - end])).expect("any address can be connected to");
        socket
    };
    let (client, server) = (socket(&cable.client, 0), socket(&cable.server, 1));
    for (from, to, times, length) in [(&client, &server, DATAGRAMS, ASKED), (&server, &client, ANSWERS, ANSWERED)] {
        let datagram = vec![7; length + scene.traffic.longer];
        for number in 0..times {
            from.send(&datagram).expect("it can be sent");
            let arrived = to.recv(&mut vec![0; datagram.len() + 1]);
            let arrived = arrived.unwrap_or_else(|error| panic!("datagram {number}, version {version}: {error}"));
            assert_eq!(arrived, datagram.len());
        }
    }
}

/// Filters and queueing disciplines of the interface, as tc shows them.
fn attached(host: &Host) -> String {
    let parts = ["filter show dev DEV ingress", "filter show dev DEV egress", "qdisc show dev DEV"];
    parts.map(|part| host.run(&format!("tc {part}"))).concat()
}

pub(super) fn tell_truth(facts: &mut Vec<Fact>, arrived: &Netfilter<'_>, kind: Kind, sender: &Host) {
    for version in 0..2 {
        let count = arrived.read(kind, version);
        let sender = sender.addresses[version];
        let (packets, bytes) = (count.packets, count.bytes);
        facts.push(Fact::Truth { kind: format!("{kind:?}"), sender, packets, bytes });
    }
}

pub(super) fn tell_all(facts: &mut Vec<Fact>, watcher: Watcher, said: Said) {
    for text in &said.lines {
        facts.push(Fact::Said(watcher, text.clone()));
    }
    said.check();
    for record in said.records {
        let mut json = record.json;
        // Always the same, and the line is slow.
        json["resource"] = Value::Null;
        facts.push(Fact::Record(watcher, json));
    }
}
