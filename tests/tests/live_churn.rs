//! Flows that end, come back, and take the place of others: nothing is lost between them, nothing mixed.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::count::Count;
use flowtrace_tests::netns::Cable;
use flowtrace_tests::record::{Record, sent};
use flowtrace_tests::tools::require_live;
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind, Netfilter};
use flowtrace_tests::watch::{Said, Watch};

/// xorshift64*, so that a run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % bound
    }
}

/// Every record goes on where the one before ended, and totals are the sums of deltas.
fn check_totals(said: &Said) {
    let mut totals = std::collections::HashMap::new();
    for record in &said.records {
        let ends = (record.trace.clone(), record.ends, record.ports);
        let before = if record.parent.is_none() { [Count::default(); 2] } else { totals[&ends] };
        let now = [before[0] + record.ways[0], before[1] + record.ways[1]];
        assert_eq!(record.totals, now, "{}", record.json);
        totals.insert(ends, now);
    }
}

#[test]
fn entries_are_deleted_under_load_without_loss() {
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let truth = [&cable.server, &cable.client].map(|host| Netfilter::count(host, Hook::Ingress));
    let arguments = ["-i", cable.server.interface, "--scan-interval", "100ms", "-t", "tcp_fin=1s", "-t", "udp=1s"];
    let watch = Watch::start(&cable.server.namespace, &arguments);
    let end = Instant::now() + Duration::from_secs(12);
    let (cable_ref, done) = (&cable, AtomicBool::new(false));
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                traffic::short_connections(cable_ref, cable_ref.server.addresses[0], 100);
            }
        });
        let talkers = [0, 1].map(|version| scope.spawn(move || intermittent_flows(cable_ref, version, end)));
        for talker in talkers {
            talker.join().expect("the packets were sent");
        }
        done.store(true, Ordering::Relaxed);
        load.join().expect("the connections were made");
    });
    traffic::settle();
    let said = watch.stop();
    said.check();
    check_totals(&said);
    for (kind, version) in [(Kind::Udp, 0), (Kind::Udp, 1), (Kind::Tcp, 0)] {
        let sums = [&cable.client, &cable.server].map(|host| sent(&said.records, kind, host.addresses[version]));
        println!("{kind:?} {version}: {sums:?}");
        assert_eq!(sums, [0, 1].map(|way| truth[way].read(kind, version)), "{kind:?}: {:?}", said.lines);
    }
    let begun = said.records.iter().filter(|record| record.kind == Kind::Udp && record.parent.is_none()).count();
    println!("{begun} UDP flows; {:?}", said.lines);
    assert!(begun > 2 * 3 * FLOWS, "flows end and come back");
}

const FLOWS: usize = 4000;

