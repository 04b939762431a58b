//! Traffic over a [`Cable`].

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::netns::{Cable, Host, Namespace};
use crate::tools::output;
use crate::watch::Process;

/// Long enough for the last acknowledgement to arrive.
const SETTLE: Duration = Duration::from_millis(300);

/// All that two hosts have to say to each other, over IPv4 and IPv6: a TCP stream each way, a UDP stream, pings and a
/// thousand short connections.
pub fn everything(cable: &Cable) {
    for version in 0..2 {
        let server = cable.server.addresses[version];
        iperf(cable, server, &["--time", "1"]);
        iperf(cable, server, &["--time", "1", "--reverse"]);
        iperf(cable, server, &["--time", "1", "--udp", "--bitrate", "100M"]);
        cable.client.run(&format!("ping -q -c 50 -i 0.01 {server}"));
        short_connections(cable, server, 1000);
    }
    settle();
}

/// Waits for what is still under way.
pub fn settle() {
    thread::sleep(SETTLE);
}

/// Runs iperf3 to its end.
///
/// # Panics
/// When it fails.
pub fn iperf(cable: &Cable, server: IpAddr, arguments: &[&str]) {
    let mut listener = cable.server.namespace.command("iperf3");
    let listener = listener.args(["--server", "--one-off", "--forceflush"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut listener = Process::start(listener);
    wait_for_listener(&cable.server.namespace);
    let mut client = cable.client.namespace.command("iperf3");
    output(client.args(["--client", &server.to_string()]).args(arguments));
    listener.wait();
}

/// iperf3's port is looked for where the kernel lists it: a connection to try would be traffic.
fn wait_for_listener(namespace: &Namespace) {
    for _ in 0..1000 {
        if namespace.run("ss --listening --tcp --no-header --numeric sport = 5201").contains(":5201") {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("iperf3 does not listen");
}

/// Connections, one after the other, each with a request of 100 bytes and an answer of 3000.
///
/// # Panics
/// When one fails.
pub fn short_connections(cable: &Cable, server: IpAddr, count: usize) {
    const PORT: u16 = 7000;
    let listener = cable.server.namespace.enter(|| TcpListener::bind((server, PORT)).expect("a free port"));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..count {
                let (mut stream, _) = listener.accept().expect("a connection");
                stream.read_exact(&mut [0; 100]).expect("a request");
                stream.write_all(&[1; 3000]).expect("the client reads");
            }
        });
        cable.client.namespace.enter(|| {
            for _ in 0..count {
                let mut stream = TcpStream::connect((server, PORT)).expect("the server listens");
                stream.write_all(&[0; 100]).expect("the server reads");
                stream.read_to_end(&mut Vec::new()).expect("an answer");
            }
        });
    });
}

/// A UDP socket of the host, connected.
///
/// # Panics
/// When the port is taken.
pub fn udp(host: &Host, version: usize, port: u16, to: SocketAddr) -> UdpSocket {
    host.namespace.enter(|| {
        let socket = UdpSocket::bind((host.addresses[version], port)).expect("a free port");
        socket.connect(to).expect("any address can be connected to");
        socket
    })
}

/// A UDP socket that takes all and reads nothing, so that nobody answers.
///
/// # Panics
/// When the port is taken.
pub fn sink(host: &Host, version: usize, port: u16) -> UdpSocket {
    host.namespace.enter(|| UdpSocket::bind((host.addresses[version], port)).expect("a free port"))
}

/// Ties the calling thread to a CPU.
///
/// # Panics
/// When there is no such CPU.
pub fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).expect("few CPUs");
    sched_setaffinity(Pid::from_raw(0), &set).expect("the CPU is there");
}

/// Connections from one port, each reset by the client as soon as it stands.
///
/// # Panics
/// When one fails.
pub fn reset_connections(cable: &Cable, version: usize, count: usize, pause: Duration) {
    const PORT: u16 = 7100;
    const OWN_PORT: u16 = 40_000;
    let server = SocketAddr::new(cable.server.addresses[version], PORT);
    let own = SocketAddr::new(cable.client.addresses[version], OWN_PORT);
    let listener = cable.server.namespace.enter(|| TcpListener::bind(server).expect("a free port"));
    thread::scope(|scope| {
        scope.spawn(|| (0..count).for_each(|_| drop(listener.accept().expect("a connection").0.peek(&mut [0]))));
        cable.client.namespace.enter(|| {
            for _ in 0..count {
                let socket =
                    Socket::new(Domain::for_address(own), Type::STREAM, Some(Protocol::TCP)).expect("a socket");
                socket.set_reuse_address(true).expect("an option");
                socket.set_linger(Some(Duration::ZERO)).expect("an option");
                socket.bind(&own.into()).expect("the port is free again");
                socket.connect(&server.into()).expect("the server listens");
                drop(socket);
                thread::sleep(pause);
            }
        });
    });
}

/// Sends an IPv6 packet as it stands, header included.
///
/// # Panics
/// When it cannot be sent.
pub fn raw_ipv6(host: &Host, packet: &[u8], to: IpAddr) {
    /// `IPPROTO_RAW`: the header is the sender's.
    const RAW: i32 = 255;
    host.namespace.enter(|| {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(RAW.into())).expect("root may");
        let sent = socket.send_to(packet, &SockAddr::from(SocketAddr::new(to, 0))).expect("it can be sent");
        assert_eq!(sent, packet.len());
    });
}
