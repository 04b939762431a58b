//! The captures of our own: each shows one thing.

use super::frames::{
    ACK, End, FIN, Host, PSH, RST, SYN, datagram, ethernet, fragment, icmp, ip, pcap, protocol, tcp, udp,
};

/// Frames and their times in milliseconds.
type Frames = Vec<(u64, Vec<u8>)>;

/// A capture.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Name of the file, without ending.
    pub name: &'static str,
    /// What its records must show, told by hand: `PROTOCOL PACKETS>/PACKETS< END [ERROR]` a record, in the order of
    /// output.
    pub shows: &'static [&'static str],
    /// What is not counted, and why.
    pub losses: &'static [(&'static str, u64)],
    frames: fn() -> Frames,
}

impl Scene {
    /// The capture file.
    pub fn file(&self) -> Vec<u8> {
        pcap(&(self.frames)())
    }
}

/// All of them.
pub const SCENES: [Scene; 13] = [
    scene("handshake_v4", &["tcp 5/4 end_of_flow_detected"], handshake_v4),
    scene("handshake_v6", &["tcp 5/4 end_of_flow_detected"], handshake_v6),
    scene("refused", &["tcp 1/1 end_of_flow_detected connection_refused"; 2], refused),
    scene("reset", &["tcp 3/2 end_of_flow_detected connection_reset"], reset),
    scene("dns", &["udp 1/1 forced_end"; 2], dns),
    scene("pings", &["icmp 2/2 forced_end", "icmp 2/1 forced_end", "ipv6-icmp 1/1 forced_end"], pings),
    scene(
        "icmp_error",
        &["udp 1/0 forced_end", "icmp 1/0 forced_end", "udp 1/0 forced_end", "ipv6-icmp 1/0 forced_end"],
        icmp_error,
    ),
    scene("port_reuse", &["tcp 3/2 end_of_flow_detected", "tcp 5/4 end_of_flow_detected"], port_reuse),
    scene("idle_return", &["udp 1/1 idle_timeout", "udp 1/1 forced_end"], idle_return),
    scene("active_cut", &["udp 75/0 active_timeout", "udp 75/0 active_timeout", "udp 15/1 forced_end"], active_cut),
    scene("middle", &["tcp 2/1 forced_end", "tcp 1/1 forced_end"], middle),
    Scene { losses: &[("not_ip", 1)], ..scene("vlan", &["udp 2/0 forced_end"], vlan) },
    scene("fragments", &["udp 2/0 forced_end", "udp 1/0 forced_end"], fragments),
];

