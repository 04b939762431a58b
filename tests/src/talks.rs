//! Conversations of all kinds, over IPv4.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::netns::Cable;

/// Who ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The one that began it.
    Client,
    /// The one that was called.
    Server,
}

/// A TCP connection that stands.
#[derive(Debug)]
pub struct Talk {
    /// The client's end.
    pub client: TcpStream,
    /// The server's end.
    pub server: TcpStream,
}

impl Talk {
    /// Connects to a port of the server.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn begin(cable: &Cable, port: u16) -> Self {
        let to = address(cable, port);
        let listener = cable.server.namespace.enter(|| TcpListener::bind(to).expect("a free port"));
        let client = cable.client.namespace.enter(|| TcpStream::connect(to).expect("the server listens"));
        let (server, _) = listener.accept().expect("a connection");
        Self { client, server }
    }

    /// Connects from a port of the client, which may have been used before.
    ///
    /// # Panics
    /// When it cannot be used again.
    pub fn from(cable: &Cable, own: SocketAddr, listener: &TcpListener) -> Self {
        let to = listener.local_addr().expect("it is bound");
        let client = cable.client.namespace.enter(|| {
            let socket = Socket::new(Domain::for_address(own), Type::STREAM, Some(Protocol::TCP)).expect("a socket");
            socket.set_reuse_address(true).expect("an option");
            socket.bind(&own.into()).expect("the port is free again");
            socket.connect(&to.into()).expect("the server listens");
            socket
        });
        let (server, _) = listener.accept().expect("a connection");
        Self { client: client.into(), server }
    }

    /// A question and its answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn say(&mut self) {
        self.client.write_all(&[1; 100]).expect("the server reads");
        self.server.read_exact(&mut [0; 100]).expect("a question");
        self.server.write_all(&[2; 1000]).expect("the client reads");
        self.client.read_exact(&mut [0; 1000]).expect("an answer");
    }

    /// One end closes, and then the other.
    ///
    /// # Panics
    /// When that is not seen.
    pub fn close(self, by: By) {
        let (first, mut second) = match by {
            By::Client => (self.client, self.server),
            By::Server => (self.server, self.client),
        };
        drop(first);
        assert_eq!(second.read(&mut [0]).expect("the other closes"), 0);
    }

    /// One end resets the connection.
    ///
    /// # Panics
    /// When that is not seen.
    pub fn reset(self, by: By) {
        let (first, mut second) = match by {
            By::Client => (self.client, self.server),
            By::Server => (self.server, self.client),
        };
        SockRef::from(&first).set_linger(Some(Duration::ZERO)).expect("an option");
        drop(first);
        assert_eq!(second.read(&mut [0]).expect_err("the other resets").kind(), ErrorKind::ConnectionReset);
    }
}

fn address(cable: &Cable, port: u16) -> SocketAddr {
    SocketAddr::new(cable.server.addresses[0], port)
}

/// A connection that goes on for a while, with a pause after each question and answer; the client closes it.
pub fn paced(cable: &Cable, port: u16, time: Duration, pause: Duration) {
    let end = Instant::now() + time;
    let mut talk = Talk::begin(cable, port);
    while Instant::now() < end {
        talk.say();
        thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
    }
    talk.close(By::Client);
}

/// A connection with a silence in the middle; the client closes it.
pub fn with_gap(cable: &Cable, port: u16, gap: Duration) {
    let mut talk = Talk::begin(cable, port);
    talk.say();
    thread::sleep(gap);
    talk.say();
    talk.close(By::Client);
}

/// A connection that is reset.
pub fn reset(cable: &Cable, port: u16, by: By) {
    let mut talk = Talk::begin(cable, port);
    talk.say();
    talk.reset(by);
}

/// A connection that is closed.
pub fn closed(cable: &Cable, port: u16, by: By) {
    let mut talk = Talk::begin(cable, port);
    talk.say();
    talk.close(by);
}

/// A connection to a port where nobody listens.
///
/// # Panics
/// When somebody does.
pub fn refused(cable: &Cable, port: u16) {
    let error = cable.client.namespace.enter(|| TcpStream::connect(address(cable, port)).expect_err("nobody listens"));
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// A connection to a port where nobody answers, for as long.
///
/// # Panics
/// When somebody does.
pub fn scan(cable: &Cable, port: u16, time: Duration) {
    let to = address(cable, port);
    let error = cable.client.namespace.enter(|| TcpStream::connect_timeout(&to, time).expect_err("nobody answers"));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

/// One datagram and one in answer.
///
/// # Panics
/// When there is none.
pub fn question(cable: &Cable, port: u16) {
    let to = address(cable, port);
    let server = cable.server.namespace.enter(|| UdpSocket::bind(to).expect("a free port"));
    let client = cable.client.namespace.enter(|| UdpSocket::bind("0.0.0.0:0").expect("there is a free port"));
    client.send_to(&[0; 40], to).expect("it can be sent");
    let (_, from) = server.recv_from(&mut [0; 100]).expect("a question");
    server.send_to(&[0; 90], from).expect("it can be sent");
    client.recv(&mut [0; 100]).expect("an answer");
}

/// Connections one after the other from the same port, each closed by both before the client resets what is left of it.
///
/// # Panics
/// When the port cannot be used again.
pub fn reused(cable: &Cable, port: u16, times: usize) {
    const OWN: u16 = 45_000;
    let (own, to) = (SocketAddr::new(cable.client.addresses[0], OWN), address(cable, port));
    let listener = cable.server.namespace.enter(|| TcpListener::bind(to).expect("a free port"));
    for _ in 0..times {
        // Who closes first keeps the port for a minute: so the server does.
        Talk::from(cable, own, &listener).close(By::Server);
        thread::sleep(Duration::from_millis(50));
    }
}

/// So many connections and UDP conversations, with a message each.
///
/// # Panics
/// When one fails.
pub fn many(cable: &Cable, tcp: u16, udp: u16, count: usize) -> (Vec<Talk>, Vec<UdpSocket>) {
    let to = address(cable, tcp);
    let listener = cable.server.namespace.enter(|| TcpListener::bind(to).expect("a free port"));
    let sink = cable.server.namespace.enter(|| UdpSocket::bind(address(cable, udp)).expect("a free port"));
    cable.client.namespace.enter(|| {
        let talks = (0..count).map(|_| {
            let client = TcpStream::connect(to).expect("the server listens");
            let mut talk = Talk { client, server: listener.accept().expect("a connection").0 };
            talk.say();
            talk
        });
        let talks = talks.collect();
        let mut sockets: Vec<UdpSocket> =
            (0..count).map(|_| UdpSocket::bind("0.0.0.0:0").expect("there is a free port")).collect();
        for socket in &sockets {
            socket.send_to(&[0; 10], address(cable, udp)).expect("it can be sent");
        }
        sockets.push(sink);
        (talks, sockets)
    })
}
