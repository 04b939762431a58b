//! Whether each packet was counted once: records against what others counted where it arrived.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::count::Count;
use crate::counters::Counters;
use crate::netns::{Cable, Namespace};
use crate::record::{Record, sent};
use crate::truth::{Hook, Kind};
use crate::watch::Said;

/// What [`talk`] has of each kind, as flows: TCP connections, UDP conversations, pings.
pub const FLOWS: [(Kind, usize); 3] = [(Kind::Tcp, 21), (Kind::Udp, 5), (Kind::Echo, 1)];
/// Bytes of the long connection, each way.
const LONG: usize = 1 << 20;
/// Counters of what [`Kind::SENT`] names, for IPv4 and for IPv6.
const RULES: [(&str, &str); 6] = [
    ("tcp_0", "ip protocol tcp"),
    ("tcp_1", "ip6 nexthdr tcp"),
    ("udp_0", "ip protocol udp"),
    ("udp_1", "ip6 nexthdr udp"),
    ("echo_0", "icmp type { echo-request, echo-reply }"),
    ("echo_1", "icmpv6 type { echo-request, echo-reply }"),
];

/// A little of everything between two hosts: a long connection and short ones, questions and answers over UDP, pings.
///
/// # Panics
/// When something does not arrive.
pub fn talk(client: &Namespace, server: &Namespace, address: IpAddr) {
    connections(client, server, address);
    datagrams(client, server, address);
    client.run(&format!("ping -q -c 20 -i 0.005 {address}"));
}

fn connections(client: &Namespace, server: &Namespace, address: IpAddr) {
    const PORT: u16 = 7000;
    let lengths = || [LONG].into_iter().chain((0..20).map(|number| 100 * number));
    let listener = server.enter(|| TcpListener::bind((address, PORT)).expect("a free port"));
    thread::scope(|scope| {
        scope.spawn(|| {
            for length in lengths() {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut read = Vec::new();
                stream.read_to_end(&mut read).expect("a request");
                assert_eq!(read.len(), length);
                stream.write_all(&read).expect("the client reads");
            }
        });
        client.enter(|| {
            for length in lengths() {
                let mut stream = TcpStream::connect((address, PORT)).expect("the server listens");
                stream.write_all(&vec![1; length]).expect("the server reads");
                stream.shutdown(std::net::Shutdown::Write).expect("it is open");
                stream.read_to_end(&mut Vec::new()).expect("an answer");
            }
        });
    });
}

fn datagrams(client: &Namespace, server: &Namespace, address: IpAddr) {
    const PORT: u16 = 7001;
    const ROUNDS: usize = 20;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let listener = server.enter(|| UdpSocket::bind((address, PORT)).expect("a free port"));
    let sockets = client.enter(|| [(); 5].map(|()| UdpSocket::bind(any).expect("a free port")));
    let mut buffer = [0; 2000];
    for round in 0..ROUNDS {
        for socket in &sockets {
            socket.send_to(&[1; 1400][..70 * round], SocketAddr::new(address, PORT)).expect("it can be sent");
            let (_, from) = listener.recv_from(&mut buffer).expect("it arrives");
            listener.send_to(&buffer[..30 * round], from).expect("it can be sent");
            socket.recv(&mut buffer).expect("it arrives");
        }
    }
}

/// nftables' counters of what arrives at two hosts, at any of their interfaces.
#[derive(Debug)]
pub struct Arrived<'a> {
    cable: &'a Cable,
    /// By receiver (server, client) and interface.
    counters: [Vec<Counters<'a>>; 2],
}

impl<'a> Arrived<'a> {
    /// Counts from now on what arrives at these interfaces.
    pub fn count(cable: &'a Cable, devices: [&[&str]; 2]) -> Self {
        let hosts = [&cable.client, &cable.server].into_iter().zip(devices);
        let mut counters = hosts.map(|(host, devices)| {
            let count = |device: &&str| Counters::start(&host.namespace, device, Hook::Ingress, &RULES);
            devices.iter().map(count).collect()
        });
        let [client, server] = [(); 2].map(|()| counters.next().expect("two hosts"));
        Self { cable, counters: [server, client] }
    }

    /// What arrived of a kind and IP version at the server or the client.
    fn read(&self, receiver: usize, kind: Kind, version: usize) -> Count {
        let place = Kind::SENT.iter().position(|sent| *sent == kind).expect("a kind that is sent");
        self.counters[receiver].iter().map(|counters| counters.read(RULES[2 * place + version].0)).sum()
    }

    /// In what the records differ, by kind, sender and IP version.
    pub fn differences(&self, records: &[Record]) -> Vec<String> {
        let mut differences = Vec::new();
        for (kind, version) in Kind::SENT.into_iter().flat_map(|kind| [(kind, 0), (kind, 1)]) {
            for (receiver, sender) in [&self.cable.client, &self.cable.server].into_iter().enumerate() {
                let from = sender.addresses[version];
                let (recorded, truth) = (sent(records, kind, from), self.read(receiver, kind, version));
                if recorded != truth || truth.packets == 0 {
                    differences.push(format!("{kind:?} from {from}: {recorded:?}, truth {truth:?}"));
                }
            }
        }
        differences
    }
}

/// The sum of all packets of the kinds that tests send.
pub fn sum(records: &[Record]) -> Count {
    records.iter().filter(|record| record.kind != Kind::Other).flat_map(|record| record.ways).sum()
}

/// In what the number of flows of [`talk`], over both IP versions, differs.
pub fn flow_differences(said: &Said) -> Vec<String> {
    let flows = |kind| said.records.iter().filter(|record| record.kind == kind && record.parent.is_none()).count();
    let counts = FLOWS.map(|(kind, number)| (kind, flows(kind), 2 * number));
    let wrong = counts.into_iter().filter(|(_, flows, expected)| flows != expected);
    wrong.map(|(kind, flows, expected)| format!("{flows} flows of {kind:?}, not {expected}")).collect()
}
