//! A client that asks, thinks, and asks again, and a server that takes its time to answer.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::netns::Cable;
use crate::sniff::Capture;

/// Questions and answers on one connection.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// What it is.
    pub name: &'static str,
    /// 0 for IPv4, 1 for IPv6.
    pub version: usize,
    /// The server's port.
    pub port: u16,
    /// How long the server sleeps before its answers, one after the other and from the beginning again.
    pub delays: [Duration; 2],
    /// How long the client waits before it asks again.
    pub think: Duration,
    /// How often it asks.
    pub rounds: usize,
    /// Bytes of a question and of an answer.
    pub lengths: [usize; 2],
    /// How long the client waits in the middle of a question.
    pub pause: Duration,
}

impl Exchange {
    /// Plays it. How long the server took, in nanoseconds: from the end of each question to the begin of the answer.
    /// `before_end` runs while the connection is still open.
    ///
    /// # Panics
    /// When something is not answered.
    pub fn play(&self, cable: &Cable, before_end: impl FnOnce() + Send) -> Vec<u64> {
        let [asked, answered] = self.lengths;
        let to = SocketAddr::new(cable.server.addresses[self.version], self.port);
        let listener = cable.server.namespace.enter(|| TcpListener::bind(to).expect("a free port"));
        thread::scope(|scope| {
            let server = scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("a connection");
                let delays = self.delays.iter().cycle().take(self.rounds);
                let took = delays.map(|delay| {
                    stream.read_exact(&mut vec![0; asked]).expect("a question");
                    let begin = Instant::now();
                    thread::sleep(*delay);
                    let took = begin.elapsed();
                    stream.write_all(&vec![1; answered]).expect("the client reads");
                    u64::try_from(took.as_nanos()).expect("not that long")
                });
                let took = took.collect();
                assert_eq!(stream.read(&mut [0]).expect("the client closes"), 0);
                took
            });
            cable.client.namespace.enter(|| {
                let mut stream = TcpStream::connect(to).expect("the server listens");
                stream.set_nodelay(true).expect("an option");
                for _ in 0..self.rounds {
                    thread::sleep(self.think);
                    let question = vec![0; asked];
                    let (begin, rest) = question.split_at(asked / 2);
                    if self.pause.is_zero() {
                        stream.write_all(&question).expect("the server reads");
                    } else {
                        stream.write_all(begin).expect("the server reads");
                        thread::sleep(self.pause);
                        stream.write_all(rest).expect("the server reads");
                    }
                    stream.read_exact(&mut vec![0; answered]).expect("an answer");
                }
                before_end();
            });
            server.join().expect("all was answered")
        })
    }
}

/// What a capture says of a connection, in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Times {
    /// From the first SYN to the SYN-ACK.
    pub handshake: u64,
    /// From the last packet of each question to the first of the answer.
    pub answers: Vec<u64>,
    syn: Option<u64>,
    asked: Option<u64>,
}

impl Times {
    /// By tshark's times and lengths; one connection for each of these ports of servers.
    ///
    /// # Panics
    /// When tshark says something unexpected.
    pub fn of(capture: &Capture, ports: &[u16]) -> HashMap<u16, Self> {
        let fields = ["frame.time_epoch", "tcp.srcport", "tcp.dstport", "tcp.len", "tcp.flags.syn"];
        let mut all: HashMap<u16, Self> = HashMap::new();
        for row in capture.tshark("tcp", &fields) {
            let [time, source, destination, length, syn] = &row[..] else { panic!("{row:?}") };
            let [source, destination] = [source, destination].map(|port| port.parse().expect("a port"));
            let is_server = ports.contains(&source);
            let times = all.entry(if is_server { source } else { destination }).or_default();
            times.note(nanoseconds(time), is_server, syn == "1" || syn == "True", length != "0");
        }
        all
    }

    fn note(&mut self, time: u64, is_server: bool, is_syn: bool, has_payload: bool) {
        match (is_server, is_syn, has_payload) {
            (false, true, _) => self.syn = self.syn.or(Some(time)),
            (true, true, _) => self.handshake = time - self.syn.expect("a SYN comes first"),
            (false, false, true) => self.asked = Some(time),
            (true, false, true) => self.answers.extend(self.asked.take().map(|asked| time - asked)),
            _ => {}
        }
    }
}

/// Seconds with a fraction, as tshark writes them.
///
/// # Panics
/// When they are not.
pub fn nanoseconds(text: &str) -> u64 {
    let (seconds, fraction) = text.split_once('.').expect("a fraction");
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|error| panic!("{text}: {error}"));
    number(seconds) * 1_000_000_000 + number(&format!("{fraction:0<9}")[..9])
}

/// The mean.
///
/// # Panics
/// Of nothing.
pub fn mean(times: &[u64]) -> u64 {
    times.iter().sum::<u64>() / times.len() as u64
}

/// The mean absolute difference of two in a row.
pub fn jitter(times: &[u64]) -> u64 {
    mean(&times.windows(2).map(|pair| pair[0].abs_diff(pair[1])).collect::<Vec<_>>())
}
