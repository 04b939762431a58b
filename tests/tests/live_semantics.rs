//! What becomes of conversations live: ends, windows, states, failures; and what is done when room is short.
#![allow(clippy::print_stdout, reason = "of a test that fails one wants to see what it saw")]

use std::collections::{BTreeMap, HashSet};
use std::net::UdpSocket;
use std::ops::Range;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flowtrace_tests::chains::{self, chains};
use flowtrace_tests::exchange::nanoseconds;
use flowtrace_tests::netns::Cable;
use flowtrace_tests::once::Arrived;
use flowtrace_tests::record::{Record, sent};
use flowtrace_tests::sniff::{Capture, Sniffer};
use flowtrace_tests::steady::Stream;
use flowtrace_tests::talks::{self, Talk};
use flowtrace_tests::tools::{Alone, require_live_beside};
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind, Netfilter};
use flowtrace_tests::watch::{Said, Watch};
use nix::sys::signal::Signal;

const SECOND: u64 = 1_000_000_000;
/// How long the long connection lasts: two cuts and a rest.
const LONG: Duration = Duration::from_secs(150);

/// The ports of the servers, by conversation.
mod port {
    pub const LONG: u16 = 7300;
    pub const BEFORE: u16 = 7301;
    pub const QUESTION: u16 = 7302;
    pub const NOBODY: u16 = 7303;
    pub const RESET_BY_CLIENT: u16 = 7304;
    pub const RESET_BY_SERVER: u16 = 7305;
    pub const SCANNED: u16 = 7306;
    pub const REUSED: u16 = 7307;
    pub const GAP: u16 = 7308;
    pub const CLOSED_BY_SERVER: u16 = 7309;
    pub const OPEN_TCP: u16 = 7310;
    pub const OPEN_UDP: u16 = 7311;
}

/// The tests of this file run beside one another: they wait most of the time.
fn alone() -> Option<()> {
    static ALONE: OnceLock<Option<Alone>> = OnceLock::new();
    ALONE.get_or_init(require_live_beside).as_ref().map(|_| ())
}

/// The flows to a port of the server, first records first.
fn flows(said: &Said, port: u16) -> Vec<Vec<&Record>> {
    chains(&said.records).into_iter().filter(|chain| chain[0].ports.contains(&u64::from(port))).collect()
}

/// The only flow to a port of the server.
fn flow(said: &Said, port: u16) -> Vec<&Record> {
    let mut flows = flows(said, port);
    assert_eq!(flows.len(), 1, "one flow of port {port}: {flows:#?}");
    flows.remove(0)
}

/// When a record was written, nanoseconds since the Unix epoch.
fn written(said: &Said, record: &Record) -> u64 {
    let place = said.records.iter().position(|other| other.span == record.span).expect("its record");
    let time = said.arrived[place].duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    u64::try_from(time.as_nanos()).expect("before 2554")
}

