//! Times and order of TCP segments, against what tcpdump saw at the same time.
#![allow(clippy::print_stdout, reason = "of a test that fails one wants to see what it saw")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use flowtrace_tests::chains;
use flowtrace_tests::counters;
use flowtrace_tests::exchange::{self, Exchange, Times};
use flowtrace_tests::fabric::Fabric;
use flowtrace_tests::netns::{Cable, Host};
use flowtrace_tests::record::Record;
use flowtrace_tests::slow::SlowCable;
use flowtrace_tests::sniff::{Capture, Sniffer};
use flowtrace_tests::tools::require_live;
use flowtrace_tests::traffic;
use flowtrace_tests::watch::{Said, Watch};

const MILLISECOND: u64 = 1_000_000;
/// How long a packet is under way.
const UNDERWAY: u32 = 20;

const fn milliseconds(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// All have think time, which counts for nothing.
const EXCHANGES: [Exchange; 4] = [
    Exchange {
        name: "a server that takes 50 ms",
        version: 0,
        port: 7100,
        delays: [milliseconds(50); 2],
        think: milliseconds(200),
        rounds: 12,
        lengths: [100, 1000],
        pause: Duration::ZERO,
    },
    Exchange {
        name: "a server that takes 20 and 60 ms",
        version: 1,
        port: 7101,
        delays: [milliseconds(20), milliseconds(60)],
        think: milliseconds(200),
        rounds: 12,
        lengths: [100, 1000],
        pause: Duration::ZERO,
    },
    Exchange {
        name: "questions and answers of many packets",
        version: 0,
        port: 7102,
        delays: [milliseconds(50); 2],
        think: milliseconds(200),
        rounds: 10,
        lengths: [5000, 50_000],
        // It belongs to the question.
        pause: milliseconds(30),
    },
    Exchange {
        name: "a server that takes no time",
        version: 1,
        port: 7103,
        delays: [Duration::ZERO; 2],
        think: milliseconds(100),
        rounds: 12,
        lengths: [10, 10],
        pause: Duration::ZERO,
    },
];

/// An agent and tcpdump, on the same interface.
struct Observers {
    watch: Watch,
    sniffer: Sniffer,
}

impl Observers {
    fn start(host: &Host) -> Self {
        let watch = Watch::start(&host.namespace, &["-i", host.interface]);
        Self { watch, sniffer: Sniffer::start(&host.namespace, host.interface) }
    }

    fn stop(self) -> (Said, Capture) {
        traffic::settle();
        let (capture, said) = (self.sniffer.stop(), self.watch.stop());
        chains::check(&said);
        (said, capture)
    }
}

/// The only record of the connection to this port.
fn connection(said: &Said, port: u16) -> &Record {
    let mut records = said.records.iter().filter(|record| record.ports[1] == u64::from(port));
    let record = records.next().unwrap_or_else(|| panic!("no record of port {port}: {:?}", said.records));
    assert!(records.next().is_none(), "more than one record of port {port}");
    record
}

/// Within 5 % or a millisecond.
fn is_near(value: u64, truth: u64) -> bool {
    value.abs_diff(truth) <= (truth / 20).max(MILLISECOND)
}

/// Collects what is not as it is to be.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn compare(&mut self, what: &str, record: &Record, name: &str, truth: Option<u64>) {
        let value = record.number(name);
        println!("{what}: {name} {value:?}, truth {truth:?}");
        let is_right = match (value, truth) {
            (Some(value), Some(truth)) => is_near(value, truth),
            (value, truth) => value == truth,
        };
        if !is_right {
            self.0.push(format!("{what}: {name} is {value:?}, not {truth:?}"));
        }
    }
}

/// Smoothed round trip of the connection to this port that a socket of the host knows, in nanoseconds.
fn socket_round_trip(host: &Host, port: u16) -> u64 {
    let text = host.run(&format!("ss --tcp --info --no-header --numeric sport = {port} or dport = {port}"));
    let value = text.split_whitespace().find_map(|word| word.strip_prefix("rtt:"));
    let value = value.and_then(|value| value.split('/').next()?.parse::<f64>().ok());
    (value.unwrap_or_else(|| panic!("no round trip in {text}")) * MILLISECOND as f64) as u64
}

