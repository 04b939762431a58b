//! A node that translates addresses between two pods, by nftables, and what passes it.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::count::Count;
use crate::counters::Counters;
use crate::fabric::Fabric;
use crate::netns::{Host, Namespace};
use crate::truth::{Hook, Kind};

/// The address that the client asks, in place of the server's.
pub const SERVICE: [&str; 2] = ["10.96.0.10", "fd96::10"];
/// The node's own address.
pub const GATEWAY: [&str; 2] = ["10.88.0.100", "fd88::100"];
/// Ports that are asked: TCP, UDP.
pub const ASKED: [u16; 2] = [7000, 7001];
/// nftables' families.
const FAMILIES: [&str; 2] = ["ip", "ip6"];
/// Counters of what [`Kind::SENT`] names, by IP version.
const RULES: [[(&str, &str); 3]; 2] = [
    [("tcp_0", "ip protocol tcp"), ("udp_0", "ip protocol udp"), ("echo_0", "icmp type { echo-request, echo-reply }")],
    [
        ("tcp_1", "ip6 nexthdr tcp"),
        ("udp_1", "ip6 nexthdr udp"),
        ("echo_1", "icmpv6 type { echo-request, echo-reply }"),
    ],
];

/// Two pods and the node between them, which can be told to translate.
#[derive(Debug)]
pub struct Router {
    /// The pods and the node.
    pub fabric: Fabric,
}

impl Router {
    /// A new one, which translates nothing yet.
    pub fn new() -> Self {
        let router = Self { fabric: Fabric::routed().without_offloads() };
        let (node, pods) = (router.node(), &router.fabric.pods);
        for (host, port) in [(&pods.client, "port-1"), (&pods.server, "port-2")] {
            let mac = node.run(&format!("cat /sys/class/net/{port}/address"));
            for address in SERVICE.into_iter().chain(GATEWAY) {
                host.run(&format!("ip route replace {address} dev DEV"));
                host.run(&format!("ip neighbour replace {address} lladdr {} nud permanent dev DEV", mac.trim()));
            }
            quiet(&host.namespace);
        }
        node.run(&format!("ip address add {}/32 dev port-2", GATEWAY[0]));
        node.run(&format!("ip address add {}/128 dev port-2 nodad", GATEWAY[1]));
        quiet(node);
        router
    }

    /// The node.
    pub fn node(&self) -> &Namespace {
        &self.fabric.nodes[0]
    }

    /// The pods: the client and the server.
    pub fn pods(&self) -> [&Host; 2] {
        [&self.fabric.pods.client, &self.fabric.pods.server]
    }
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

/// The namespace says nothing of better ways, and hears nothing of them.
fn quiet(namespace: &Namespace) {
    namespace.enter(|| {
        for setting in
            ["ipv4/conf/all/send_redirects", "ipv4/conf/default/send_redirects", "ipv6/conf/all/accept_redirects"]
        {
            std::fs::write(format!("/proc/sys/net/{setting}"), "0").expect("root may");
        }
        for file in std::fs::read_dir("/proc/sys/net/ipv4/conf").expect("interfaces").flatten() {
            std::fs::write(file.path().join("send_redirects"), "0").expect("root may");
        }
    });
}

/// Chains for rules in this namespace.
pub fn translate(namespace: &Namespace, version: usize, rules: &[(&str, &str)]) {
    let family = FAMILIES[version];
    namespace.run(&format!("nft add table {family} nat"));
    for (chain, hook, priority) in
        [("before", "prerouting", "dstnat"), ("own", "output", "0"), ("after", "postrouting", "srcnat")]
    {
        let kind = format!("type nat hook {hook} priority {priority} ;");
        namespace.run(&format!("nft add chain {family} nat {chain} {{ {kind} }}"));
    }
    for (chain, rule) in rules {
        namespace.run(&format!("nft add rule {family} nat {chain} {}", rule.replace("IP", family)));
    }
}

/// Who talks to whom: the client asks an address and gets its answers from the server's.
#[derive(Clone, Copy, Debug)]
pub struct Talk<'a> {
    /// Who asks.
    pub client: &'a Namespace,
    /// Who answers.
    pub server: &'a Namespace,
    /// The address that is asked.
    pub asked: IpAddr,
    /// The server's address.
    pub bound: IpAddr,
    /// The server's ports: TCP, UDP.
    pub ports: [u16; 2],
}

impl Talk<'_> {
    /// TCP connections, one after the other: a request of some length, and the same as answer.
    ///
    /// # Panics
    /// When one fails.
    pub fn connections(&self, lengths: impl Iterator<Item = usize> + Clone + Send) {
        let bound = SocketAddr::new(self.bound, self.ports[0]);
        let listener = self.server.enter(|| TcpListener::bind(bound).expect("a free port"));
        let requests = lengths.clone();
        thread::scope(|scope| {
            scope.spawn(move || {
                for length in requests {
                    let (mut stream, _) = listener.accept().expect("a connection");
                    let mut read = Vec::new();
                    stream.read_to_end(&mut read).expect("a request");
                    assert_eq!(read.len(), length);
                    stream.write_all(&read).expect("the client reads");
                }
            });
            self.client.enter(|| {
                for length in lengths {
                    let mut stream = TcpStream::connect((self.asked, ASKED[0])).expect("the server listens");
                    stream.write_all(&vec![1; length]).expect("the server reads");
                    stream.shutdown(Shutdown::Write).expect("it is open");
                    stream.read_to_end(&mut Vec::new()).expect("an answer");
                }
            });
        });
    }

    /// UDP conversations at the same time, some questions and answers each.
    ///
    /// # Panics
    /// When something does not arrive.
    pub fn datagrams(&self, conversations: usize) {
        let bound = SocketAddr::new(self.bound, self.ports[1]);
        let listener = self.server.enter(|| UdpSocket::bind(bound).expect("a free port"));
        let any = if self.asked.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let sockets: Vec<UdpSocket> =
            self.client.enter(|| (0..conversations).map(|_| UdpSocket::bind(any).expect("a free port")).collect());
        let mut buffer = [0; 2000];
        for round in 0..20 {
            for socket in &sockets {
                socket.send_to(&[1; 1400][..70 * round], (self.asked, ASKED[1])).expect("it can be sent");
                let (_, from) = listener.recv_from(&mut buffer).expect("it arrives");
                listener.send_to(&buffer[..30 * round], from).expect("it can be sent");
                socket.recv(&mut buffer).expect("it arrives");
            }
        }
    }

    /// Pings.
    pub fn pings(&self) {
        self.client.run(&format!("ping -q -c 20 -i 0.005 {}", self.asked));
    }
}

/// What arrives at both pods.
#[derive(Debug)]
pub struct Arrivals<'a>([Counters<'a>; 2]);

impl<'a> Arrivals<'a> {
    /// Counts from now on what arrives at the client and at the server.
    pub fn count(pods: [&'a Host; 2], version: usize) -> Self {
        Self(pods.map(|pod| Counters::start(&pod.namespace, pod.interface, Hook::Ingress, &RULES[version])))
    }

    /// What arrived of a kind at the server and at the client: what the client and the server sent.
    pub fn read(&self, kind: Kind, version: usize) -> [Count; 2] {
        let place = Kind::SENT.iter().position(|sent| *sent == kind).expect("a kind that is sent");
        let name = RULES[version][place].0;
        [self.0[1].read(name), self.0[0].read(name)]
    }
}