#[test]
fn conversations_end_as_they_do() {
    const OPEN: usize = 50;
    let Some(()) = alone() else { return };
    let cable = Cable::without_offloads();
    let hosts @ [client, server] = [&cable.client, &cable.server];
    server.run("nft add table inet deaf");
    server.run("nft add chain inet deaf in { type filter hook input priority 0 ; }");
    server.run(&format!("nft add rule inet deaf in tcp dport {} drop", port::SCANNED));
    let mut before = Talk::begin(&cable, port::BEFORE);
    before.say();
    let arrived = Arrived::count(&cable, [&[client.interface], &[server.interface]]);
    let watches = hosts.map(|host| Watch::start(&host.namespace, &["-i", host.interface]));
    let sniffer = Sniffer::start(&server.namespace, server.interface);

    thread::scope(|scope| {
        scope.spawn(|| talks::paced(&cable, port::LONG, LONG, Duration::from_millis(500)));
        scope.spawn(|| talks::with_gap(&cable, port::GAP, Duration::from_secs(25)));
        scope.spawn(|| {
            let end = Instant::now() + LONG;
            while Instant::now() < end {
                before.say();
                thread::sleep(Duration::from_secs(4));
            }
        });
        talks::question(&cable, port::QUESTION);
        client.run(&format!("ping -q -c 5 -i 0.2 {}", server.addresses[0]));
        talks::refused(&cable, port::NOBODY);
        talks::reset(&cable, port::RESET_BY_CLIENT, talks::By::Client);
        talks::reset(&cable, port::RESET_BY_SERVER, talks::By::Server);
        talks::closed(&cable, port::CLOSED_BY_SERVER, talks::By::Server);
        talks::scan(&cable, port::SCANNED, Duration::from_millis(3500));
        talks::reused(&cable, port::REUSED, 3);
    });
    // Until the long connection's end is told.
    thread::sleep(Duration::from_secs(8));
    let open = talks::many(&cable, port::OPEN_TCP, port::OPEN_UDP, OPEN);
    traffic::settle();
    let capture = sniffer.stop();
    let said = watches.map(|watch| watch.stop_by(Signal::SIGTERM));
    // The counters of what arrives go on.
    let wrong = said.each_ref().map(|said| arrived.differences(&said.records));
    drop(open);

    for ((side, said), wrong) in ["client", "server"].into_iter().zip(&said).zip(wrong) {
        println!("at the {side}: {:?}", said.lines);
        chains::check(said);
        // IPv6 is not spoken here.
        assert!(wrong.iter().all(|text| text.contains("fd77")), "at the {side}: {wrong:#?}");
        long(said, &capture);
        short(said);
        failed(said);
        opened(said);
        let ends = |port| flows(said, port).iter().filter(|flow| flow[0].end_reason == "forced_end").count();
        assert_eq!([ends(port::OPEN_TCP), ends(port::OPEN_UDP)], [OPEN; 2], "at the {side}: none is lost");
        let before = flow(said, port::BEFORE);
        assert_eq!(before.last().expect("records").end_reason, "forced_end", "at the {side}");
        assert!(before.iter().all(|record| record.number("flow.tcp.handshake.latency").is_none()), "nobody saw it");
    }
    for (said, kind, direction) in [(&said[0], "CLIENT", "forward"), (&said[1], "SERVER", "reverse")] {
        for record in said.records.iter().filter(|record| record.kind != Kind::Other) {
            assert_eq!(record.json["kind"], kind, "{}", record.json);
            assert_eq!(record.text("flow.direction"), Some(direction), "{}", record.json);
            assert_eq!(record.ends[0], client.addresses[0], "the client is the source: {}", record.json);
        }
    }
}

/// A connection of 150 seconds is three records.
fn long(said: &Said, capture: &Capture) {
    let records = flow(said, port::LONG);
    let reasons: Vec<&str> = records.iter().map(|record| record.end_reason.as_str()).collect();
    assert_eq!(reasons, ["active_timeout", "active_timeout", "end_of_flow_detected"]);
    let lengths: Vec<f64> =
        records.iter().map(|record| (record.window[1] - record.window[0]) as f64 / SECOND as f64).collect();
    println!("windows of {lengths:?} s");
    // The first is shorter by up to a tenth, each longer by up to a scan.
    assert!((54.0..61.5).contains(&lengths[0]) && (60.0..61.5).contains(&lengths[1]), "{lengths:?}");
    let times = capture.tshark(&format!("tcp.port == {}", port::LONG), &["frame.time_epoch", "tcp.flags.fin"]);
    let edges = [&times[0], &times[times.len() - 1]].map(|row| nanoseconds(&row[0]));
    for (own, truth) in [records[0].window[0], records[2].window[1]].into_iter().zip(edges) {
        assert!(own.abs_diff(truth) < SECOND / 50, "{own}, and tcpdump's {truth}");
    }
    let after = written(said, records[2]) - edges[1];
    println!("its end was told after {:.3} s", after as f64 / SECOND as f64);
    assert!((5 * SECOND..7 * SECOND).contains(&after), "the end is told within 2 s of tcp_fin: {after} ns");
    let flags: Vec<_> = records.iter().map(|record| record.number("flow.tcp.flags.bits")).collect();
    assert_eq!(flags, [Some(0x1a), Some(0x1a), Some(0x1b)], "SYN, PSH, ACK; and FIN at the end");
    let states: Vec<_> = records.iter().map(|record| record.text("flow.connection.state")).collect();
    assert_eq!(states, [Some("established"), Some("established"), Some("time_wait")]);
}