#[test]
fn answers_take_as_long_as_tcpdump_says() {
    let Some(_alone) = require_live() else { return };
    let slow = SlowCable::new(UNDERWAY);
    let cable = &slow.cable;
    let hosts = [&cable.client, &cable.server];
    let observers = hosts.map(Observers::start);
    let round_trips = Mutex::new([0; 2]);
    let served: Vec<Vec<u64>> = thread::scope(|scope| {
        let (cable, round_trips) = (&cable, &round_trips);
        let playing = EXCHANGES.map(|exchange| {
            let before_end = move || {
                if exchange.port == EXCHANGES[0].port {
                    *round_trips.lock().expect("nobody panics") =
                        hosts.map(|host| socket_round_trip(host, exchange.port));
                }
            };
            scope.spawn(move || exchange.play(cable, before_end))
        });
        playing.map(|playing| playing.join().expect("all was answered")).into()
    });
    let [(at_client, by_client), (at_server, by_server)] = observers.map(Observers::stop);
    let mut wrong = Wrong::default();
    let ports = EXCHANGES.map(|exchange| exchange.port);
    let seen = [&by_client, &by_server].map(|capture| Times::of(capture, &ports));
    for (exchange, served) in EXCHANGES.iter().zip(&served) {
        let records = [&at_client, &at_server].map(|said| connection(said, exchange.port));
        let times = [0, 1].map(|side| &seen[side][&exchange.port]);
        for (side, (record, times)) in records.into_iter().zip(times).enumerate() {
            let what = format!("{}, at the {}", exchange.name, ["client", "server"][side]);
            assert_eq!(times.answers.len(), exchange.rounds, "{what}");
            wrong.compare(&what, record, "flow.tcp.handshake.latency", Some(times.handshake));
            let (latency, jitter) = (exchange::mean(&times.answers), exchange::jitter(&times.answers));
            for (name, is_here) in [("rndtrip", side == 0), ("svc", side == 1)] {
                wrong.compare(&what, record, &format!("flow.tcp.{name}.latency"), is_here.then_some(latency));
                wrong.compare(&what, record, &format!("flow.tcp.{name}.jitter"), is_here.then_some(jitter));
            }
        }
        // What the server measured of itself is less: it does not see how long it waited for a CPU.
        let least = [exchange::mean(served) + u64::from(2 * UNDERWAY) * MILLISECOND, exchange::mean(served)];
        for (place, name) in ["flow.tcp.rndtrip.latency", "flow.tcp.svc.latency"].into_iter().enumerate() {
            assert!(records[place].number(name) >= Some(least[place]), "{}: {name}", exchange.name);
        }
    }
    let sockets = *round_trips.lock().expect("nobody panics");
    let sides = [(&at_client, "flow.tcp.rtt.smoothed"), (&at_server, "flow.reverse.tcp.rtt.smoothed")];
    for ((said, name), socket) in sides.into_iter().zip(sockets) {
        let value = connection(said, EXCHANGES[0].port).number(name).expect("a socket knows it");
        println!("{name} {value}, the socket's {socket}");
        // The last acknowledgements count for an eighth each, and came after the last packet that was sent.
        assert!(value.abs_diff(socket) < socket / 5, "{name} is {value}, not about {socket}");
    }
    assert!(wrong.0.is_empty(), "{:#?}", wrong.0);
}

/// How segments get lost on the way to these ports of the server.
const LOSSES: [(&str, u16); 3] = [("lost between the agents", 7200), ("lost behind both", 7201), ("not lost", 7202)];
/// Port of a server that does not read for a while.
const LAZY: u16 = 7203;
/// The kernel's counter of segments that it sent again.
const SENT_AGAIN: &str = "TcpRetransSegs";
/// Bytes of an upload.
const UPLOAD: usize = 400_000;

/// Sends much to this port of the server, which reads after a while, and closes.
fn upload(cable: &Cable, port: u16, pause: Duration) {
    let to = SocketAddr::new(cable.server.addresses[0], port);
    let listener = cable.server.namespace.enter(|| TcpListener::bind(to).expect("a free port"));
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a connection");
            thread::sleep(pause);
            stream.read_to_end(&mut Vec::new()).expect("all arrives");
        });
        cable.client.namespace.enter(|| {
            let mut stream = TcpStream::connect(to).expect("the server listens");
            let length = if port == LAZY { 20 * UPLOAD } else { UPLOAD };
            stream.write_all(&vec![7; length]).expect("the server reads");
        });
    });
}

