//! Names out of the traffic between two network namespaces: a DNS server of our own over UDP and TCP, and openssl.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flowtrace_abi::{KernelSettings, Loss};
use flowtrace_capture::live::{
    AttachKind, Attached, InterfacePatterns, KernelOptions, Live, LiveOptions, NamespaceScope,
};
use flowtrace_payload::{Learned, learned};
use flowtrace_tests::netns::Cable;
use flowtrace_tests::tools::{self, require_live};
use flowtrace_wire::Ports;

/// The server of names looks this often whether the test is over.
const PATIENCE: Duration = Duration::from_millis(100);

/// Labels and the root's.
fn name(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        text.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

fn question(asked: &str, kind: u8) -> Vec<u8> {
    [&[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name(asked), &[0, kind, 0, 1]].concat()
}

/// An alias, and at its end an address of the kind that was asked for.
fn answer(question: &[u8]) -> Vec<u8> {
    const ASKED: [u8; 2] = [0xc0, 12];
    let is_ipv6 = question[question.len() - 3] == 28;
    let target = name("cdn.example.net");
    let alias = [&ASKED[..], &[0, 5, 0, 1, 0, 0, 0, 30, 0, target.len() as u8], &target].concat();
    let address = if is_ipv6 {
        [&target[..], &[0, 28, 0, 1, 0, 0, 0, 99, 0, 16, 0x20, 1, 0x0d, 0xb8, 0, 9], &[0; 9], &[7]].concat()
    } else {
        [&target[..], &[0, 1, 0, 1, 0, 0, 0, 99, 0, 4, 192, 0, 2, 7]].concat()
    };
    let mut message = [question, &alias, &address].concat();
    (message[2], message[3], message[7]) = (0x81, 0x80, 2);
    message
}

fn serve_udp(address: SocketAddr, is_over: &AtomicBool) {
    let socket = UdpSocket::bind(address).expect("port 53 is free in a new namespace");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut buffer = [0; 512];
    while !is_over.load(Ordering::Relaxed) {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            socket.send_to(&answer(&buffer[..length]), from).expect("an answer can be sent");
        }
    }
}

/// Answers each connection's first message: of names, or by closing it.
fn serve_tcp(listener: &TcpListener, connections: usize, answers: bool) {
    for _ in 0..connections {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).expect("a message");
        if answers {
            let message = answer(&buffer[2..length]);
            stream
                .write_all(&[&(message.len() as u16).to_be_bytes()[..], &message].concat())
                .expect("it can be written");
        }
    }
}

fn ask_udp(server: IpAddr, asked: &str, kind: u8) {
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).expect("a port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    socket.send_to(&question(asked, kind), (server, 53)).expect("a question can be sent");
    socket.recv(&mut [0; 512]).expect("an answer");
}

fn ask_tcp(server: IpAddr, asked: &str, kind: u8) {
    let question = question(asked, kind);
    let mut stream = TcpStream::connect((server, 53)).expect("the server listens");
    stream.write_all(&[&(question.len() as u16).to_be_bytes()[..], &question].concat()).expect("it can be written");
    stream.read_to_end(&mut Vec::new()).expect("an answer");
}

fn live(interface: &str, attach: AttachKind) -> Live {
    let kernel = KernelOptions {
        max_flows: 1024,
        settings: KernelSettings::DEFAULT,
        ports: Box::new(Ports::DEFAULT),
        payloads: true,
        object: tools::bpf_object(),
    };
    Live::start(LiveOptions {
        interfaces: InterfacePatterns::parse(&[interface.to_owned()]).expect("a pattern"),
        attach: Some(attach),
        namespaces: NamespaceScope::Own,
        ephemeral: 32_768..=60_999,
        kernel,
        attached: Attached::default(),
        on_process: None,
    })
    .expect("root may watch")
}

/// All that is learned, as text, sorted.
fn take(live: &mut Live) -> Vec<String> {
    live.scan(|_, _| ()).expect("the kernel answers");
    let mut all = Vec::new();
    live.take_payloads(|payload| {
        assert!(payload.at > 0 && !payload.bytes.is_empty());
        let (sender, receiver) = (payload.sender(), payload.receiver());
        match learned(&payload) {
            Some(Learned::Addresses(answers)) => {
                assert_eq!(sender.1, 53);
                all.extend(answers.iter().map(|(address, name, ttl)| format!("{name} {address} {ttl}")));
            }
            Some(Learned::ServerName(name)) => all.push(format!("{name} port {}", receiver.1)),
            None => panic!("nothing learned of {payload:?}"),
        }
    });
    all.sort_unstable();
    all
}

fn talk(cable: &Cable) {
    for server in cable.server.addresses {
        let family = if server.is_ipv4() { "four" } else { "six" };
        ask_udp(server, &format!("udp.{family}.example"), 1);
        ask_udp(server, &format!("UDP.{family}.example"), 28);
        ask_tcp(server, &format!("tcp.{family}.example"), 1);
        ask_tcp(server, &format!("tcp.{family}.example"), 28);
        let server = SocketAddr::new(server, 443).to_string();
        let mut client = cable.client.namespace.command("openssl");
        client.args(["s_client", "-connect", &server, "-servername", &format!("www.{family}.example")]);
        // The server closes the connection at once, which the client takes for an error.
        client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("openssl runs");
    }
}

fn serve<'scope>(scope: &'scope thread::Scope<'scope, '_>, cable: &'scope Cable, is_over: &'scope AtomicBool) {
    for server in cable.server.addresses {
        let namespace = &cable.server.namespace;
        let [names, tls] = [53, 443]
            .map(|port| namespace.enter(|| TcpListener::bind((server, port)).expect("a port of a new namespace")));
        scope.spawn(move || serve_tcp(&names, 2, true));
        scope.spawn(move || serve_tcp(&tls, 1, false));
        scope.spawn(move || {
            namespace.join();
            serve_udp(SocketAddr::new(server, 53), is_over);
        });
    }
    thread::sleep(PATIENCE);
}

#[test]
fn names_are_learned_from_answers_and_from_clients() {
    let Some(_alone) = require_live() else { return };
    for attach in [AttachKind::Tcx, AttachKind::Clsact] {
        let cable = Cable::new();
        let is_over = AtomicBool::new(false);
        let (learned, lost) = thread::scope(|scope| {
            serve(scope, &cable, &is_over);
            let seen = cable.client.namespace.enter(|| {
                let mut live = live(cable.client.interface, attach);
                talk(&cable);
                let learned = take(&mut live);
                (learned, live.losses().expect("the counters"))
            });
            is_over.store(true, Ordering::Relaxed);
            seen
        });
        let mut expected = Vec::new();
        for family in ["four", "six"] {
            for way in ["udp", "tcp"] {
                expected.push(format!("{way}.{family}.example 192.0.2.7 30"));
                expected.push(format!("{way}.{family}.example 2001:db8:9::7 30"));
            }
            expected.push(format!("www.{family}.example port 443"));
        }
        expected.sort_unstable();
        assert_eq!(learned, expected, "{attach:?}");
        assert!(lost.iter().all(|(loss, packets, _)| *loss != Loss::PayloadsFull || *packets == 0));
    }
}