/// A question and its answer, and five pings.
fn short(said: &Said) {
    let question = flow(said, port::QUESTION);
    let ping: Vec<&Record> = said.records.iter().filter(|record| record.kind == Kind::Echo).collect();
    for (records, packets) in [(question, 1), (ping, 5)] {
        let [record] = records[..] else { panic!("one record: {records:#?}") };
        assert_eq!(record.ways.map(|way| way.packets), [packets; 2], "{}", record.json);
        assert_eq!(record.end_reason, "idle_timeout", "{}", record.json);
        assert_eq!(record.json["status"].as_object(), None, "{}", record.json);
    }
}

/// Connections that failed, and what of them does not count as a failure.
fn failed(said: &Said) {
    for (port, error, closed_by, reason) in [
        (port::NOBODY, Some("connection_refused"), Some("destination"), "end_of_flow_detected"),
        (port::RESET_BY_CLIENT, Some("connection_reset"), Some("source"), "end_of_flow_detected"),
        (port::RESET_BY_SERVER, Some("connection_reset"), Some("destination"), "end_of_flow_detected"),
        (port::CLOSED_BY_SERVER, None, Some("destination"), "end_of_flow_detected"),
        (port::SCANNED, None, None, "idle_timeout"),
    ] {
        let records = flow(said, port);
        assert_eq!(records.len(), 1, "port {port}");
        let json = &records[0].json;
        assert_eq!(records[0].text("error.type"), error, "{json}");
        assert_eq!(json["status"]["code"].as_u64(), error.map(|_| 2), "{json}");
        assert_eq!(records[0].text("flow.tcp.closed_by"), closed_by, "{json}");
        assert_eq!(records[0].end_reason, reason, "{json}");
    }
    let scan = flow(said, port::SCANNED)[0];
    assert_eq!(scan.text("flow.connection.state"), Some("syn_sent"), "{}", scan.json);
    assert!(scan.ways[0].packets > 1 && scan.ways[1].packets == 0, "{}", scan.json);
    assert_eq!(scan.number("flow.tcp.retransmits.total"), Some(scan.ways[0].packets - 1), "{}", scan.json);
}

/// A port that is used again at once is a new trace; a connection that was silent for long is the same one.
fn opened(said: &Said) {
    let reused = flows(said, port::REUSED);
    let traces: HashSet<&str> = reused.iter().map(|flow| flow[0].trace.as_str()).collect();
    assert_eq!((reused.len(), traces.len()), (3, 3), "a trace for each");
    let ports: HashSet<u64> = reused.iter().map(|flow| flow[0].ports[0]).collect();
    assert_eq!(ports.len(), 1, "of the same port");
    let gap = flows(said, port::GAP);
    let reasons: Vec<&str> = gap.iter().map(|flow| flow.last().expect("records").end_reason.as_str()).collect();
    assert_eq!(reasons, ["idle_timeout", "end_of_flow_detected"]);
    assert_eq!(gap[0][0].trace, gap[1][0].trace, "silence ends a flow, not the connection");
    assert!(gap[1][0].window[0] - gap[0][0].window[1] > 20 * SECOND, "the silence belongs to no window");
}

/// One datagram from each of these sockets to each of these ports of the server, in so much time; nobody answers.
fn datagrams(cable: &Cable, sockets: &[UdpSocket], ports: Range<u16>, time: Duration) {
    const BATCH: usize = 50;
    let to = cable.server.addresses[0];
    let all: Vec<(&UdpSocket, u16)> =
        sockets.iter().flat_map(|socket| ports.clone().map(move |port| (socket, port))).collect();
    let begin = Instant::now();
    for (number, batch) in all.chunks(BATCH).enumerate() {
        let due = time.mul_f64((number * BATCH) as f64 / all.len() as f64);
        thread::sleep(due.saturating_sub(begin.elapsed()));
        for (socket, port) in batch {
            socket.send_to(&[1; 32], (to, *port)).expect("it can be sent");
        }
    }
    thread::sleep(time.saturating_sub(begin.elapsed()));
}