/// What tshark finds in the connections to servers' ports: segments to the server that were sent again or (as it guesses
/// of some of them) came out of order, and segments of the server's that close its window.
fn analysed(capture: &Capture) -> HashMap<u16, [u64; 2]> {
    const AGAIN: [&str; 4] = ["out_of_order", "retransmission", "fast_retransmission", "spurious_retransmission"];
    let again = AGAIN.map(|name| format!("tcp.analysis.{name}"));
    let fields = ["tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.window_size"];
    let fields: Vec<&str> = fields.into_iter().chain(again.iter().map(String::as_str)).collect();
    let mut found: HashMap<u16, [u64; 2]> = HashMap::new();
    for row in capture.tshark("tcp", &fields) {
        let number = |place: usize| row[place].parse::<u16>().expect("a port");
        let flags = u16::from_str_radix(row[2].trim_start_matches("0x"), 16).expect("flags");
        found.entry(number(1)).or_default()[0] += u64::from(row[4..].iter().any(|value| !value.is_empty()));
        found.entry(number(0)).or_default()[1] += u64::from(row[3] == "0" && flags & 7 == 0);
    }
    found
}

#[test]
fn segments_are_sent_again_as_often_as_tshark_says() {
    let Some(_alone) = require_live() else { return };
    let fabric = Fabric::routed().without_offloads();
    let (cable, node) = (&fabric.pods, &fabric.nodes[0]);
    let rule = "meta length > 500 numgen inc mod 10 == 0 drop";
    node.run("nft add table inet lossy");
    node.run("nft add chain inet lossy between { type filter hook forward priority 0 ; }");
    node.run(&format!("nft add rule inet lossy between tcp dport 7200 {rule}"));
    cable.server.run("nft add table netdev lossy");
    cable.server.run("nft add chain netdev lossy in { type filter hook ingress device DEV priority 0 ; }");
    cable.server.run(&format!("nft add rule netdev lossy in tcp dport 7201 {rule}"));
    let observers = [&cable.client, &cable.server].map(Observers::start);
    let before = counters::ip_counter(&cable.client.namespace, SENT_AGAIN);
    thread::scope(|scope| {
        for (_, port) in LOSSES {
            scope.spawn(move || upload(cable, port, Duration::ZERO));
        }
        scope.spawn(|| upload(cable, LAZY, Duration::from_secs(1)));
    });
    let by_sender = counters::ip_counter(&cable.client.namespace, SENT_AGAIN) - before;
    let mut wrong = Vec::new();
    for (side, (said, capture)) in ["client", "server"].into_iter().zip(observers.map(Observers::stop)) {
        let mut compare = |what: &str, record: &Record, name: &str, truth: u64| {
            let value = record.number(name).expect("a number");
            println!("{what}, at the {side}: {name} {value}, truth {truth}");
            if value != truth {
                wrong.push(format!("{what}, at the {side}: {name} is {value}, not {truth}"));
            }
        };
        let truth = analysed(&capture);
        if side == "client" {
            let all = said.records.iter().filter_map(|record| record.number("flow.tcp.retransmits.delta")).sum::<u64>();
            assert_eq!(all, by_sender, "what the sender's kernel counted");
        }
        for (what, port) in LOSSES {
            let record = connection(&said, port);
            let [again, _] = truth[&port];
            if (side, port) == ("server", LOSSES[0].1) {
                // What fills a hole sooner than a round trip may have been overtaken: no observer there can tell.
                let [sent_again, early] = ["retransmits", "out_of_order"]
                    .map(|name| record.number(&format!("flow.tcp.{name}.total")).expect("a number"));
                println!("{what}, at the {side}: {sent_again} sent again, {early} early, truth {again}");
                assert_eq!(sent_again + early, again, "{what}, at the {side}");
            } else {
                compare(what, record, "flow.tcp.retransmits.total", again);
                compare(what, record, "flow.tcp.out_of_order.total", 0);
            }
            compare(what, record, "flow.reverse.tcp.retransmits.total", 0);
        }
        let record = connection(&said, LAZY);
        compare("a server that does not read", record, "flow.reverse.tcp.zero_window.total", truth[&LAZY][1]);
        assert!(record.number("flow.reverse.tcp.zero_window.total") > Some(0), "its window closes");
        compare("a server that does not read", record, "flow.tcp.zero_window.total", 0);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
