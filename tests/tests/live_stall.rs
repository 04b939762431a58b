//! OTLP receivers that hang: what is counted waits for them, and nobody else does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::count::Count;
use flowtrace_tests::files::receiver::Receiver;
use flowtrace_tests::netns::Cable;
use flowtrace_tests::tools::require_live;
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind, Netfilter};
use flowtrace_tests::watch::{Said, Watch};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use tempfile::TempDir;

/// More than the queue holds (64 batches of 512).
const FLOWS: u16 = 40_000;
const OPTIONS: [&str; 6] = ["-t", "active=1s", "--active-jitter", "0", "--shutdown-timeout", "60s"];

/// The way to a receiver, through a Unix socket: nothing gets through as long as it is shut.
struct Gate {
    receiver: Receiver,
    folder: TempDir,
    is_open: Arc<AtomicBool>,
}

impl Gate {
    fn new(is_open: bool) -> Self {
        let gate = Self {
            receiver: Receiver::start(),
            folder: TempDir::new().expect("a folder"),
            is_open: Arc::new(AtomicBool::new(is_open)),
        };
        let listener = UnixListener::bind(gate.folder.path().join("otlp")).expect("a socket");
        let (to, is_open) = (gate.receiver.url(), Arc::clone(&gate.is_open));
        let to: SocketAddr = to.trim_start_matches("http://").parse().expect("an address");
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let is_open = Arc::clone(&is_open);
                thread::spawn(move || pass(&client, &TcpStream::connect(to).expect("it listens"), &is_open));
            }
        });
        gate
    }

    fn url(&self) -> String {
        format!("unix:{}", self.folder.path().join("otlp").display())
    }

    /// All spans that came through, when nobody sends any more.
    fn spans(&self) -> Vec<Span> {
        let groups: Vec<ResourceSpans> = self.receiver.wait_for(0, Duration::ZERO);
        groups.into_iter().flat_map(|group| group.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

fn pass(client: &UnixStream, server: &TcpStream, is_open: &AtomicBool) {
    thread::scope(|scope| {
        scope.spawn(|| copy(client, server, is_open));
        scope.spawn(|| copy(server, client, is_open));
    });
}

fn copy(mut from: impl Read, mut to: impl Write, is_open: &AtomicBool) {
    let mut buffer = [0; 100_000];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        while !is_open.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        if to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

/// A datagram in each flow, about once in two seconds.
fn talk(cable: &Cable, until: Instant) {
    let socket = cable.client.namespace.enter(|| UdpSocket::bind((cable.client.addresses[0], 999)));
    let socket = socket.expect("a free port");
    while Instant::now() < until {
        let round = Instant::now();
        for port in 0..FLOWS {
            // An ICMP error to an earlier packet may be reported here: then nothing was sent.
            let _ = socket.send_to(&[0; 32], (cable.server.addresses[0], 10_000 + port));
        }
        thread::sleep(Duration::from_secs(2).saturating_sub(round.elapsed()));
    }
}

fn number(span: &Span, name: &str) -> u64 {
    let value =
        span.attributes.iter().find(|pair| pair.key == name).and_then(|pair| pair.value.as_ref()?.value.as_ref());
    match value {
        Some(Value::IntValue(number)) => number.cast_unsigned(),
        _ => 0,
    }
}

/// What the spans say was sent in the flows of [`talk`], whichever end they take for the source.
fn sum(spans: &[Span]) -> Count {
    let is_of_talk = |span: &&Span| ["source.port", "destination.port"].iter().any(|name| number(span, name) == 999);
    let counts = spans.iter().filter(is_of_talk).map(|span| Count {
        packets: number(span, "flow.packets.delta") + number(span, "flow.reverse.packets.delta"),
        bytes: number(span, "flow.bytes.delta") + number(span, "flow.reverse.bytes.delta"),
    });
    counts.sum()
}

/// The numbers after `otlp:`, by the order of receivers.
fn deliveries(said: &Said) -> Vec<&str> {
    said.lines.iter().filter_map(|line| line.strip_prefix("flowtrace: otlp: ")).collect()
}

#[test]
fn windows_wait_for_a_receiver_that_hangs_and_nothing_is_lost() {
    let Some(_alone) = require_live() else { return };
    let (cable, gate) = (Cable::without_offloads(), Gate::new(false));
    let truth = Netfilter::count(&cable.server, Hook::Ingress);
    let url = gate.url();
    let arguments = [&OPTIONS[..], &["-i", cable.server.interface, "--otlp", &url]].concat();
    let mut watch = Watch::start_as("none", &cable.server.namespace, &arguments);
    let until = Instant::now() + Duration::from_secs(14);
    thread::scope(|scope| {
        scope.spawn(|| talk(&cable, until));
        watch.hear("no OTLP receiver keeps up");
        thread::sleep(Duration::from_secs(3));
        gate.is_open.store(true, Ordering::Relaxed);
    });
    traffic::settle();
    let said = watch.stop();
    println!("{:?}", said.lines);
    assert_eq!(said.status.code(), Some(0));
    let spans = gate.spans();
    assert_eq!(sum(&spans), truth.read(Kind::Udp, 0));
    assert!(deliveries(&said)[0].starts_with(&format!("sent={} rejected=0 queue_full=0", spans.len())));
    let longest = spans.iter().map(|span| span.end_time_unix_nano - span.start_time_unix_nano).max();
    assert!(longest > Some(3_000_000_000), "windows got longer: {longest:?}");
}

#[test]
fn a_receiver_that_hangs_holds_up_no_other() {
    let Some(_alone) = require_live() else { return };
    let (cable, hung, well) = (Cable::without_offloads(), Gate::new(false), Gate::new(true));
    let truth = Netfilter::count(&cable.server, Hook::Ingress);
    let options = ["-t", "active=1s", "--active-jitter", "0", "--shutdown-timeout", "3s", "-i", cable.server.interface];
    let urls = [hung.url(), well.url()];
    let receivers = ["--otlp", &urls[0], "--otlp", &urls[1], "--include", "*.port,flow.*"];
    let watch = Watch::start_as("none", &cable.server.namespace, &[&options[..], &receivers].concat());
    talk(&cable, Instant::now() + Duration::from_secs(9));
    traffic::settle();
    let said = watch.stop();
    println!("{:?}", said.lines);
    assert_eq!(said.status.code(), Some(4), "one of them lacks records");
    let spans = well.spans();
    assert_eq!(sum(&spans), truth.read(Kind::Udp, 0));
    assert!(spans[0].attributes.iter().all(|pair| !pair.key.starts_with("network.")), "its own attributes");
    let said = deliveries(&said);
    assert!(said[1].starts_with(&format!("sent={} rejected=0 queue_full=0 ", spans.len())), "{said:?}");
    assert!(said[0].starts_with("sent=0 ") && hung.spans().is_empty(), "{said:?}");
    let lost: usize = said[0].split(' ').filter_map(|word| word.split_once('=')?.1.parse::<usize>().ok()).sum();
    assert_eq!(lost, spans.len(), "each record that it lacks is counted");
}
