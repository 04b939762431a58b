//! Streams that go on at a pace until they are stopped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::netns::Host;

/// How long a datagram and its answer may be under way.
const PATIENCE: Duration = Duration::from_secs(5);
/// Payloads grow up to this length, then begin anew; a multiple of no packet's.
const LONGEST: usize = 1399;

/// A stream, each of whose messages is sent back.
#[derive(Debug)]
pub struct Stream {
    is_over: Arc<AtomicBool>,
    client: JoinHandle<usize>,
    server: JoinHandle<()>,
}

impl Stream {
    /// Datagrams, with a pause after each.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn udp(hosts: [&Host; 2], version: usize, port: u16, pause: Duration) -> Self {
        let [client, server] = hosts;
        let to = SocketAddr::new(server.addresses[version], port);
        let listener = server.namespace.enter(|| UdpSocket::bind(to).expect("a free port"));
        let socket =
            client.namespace.enter(|| UdpSocket::bind((client.addresses[version], 0)).expect("there is a free port"));
        socket.connect(to).expect("any address can be connected to");
        for socket in [&listener, &socket] {
            socket.set_read_timeout(Some(PATIENCE)).expect("an option");
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let server = thread::spawn(move || {
            let mut buffer = [0; LONGEST];
            while let Ok((length @ 1.., from)) = listener.recv_from(&mut buffer) {
                listener.send_to(&buffer[..length], from).expect("it can be sent");
            }
        });
        let client = thread::spawn(move || {
            let messages = exchange(&until, pause, |message, buffer| {
                socket.send(message).expect("it can be sent");
                assert_eq!(socket.recv(buffer).expect("an answer"), message.len());
            });
            socket.send(&[]).expect("it can be sent");
            messages
        });
        Self { is_over, client, server }
    }

    /// A TCP connection, with a pause after each message.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn tcp(hosts: [&Host; 2], version: usize, port: u16, pause: Duration) -> Self {
        let (listener, mut stream) = connection(hosts, version, port);
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut buffer = [0; LONGEST];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                stream.write_all(&buffer[..length]).expect("the client reads");
            }
        });
        let client = thread::spawn(move || {
            exchange(&until, pause, |message, buffer| {
                stream.write_all(message).expect("the server reads");
                stream.read_exact(&mut buffer[..message.len()]).expect("an answer");
            })
        });
        Self { is_over, client, server }
    }

    /// A TCP connection by which as much goes from the client to the server as can.
    ///
    /// # Panics
    /// When the port is taken.
    pub fn bulk(hosts: [&Host; 2], version: usize, port: u16) -> Self {
        let (listener, mut stream) = connection(hosts, version, port);
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut buffer = [0; 100_000];
            while let Ok(1..) = stream.read(&mut buffer) {}
        });
        let client = thread::spawn(move || {
            let mut messages = 0;
            while !until.load(Ordering::Relaxed) {
                stream.write_all(&[7; 100_000]).expect("the server reads");
                messages += 1;
            }
            messages
        });
        Self { is_over, client, server }
    }

    /// Ends it, when the message that is under way was answered. How many messages there were.
    ///
    /// # Panics
    /// When one was not.
    pub fn stop(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        let messages = self.client.join().expect("all was answered");
        self.server.join().expect("all was sent");
        messages
    }
}

fn exchange(is_over: &AtomicBool, pause: Duration, mut send: impl FnMut(&[u8], &mut [u8])) -> usize {
    let mut buffer = [0; LONGEST];
    let mut messages = 0;
    while !is_over.load(Ordering::Relaxed) {
        send(&[7; LONGEST][..1 + messages * 37 % LONGEST], &mut buffer);
        messages += 1;
        thread::sleep(pause);
    }
    messages
}

/// The two sides of a TCP connection: the server's, which is to be accepted, and the client's.
fn connection([client, server]: [&Host; 2], version: usize, port: u16) -> (TcpListener, TcpStream) {
    let to = SocketAddr::new(server.addresses[version], port);
    let listener = server.namespace.enter(|| TcpListener::bind(to).expect("a free port"));
    let stream = client.namespace.enter(|| TcpStream::connect(to).expect("the server listens"));
    (listener, stream)
}