/// A cable on which the server takes datagrams to these ports and says nothing.
fn silent_cable(ports: &Range<u16>) -> Cable {
    let cable = Cable::without_offloads();
    let server = &cable.server;
    server.run("nft add table inet silent");
    server.run("nft add chain inet silent in { type filter hook input priority 0 ; }");
    server.run(&format!("nft add rule inet silent in udp dport {}-{} drop", ports.start, ports.end - 1));
    cable
}

fn sockets(cable: &Cable, count: usize) -> Vec<UdpSocket> {
    let socket = |_| UdpSocket::bind((cable.client.addresses[0], 0)).expect("there is a free port");
    cable.client.namespace.enter(|| (0..count).map(socket).collect())
}

#[test]
fn flows_that_begin_together_are_not_cut_together() {
    const PORTS: Range<u16> = 10_000..12_000;
    let Some(()) = alone() else { return };
    let cable = silent_cable(&PORTS);
    let options = ["-t", "active=2s", "--active-jitter", "50%", "--scan-interval", "100ms"];
    let watch = Watch::start(&cable.server.namespace, &[&["-i", cable.server.interface][..], &options].concat());
    let sockets = sockets(&cable, 1);
    for _ in 0..15 {
        datagrams(&cable, &sockets, PORTS, Duration::from_millis(350));
    }
    let said = watch.stop();
    chains::check(&said);
    let flows: Vec<_> =
        chains(&said.records).into_iter().filter(|flow| PORTS.contains(&(flow[0].ports[1] as u16))).collect();
    assert_eq!(flows.len(), PORTS.len());
    let first = flows.iter().map(|flow| flow[0].window[0]).min().expect("flows");
    let mut cuts = BTreeMap::new();
    for flow in &flows {
        let [one, two] = [flow[0], flow[1]].map(|record| record.window[1] - record.window[0]);
        assert!((SECOND..SECOND * 5 / 2).contains(&one), "the first window is shorter by up to a half: {one} ns");
        assert!((2 * SECOND..SECOND * 5 / 2).contains(&two), "the second is not: {two} ns");
        *cuts.entry((flow[0].window[1] - first) * 5 / SECOND).or_insert(0) += 1;
    }
    println!("first cuts, by fifths of a second: {cuts:?}");
    assert!(cuts.values().all(|&count| count < PORTS.len() / 2), "{cuts:?}");
    assert!(cuts.len() >= 5, "{cuts:?}");
}

#[test]
fn the_idlest_flows_make_room_and_nothing_is_lost() {
    const PORTS: Range<u16> = 10_000..16_000;
    // A tenth of it has to last until the first are thrown out: about half a second, at a thousand flows a second.
    const MAX: &str = "8000";
    let Some(()) = alone() else { return };
    let cable = silent_cable(&PORTS);
    let hosts = [&cable.client, &cable.server];
    let truth = Netfilter::count(&cable.server, Hook::Ingress);
    let options = ["--max-flows", MAX, "--scan-interval", "100ms"];
    let watch = Watch::start(&cable.server.namespace, &[&["-i", cable.server.interface][..], &options].concat());
    let streams = [7330, 7331, 7332].map(|port| Stream::udp(hosts, 0, port, Duration::from_millis(50)));
    // Each flow is of one packet.
    let sockets = sockets(&cable, 3);
    datagrams(&cable, &sockets, PORTS, Duration::from_secs(18));
    let _ = streams.map(Stream::stop);
    traffic::settle();
    let said = watch.stop();
    chains::check(&said);
    let (counted, lost) = (sent(&said.records, Kind::Udp, cable.client.addresses[0]), said.lost("map_full"));
    let evicted = said.records.iter().filter(|record| record.end_reason == "lack_of_resources").count();
    println!("{counted:?}, map_full {lost:?}, {evicted} of {} flows evicted: {:?}", said.records.len(), said.lines);
    assert_eq!(counted + lost, truth.read(Kind::Udp, 0), "{:?}", said.lines);
    assert_eq!(lost.packets, 0, "there was time to make room");
    assert!(evicted > 8000, "{evicted} were evicted");
    for port in 7330..=7332 {
        let records = flow(&said, port);
        assert_eq!(records.last().expect("records").end_reason, "forced_end", "one that is not idle stays");
    }
}