/// Flows that fall silent for about as long as it takes until they are over (1 s), or until their entry is deleted
/// (another 1 s, and a scan).
fn intermittent_flows(cable: &Cable, version: usize, end: Instant) {
    traffic::pin(version);
    let mut random = Random(7 + version as u64);
    let socket = cable.client.namespace.enter(|| std::net::UdpSocket::bind((cable.client.addresses[version], 7600)));
    let socket = socket.expect("a free port");
    let mut gap = move || {
        let (least, spread) = if random.below(4) == 0 { (950, 100) } else { (1950, 300) };
        Duration::from_micros(1000 * least + random.below(1000 * spread))
    };
    let mut due: Vec<Instant> = (0..FLOWS).map(|_| Instant::now() + gap()).collect();
    while Instant::now() < end {
        for (port, due) in (10_000u16..).zip(&mut due) {
            if *due <= Instant::now() {
                // An ICMP error to an earlier packet may be reported here: then nothing was sent.
                let _ = socket.send_to(&[0; 32], (cable.server.addresses[version], port));
                *due = Instant::now() + gap();
            }
        }
        thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn each_connection_of_a_reused_port_is_a_flow() {
    const CONNECTIONS: usize = 2000;
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let truth = [&cable.server, &cable.client].map(|host| Netfilter::count(host, Hook::Ingress));
    let arguments = ["-i", cable.server.interface, "--scan-interval", "100ms"];
    let watch = Watch::start(&cable.server.namespace, &arguments);
    let began = Instant::now();
    for version in 0..2 {
        traffic::reset_connections(&cable, version, CONNECTIONS, Duration::from_millis(2));
    }
    println!("{CONNECTIONS} connections of each IP version in {:?}", began.elapsed());
    traffic::settle();
    let said = watch.stop();
    println!("{:?}", said.lines);
    said.check();
    check_totals(&said);
    for version in 0..2 {
        let sums = [&cable.client, &cable.server].map(|host| sent(&said.records, Kind::Tcp, host.addresses[version]));
        assert_eq!(sums, [0, 1].map(|way| truth[way].read(Kind::Tcp, version)), "{:?}", said.lines);
        let client = cable.client.addresses[version];
        let flows: Vec<&Record> = said.records.iter().filter(|record| record.ends[0] == client).collect();
        assert_eq!(flows.len(), CONNECTIONS, "one flow a connection: {:?}", said.lines);
        let traces: HashSet<&str> = flows.iter().map(|flow| flow.trace.as_str()).collect();
        assert_eq!(traces.len(), CONNECTIONS, "one trace a connection");
        assert!(flows.iter().all(|flow| flow.json["status"].is_object()), "each was reset");
    }
}

#[test]
fn ports_reused_faster_than_flows_are_read_lose_no_packet() {
    const CONNECTIONS: usize = 3000;
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let truth = [&cable.server, &cable.client].map(|host| Netfilter::count(host, Hook::Ingress));
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface, "-t", "tcp_rst=100ms"]);
    for version in 0..2 {
        traffic::reset_connections(&cable, version, CONNECTIONS, Duration::ZERO);
    }
    traffic::settle();
    let said = watch.stop();
    println!("{:?}", said.lines);
    said.check();
    check_totals(&said);
    assert!(said.noted("generations_exhausted").packets > 0, "too fast for 255 generations");
    let hosts = [&cable.client, &cable.server];
    let counted: Count =
        hosts.iter().flat_map(|host| host.addresses).map(|sender| sent(&said.records, Kind::Tcp, sender)).sum();
    let arrived: Count = truth.iter().flat_map(|truth| [0, 1].map(|version| truth.read(Kind::Tcp, version))).sum();
    assert_eq!(counted + said.lost("map_full"), arrived, "{:?}", said.lines);
}

#[test]
fn what_is_no_ip_is_said() {
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let (host, address) = (&cable.client, cable.client.addresses[0]);
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    // ARP: the neighbour is asked for once it is not known any more.
    host.run(&format!("ip neighbour delete {} dev DEV", cable.server.addresses[0]));
    host.run(&format!("ping -q -c 1 {}", cable.server.addresses[0]));
    traffic::settle();
    let said = watch.stop();
    said.check();
    let arp = said.lost("not_ip");
    assert!(arp.packets >= 2 && arp.bytes == 42 * arp.packets, "question and answer: {:?}", said.lines);
    assert_eq!(sent(&said.records, Kind::Echo, address), Count { packets: 1, bytes: 84 });
}

#[test]
fn group_reports_are_counted() {
    let Some(_alone) = require_live() else { return };
    let cable = Cable::without_offloads();
    let watch = Watch::start(&cable.server.namespace, &["-i", cable.server.interface]);
    // Joining a group is told to the neighbourhood by MLD, behind a hop-by-hop header.
    let group = "ff15::7777".parse().expect("an address");
    let socket = cable.client.namespace.enter(|| {
        let socket = std::net::UdpSocket::bind(SocketAddr::new(cable.client.addresses[1], 0)).expect("a port");
        let index = nix::net::if_::if_nametoindex(cable.client.interface).expect("it is there");
        socket.join_multicast_v6(&group, index).expect("the interface has IPv6");
        socket
    });
    traffic::settle();
    drop(socket);
    traffic::settle();
    let said = watch.stop();
    said.check();
    let to_routers: IpAddr = "ff02::16".parse().expect("an address");
    let reports = said.records.iter().filter(|record| record.ends[1] == to_routers);
    let reports: u64 = reports.map(|record| record.ways[0].packets).sum();
    assert!(reports >= 2, "joined and left: {:?}", said.records);
}