const fn scene(name: &'static str, shows: &'static [&'static str], frames: fn() -> Frames) -> Scene {
    Scene { name, shows, losses: &[], frames }
}

/// Handshake, request, answer, FIN by the client, FIN by the server.
fn connection(begin: u64, client: End, server: End, first: u32) -> Frames {
    let (there, back) = (first, 9_000_000);
    vec![
        (begin, tcp(client, server, SYN, there, 0, b"")),
        (begin + 10, tcp(server, client, SYN | ACK, back, there + 1, b"")),
        (begin + 11, tcp(client, server, ACK, there + 1, back + 1, b"")),
        (begin + 12, tcp(client, server, PSH | ACK, there + 1, back + 1, b"request")),
        (begin + 22, tcp(server, client, ACK, back + 1, there + 8, b"")),
        (begin + 40, tcp(server, client, PSH | ACK, back + 1, there + 8, b"the answer")),
        (begin + 41, tcp(client, server, FIN | ACK, there + 8, back + 11, b"")),
        (begin + 51, tcp(server, client, FIN | ACK, back + 11, there + 9, b"")),
        (begin + 52, tcp(client, server, ACK, there + 9, back + 12, b"")),
    ]
}

fn handshake_v4() -> Frames {
    connection(0, (Host::v4(1), 40_000), (Host::v4(2), 443), 1000)
}

fn handshake_v6() -> Frames {
    connection(0, (Host::v6(1), 40_000), (Host::v6(2), 443), 1000)
}

/// Nobody listens, on either family.
fn refused() -> Frames {
    let ends = [((Host::v4(1), 40_001), (Host::v4(2), 81)), ((Host::v6(1), 40_001), (Host::v6(2), 81))];
    let answer =
        |(client, server)| [(0, tcp(client, server, SYN, 5, 0, b"")), (1, tcp(server, client, RST | ACK, 0, 6, b""))];
    ends.into_iter().flat_map(answer).collect()
}

/// The server takes the request and breaks off.
fn reset() -> Frames {
    let (client, server) = ((Host::v4(1), 40_002), (Host::v4(2), 443));
    let mut frames = connection(0, client, server, 2000);
    frames.truncate(4);
    frames.push((20, tcp(server, client, RST | ACK, 9_000_001, 2008, b"")));
    frames
}

fn dns() -> Frames {
    let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01";
    let mut answer = query.to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[7] = 1;
    answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x07");
    let exchange =
        |(client, server), time| [(time, udp(client, server, query)), (time + 3, udp(server, client, &answer))];
    let v4 = exchange(((Host::v4(1), 50_000), (Host::v4(53), 53)), 0);
    let v6 = exchange(((Host::v6(1), 50_000), (Host::v6(53), 53)), 5);
    v4.into_iter().chain(v6).collect()
}

/// Two pings between the same hosts at the same time; the last answer to the second is missing. One over IPv6.
fn pings() -> Frames {
    let (here, there) = (Host::v4(1), Host::v4(2));
    let rest = |identifier: u8, number: u8| [0, identifier, 0, number];
    let mut frames = Vec::new();
    for number in 1..=2 {
        let time = u64::from(number) * 1000;
        frames.push((time, icmp(here, there, 8, 0, rest(7, number), b"ping")));
        frames.push((time + 1, icmp(here, there, 8, 0, rest(8, number), b"ping")));
        frames.push((time + 2, icmp(there, here, 0, 0, rest(7, number), b"ping")));
        if number == 1 {
            frames.push((time + 3, icmp(there, here, 0, 0, rest(8, number), b"ping")));
        }
    }
    frames.push((2100, icmp(Host::v6(1), Host::v6(2), 128, 0, rest(7, 1), b"ping")));
    frames.push((2101, icmp(Host::v6(2), Host::v6(1), 129, 0, rest(7, 1), b"ping")));
    frames
}

/// A datagram to a closed port, and the answer that quotes it.
fn icmp_error() -> Frames {
    let mut frames = Vec::new();
    let families = [(Host::v4(1), Host::v4(2), 3, 3), (Host::v6(1), Host::v6(2), 1, 4)];
    for (time, (client, server, kind, code)) in families.into_iter().enumerate() {
        let datagram = udp((client, 50_001), (server, 9), b"anybody there?");
        let quoted = icmp(server, client, kind, code, [0; 4], &datagram[14..]);
        frames.extend([(time as u64 * 10, datagram), (time as u64 * 10 + 1, quoted)]);
    }
    frames
}

/// The same five-tuple twice in a second: after an RST that follows a FIN (no error), a new connection.
fn port_reuse() -> Frames {
    let (client, server) = ((Host::v4(1), 40_003), (Host::v4(2), 443));
    let first = [
        (0, tcp(client, server, SYN, 100, 0, b"")),
        (1, tcp(server, client, SYN | ACK, 200, 101, b"")),
        (2, tcp(client, server, ACK, 101, 201, b"")),
        (3, tcp(server, client, FIN | ACK, 201, 101, b"")),
        (4, tcp(client, server, RST, 101, 0, b"")),
    ];
    first.into_iter().chain(connection(500, client, server, 70_000)).collect()
}

/// Silence for longer than the idle timeout: another flow, of the same trace.
fn idle_return() -> Frames {
    let (client, server) = ((Host::v4(1), 50_002), (Host::v4(2), 7));
    let exchange = |time| [(time, udp(client, server, b"once")), (time + 1, udp(server, client, b"once"))];
    exchange(0).into_iter().chain(exchange(100_000)).collect()
}

/// A packet every 800 ms for 132 s: three windows. The last has the only answer.
fn active_cut() -> Frames {
    let (client, server) = ((Host::v4(1), 50_003), (Host::v4(2), 7));
    let mut frames: Frames = (0..165).map(|number| (number * 800, udp(client, server, b"still here"))).collect();
    frames.push((131_300, udp(server, client, b"so am I")));
    frames
}

/// Connections whose begin was not captured: the well-known port is the server, whoever is seen first; where no port
/// says so, the initiator is unknown.
fn middle() -> Frames {
    let (client, server) = ((Host::v4(1), 50_004), (Host::v4(2), 443));
    let (one, other) = ((Host::v4(3), 50_005), (Host::v4(4), 50_006));
    vec![
        (0, tcp(server, client, PSH | ACK, 1, 1, b"more of the answer")),
        (1, tcp(client, server, ACK, 1, 19, b"")),
        (2, tcp(client, server, PSH | ACK, 1, 19, b"next request")),
        (3, tcp(one, other, PSH | ACK, 1, 1, b"hello")),
        (4, tcp(other, one, ACK, 1, 6, b"")),
    ]
}

/// What is not read yet is counted as lost: a VLAN tag (IEEE 802.1Q) and ARP are, so far, both "not IP".
fn vlan() -> Frames {
    let plain = udp((Host::v4(1), 50_007), (Host::v4(2), 7), b"untagged");
    let tagged = [&plain[..12], &[0x81, 0x00, 0x00, 0x64], &plain[12..]].concat();
    let arp = b"\x00\x01\x08\x00\x06\x04\x00\x01\x02\x00\x00\x00\x00\x01\xc0\x00\x02\x01\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x02";
    vec![(0, plain), (1, tagged), (2, ethernet(Host::v4(1), Host::v4(2), 0x0806, arp))]
}

/// A datagram in two fragments: the second has no ports, and, so far, a flow of its own. An IPv6 fragment is not read yet.
fn fragments() -> Frames {
    /// More fragments follow (RFC 791 section 3.1).
    const MORE: u16 = 0x2000;
    let (client, server) = ((Host::v4(1), 50_008), (Host::v4(2), 7));
    let whole = datagram(client, server, &[0x2a; 32]);
    let first = fragment(client.0, server.0, protocol::UDP, MORE, &whole[..24]);
    let second = fragment(client.0, server.0, protocol::UDP, 24 / 8, &whole[24..]);
    // Next header UDP, offset 0, more to come, identification 1 (RFC 8200 section 4.5).
    let v6 = [&[protocol::UDP, 0, 0, 1, 0, 0, 0, 1], &whole[..24]].concat();
    vec![(0, first), (1, second), (2, ip(Host::v6(1), Host::v6(2), 44, &v6))]
}
