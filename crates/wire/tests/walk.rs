//! What is read of frames that once were read wrongly, or could be: a table of headers and what they show.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use flowtrace_wire::{Link, Options, Ports, Reason, Tunnel, Walk, dissect, present};

static PORTS: Ports = Ports::DEFAULT;

fn read(frame: &[u8]) -> Result<Walk, Reason> {
    read_as(Link::Ethernet, frame, frame.len() as u32)
}

fn read_as(link: Link, frame: &[u8], length: u32) -> Result<Walk, Reason> {
    let mut walk = Walk::default();
    dissect(frame, link, length, &Options { ports: &PORTS, depth: 4 }, &mut walk).map(|()| walk)
}

/// The bytes written in hexadecimal, blanks aside.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const ETHERNET: &str = "020000000002 020000000001";
/// An IPv4 packet of 28 bytes with UDP from 10.0.0.9 port 1000 to port 53.
const INNER: &str = "4500001c 00004000 40110000 0a000009 0a00000a 03e80035 00080000";

/// IPv4 from 10.0.0.1 with this protocol around `payload`.
fn ipv4(protocol: u8, payload: &str) -> String {
    let length = 20 + hex(payload).len();
    format!("4500{length:04x} 00004000 40{protocol:02x}0000 0a000001 0a000002 {payload}")
}

/// UDP from port 40000 around `payload`.
fn udp(port: u16, payload: &str) -> String {
    let length = 8 + hex(payload).len();
    format!("9c40{port:04x}{length:04x}0000 {payload}")
}

/// A frame whose tag makes what begins four bytes into it look like a frame, too.
const TAGGED: &str = "001122334455 02000000000a 8100 0007 0800";

/// Headers around the inner packet; the tunnel they make, its identifier, and the MAC address before the inner packet.
#[test]
fn the_inner_packet_is_found() {
    let table: [(&str, String, Tunnel, Option<u32>, u8); 11] = [
        ("plain", format!("{ETHERNET} 0800 {INNER}"), Tunnel::None, None, 1),
        ("label, tagged frame", format!("{ETHERNET} 8847 00064140 {TAGGED} {INNER}"), Tunnel::None, None, 10),
        ("label, control word", format!("{ETHERNET} 8847 00064140 00000000 {TAGGED} {INNER}"), Tunnel::None, None, 10),
        (
            "L2TP",
            format!("{ETHERNET} 0800 {}", ipv4(115, &format!("00000005 {TAGGED} {INNER}"))),
            Tunnel::L2tp,
            Some(5),
            10,
        ),
        (
            "L2TP with cookie",
            format!("{ETHERNET} 0800 {}", ipv4(115, &format!("00000005 c0c0c0c0 {TAGGED} {INNER}"))),
            Tunnel::L2tp,
            Some(5),
            10,
        ),
        (
            "L2TP with long cookie and sublayer",
            format!("{ETHERNET} 0800 {}", ipv4(115, &format!("00000005 c0c0c0c0c0c0c0c0 00000000 {TAGGED} {INNER}"))),
            Tunnel::L2tp,
            Some(5),
            10,
        ),
        (
            "GRE",
            format!("{ETHERNET} 0800 {}", ipv4(47, &format!("20000800 00000007 {INNER}"))),
            Tunnel::Gre,
            Some(7),
            0,
        ),
        (
            "VXLAN",
            format!("{ETHERNET} 0800 {}", ipv4(17, &udp(4789, &format!("08000000 00000900 {TAGGED} {INNER}")))),
            Tunnel::Vxlan,
            Some(9),
            10,
        ),
        (
            "GTP-U with an extension header",
            format!(
                "{ETHERNET} 0800 {}",
                ipv4(17, &udp(2152, &format!("34ff0024 00000003 00000085 01000900 {INNER}")))
            ),
            Tunnel::Gtp,
            Some(3),
            0,
        ),
        (
            "MPLS in UDP",
            format!("{ETHERNET} 0800 {}", ipv4(17, &udp(6635, &format!("00064140 {INNER}")))),
            Tunnel::Mpls,
            Some(100),
            0,
        ),
        ("IP in IP", format!("{ETHERNET} 0800 {}", ipv4(4, INNER)), Tunnel::IpInIp, None, 1),
    ];
    for (name, frame, tunnel, id, mac) in table {
        let walk = read(&hex(&frame)).unwrap();
        assert_eq!(walk.packet.source.v4_octets(), [10, 0, 0, 9], "{name}");
        assert_eq!((walk.packet.source_port, walk.packet.destination_port), (1000, 53), "{name}");
        assert_eq!(walk.packet.source_mac.octets()[5], mac, "{name}");
        let envelope = walk.envelope;
        let seen = if envelope.has(present::IP_IN_IP) { Tunnel::IpInIp } else { Tunnel::of(envelope.tunnel) };
        assert_eq!(seen, tunnel, "{name}");
        assert_eq!(envelope.has(present::TUNNEL_ID).then_some(envelope.tunnel_id), id, "{name}");
        assert_eq!(walk.outer.ip_version != 0, tunnel != Tunnel::None, "{name}");
        let around = if tunnel == Tunnel::None { 0 } else { walk.outer.ip_length - 28 };
        assert_eq!(envelope.overhead(), around, "{name}");
        // A tag of the frame, not of one within a tunnel.
        assert_eq!(envelope.has(present::VLAN), name.starts_with("label"), "{name}");
    }
}

/// A header that lies behind the end of what is around it is none (found by fuzzing: a packet of less than its header).
#[test]
fn an_inner_header_behind_the_outer_end_is_none() {
    let inner = format!("60000000 0000 3b40 {} {}", "00".repeat(16), "11".repeat(16));
    for said in [20, 24, 59] {
        let outer = ipv4(41, &inner).replacen("4500003c", &format!("4500{said:04x}"), 1);
        let walk = read(&hex(&format!("{ETHERNET} 0800 {outer}"))).unwrap();
        assert_eq!((walk.packet.ip_version, walk.packet.ip_length, walk.outer.ip_version), (4, said, 0), "{said}");
        assert_eq!(walk.envelope.present, 0, "{said}");
    }
    let whole = read(&hex(&format!("{ETHERNET} 0800 {}", ipv4(41, &inner)))).unwrap();
    assert_eq!((whole.packet.ip_version, whole.packet.ip_length), (6, 40));
}

/// Why there is no packet.
#[test]
fn what_holds_no_packet_says_why() {
    let table = [
        ("ARP", format!("{ETHERNET} 0806 0001"), Reason::NotIp, 0x0806),
        ("tag and ARP", format!("{ETHERNET} 8100 0005 0806 0001"), Reason::NotIp, 0x0806),
        ("spanning tree", format!("{ETHERNET} 0026 424203"), Reason::NotIp, 0x42),
        ("a tag cut short", format!("{ETHERNET} 8100 00"), Reason::TruncatedLink, 0),
        ("nothing", format!("{ETHERNET} 0800"), Reason::TruncatedIp, 0),
        ("IPv6 said, IPv4 there", format!("{ETHERNET} 86dd {INNER} {INNER}"), Reason::IpVersion, 0),
        ("a short header", format!("{ETHERNET} 0800 {}", INNER.replacen("45", "44", 1)), Reason::IpHeaderLength, 0),
        ("many tags", format!("{ETHERNET} {} 0800 {INNER}", "8100 0005".repeat(20)), Reason::TooManyHeaders, 0),
    ];
    for (name, frame, reason, number) in table {
        let mut walk = Walk::default();
        let frame = hex(&frame);
        let options = Options { ports: &PORTS, depth: 4 };
        assert_eq!(dissect(&frame[..], Link::Ethernet, frame.len() as u32, &options, &mut walk), Err(reason), "{name}");
        assert!(reason != Reason::NotIp || walk.not_ip() == number, "{name}: {:#x}", walk.not_ip());
    }
    assert_eq!(read_as(Link::Unsupported, &hex(INNER), 28), Err(Reason::UnsupportedLink));
    assert_eq!(read_as(Link::Ip, &hex(INNER), 28).unwrap().packet.ip_length, 28);
}
