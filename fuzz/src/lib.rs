//! What must hold for any input. Each function is the body of a fuzz target, and of a test that replays the seeds and
//! every input that once crashed.

use std::io::Cursor;
use std::sync::OnceLock;

use flowtrace_abi::{Event, FlowEntry, FlowKey, Timeouts, Way, account, account_tcp_times, admits, is_remarkable};
use flowtrace_capture::file::Reader;
use flowtrace_wire::link::FileLink;
use flowtrace_wire::{
    Link, Next, Options, Packet, Ports, Reason, STEPS, Walk, dissect as read_frame, icmp, plain, present, protocol,
};

pub mod nested;

use nested::{Choices, Nested};

/// The least that a frame takes in a file: a pcap record header, or a Simple Packet Block without content.
const LEAST_RECORD: usize = 16;

/// Frames that are looked at of a compressed file, which may hold any number of them.
const COMPRESSED_FRAMES: usize = 1 << 14;

static PORTS: Ports = Ports::DEFAULT;

/// A frame, behind two bytes that say how many more bytes it had on the wire and one that says its link.
///
/// # Panics
/// Where something does not hold.
pub fn dissect(data: &[u8]) {
    let Some(([low, high, link], frame)) = data.split_first_chunk() else { return };
    let wire_length = frame.len() as u32 + u32::from(u16::from_le_bytes([*low, *high]));
    let options = Options { ports: &PORTS, depth: 4 };
    let link = match *link {
        0 => Link::Ethernet,
        1 => Link::Ip,
        // Link types in use reach to some 300.
        number => match FileLink::of(u16::from(number)).or_else(|| FileLink::of(u16::from(number) + 150)) {
            Some(link) => Link::File(link),
            None => Link::Unsupported,
        },
    };
    let result = check(frame, link, wire_length, &options).1;
    assert!(link != Link::Unsupported || result == Err(Reason::UnsupportedLink));
}

/// A frame in which headers are nested as the input chooses.
///
/// # Panics
/// Where something does not hold.
pub fn walk(data: &[u8]) {
    let mut choices = Choices(data);
    let depth = [4, 4, 4, 1, 0, 7][usize::from(choices.below(6))];
    let options = Options { ports: &PORTS, depth };
    let nested = nested::frame(&mut choices);
    let link = if nested.is_ip { Link::Ip } else { Link::Ethernet };
    let (walk, result) = check(&nested.bytes, link, nested.bytes.len() as u32, &options);
    if result.is_ok() {
        check_nesting(&nested, &walk, depth);
    } else {
        let readable = nested.is_whole && nested.levels > 0 && nested.headers <= STEPS;
        assert!(!readable, "{result:?} {nested:02x?}");
    }
}

/// The innermost packet is found, whatever is around it, and its overhead is what the lengths say.
fn check_nesting(nested: &Nested, walk: &Walk, depth: u32) {
    let (outer, packet, envelope) = (&walk.outer, &walk.packet, &walk.envelope);
    let has_outer = outer.ip_version != 0;
    if nested.is_honest {
        let around = if has_outer { outer.ip_length - packet.ip_length } else { 0 };
        assert_eq!(envelope.tunnel_overhead + envelope.ipip_overhead, around, "{walk:?} {nested:02x?}");
    }
    if !nested.is_whole || nested.headers > STEPS {
        return;
    }
    let expected = u32::from(nested.levels).min(depth + 1);
    let octets = packet.source.octets();
    let level = if packet.ip_version == 4 { octets[13] } else { octets[1] };
    assert_eq!(u32::from(level), expected, "the level of the packet: {walk:?} {nested:02x?}");
    assert_eq!(has_outer, expected > 1, "{walk:?} {nested:02x?}");
}

/// What holds for any frame. Answers what was read.
fn check(frame: &[u8], link: Link, wire_length: u32, options: &Options<'_>) -> (Walk, Result<(), Reason>) {
    let mut walk = Walk::default();
    let result = read_frame(frame, link, wire_length, options, &mut walk);
    check_used(frame, link, wire_length, options, (&walk, result));
    check_plain(frame, link, wire_length, options);
    if result.is_err() {
        assert_eq!(walk.packet.ip_version, 0);
        return (walk, result);
    }
    check_packet(&walk.packet);
    if walk.outer.ip_version != 0 {
        check_packet(&walk.outer);
    }
    check_envelope(&walk);
    (walk, result)
}

/// A walk that was used before reads the same.
fn check_used(frame: &[u8], link: Link, wire_length: u32, options: &Options<'_>, fresh: (&Walk, Result<(), Reason>)) {
    static USED: OnceLock<Walk> = OnceLock::new();
    let mut walk = *USED.get_or_init(|| {
        let mut walk = Walk::default();
        // A tag, IPv4, GRE with a key, IPv6 with an authentication header, ESP.
        let packet = [
            &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 9, 8, 0][..],
            &[0x45, 0, 0, 92, 0, 0, 0, 0, 64, 47, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x20, 0, 0x86, 0xdd, 1, 2, 3, 4, 0x61, 0x23, 0x45, 0x67, 0, 24, 51, 64],
            &[0x11; 32],
            &[50, 1, 0, 0, 0, 0, 9, 9, 0, 0, 0, 1, 0, 0, 8, 8, 0, 0, 0, 1, 1, 1, 1, 1],
        ];
        let packet = packet.concat();
        let read = read_frame(
            &packet[..],
            Link::Ethernet,
            packet.len() as u32,
            &Options { ports: &PORTS, depth: 4 },
            &mut walk,
        );
        assert!(
            read.is_ok() && walk.envelope.has(present::TUNNEL_ID | present::AH | present::ESP | present::VLAN),
            "{walk:?}"
        );
        walk
    });
    let result = read_frame(frame, link, wire_length, options, &mut walk);
    assert_eq!(result, fresh.1);
    if result.is_err() {
        assert!(result != Err(Reason::NotIp) || walk.not_ip() == fresh.0.not_ip());
        return;
    }
    assert_eq!((walk.packet, walk.envelope), (fresh.0.packet, fresh.0.envelope));
    assert_eq!(walk.outer.ip_version, fresh.0.outer.ip_version);
    assert!(walk.outer.ip_version == 0 || walk.outer == fresh.0.outer);
}

/// Where the short way knows the packet, the long way says the same, and nothing lies around it.
fn check_plain(frame: &[u8], link: Link, wire_length: u32, options: &Options<'_>) {
    let next = match link {
        Link::Ethernet => Next::Ethernet,
        Link::Ip => Next::Ip,
        _ => return,
    };
    let mut packet = Packet::default();
    if !plain(frame, link, wire_length, options.ports, &mut packet) {
        return;
    }
    let mut walk = Walk::default();
    walk.begin(next, 0, wire_length);
    let steps = (0..STEPS).take_while(|_| walk.step(frame, options)).count();
    assert_eq!(walk.finish(), Ok(()));
    assert_eq!(walk.packet, packet);
    assert_eq!((walk.outer.ip_version, walk.envelope.present, steps), (0, 0, 0), "{walk:?}");
}

fn check_packet(packet: &Packet) {
    assert!(packet.header_length <= packet.ip_length, "headers are part of the packet: {packet:?}");
    assert!(packet.payload_length() < packet.ip_length, "{packet:?}");
    assert!(matches!(packet.ip_version, 4 | 6), "{packet:?}");
    let (key, way) = FlowKey::of(packet);
    check_order(&key);
    check_answer(packet, key, way);
    check_count(packet, way);
}

/// Facts are there with what they belong to, and not without.
fn check_envelope(walk: &Walk) {
    let envelope = &walk.envelope;
    let has = |facts| envelope.present & facts != 0;
    assert_eq!(walk.outer.ip_version != 0, has(present::TUNNEL | present::IP_IN_IP), "{walk:?}");
    let of_tunnel = present::TUNNEL_PORTS | present::TUNNEL_ID | present::TUNNEL_AH;
    assert!(has(present::TUNNEL) || !has(of_tunnel) && envelope.tunnel_overhead == 0, "{walk:?}");
    assert_eq!(has(present::TUNNEL), matches!(envelope.tunnel_version, 4 | 6) && envelope.tunnel != 0, "{walk:?}");
    assert_eq!(has(present::IP_IN_IP), matches!(envelope.ipip_version, 4 | 6), "{walk:?}");
    assert!(has(present::IP_IN_IP) || envelope.ipip_overhead == 0, "{walk:?}");
    assert_eq!(has(present::VLAN), envelope.vlan != 0, "{walk:?}");
    assert!(has(present::VLAN) || !has(present::INNER_VLAN), "{walk:?}");
    assert_eq!(has(present::ESP), envelope.esp > 255, "{walk:?}");
    assert!(!has(present::ESP) || matches!(walk.packet.protocol, 17 | 50), "{walk:?}");
    assert!(!has(present::SENDER | present::RECEIVER) || walk.packet.protocol == 17, "{walk:?}");
    let around = envelope.of_frame();
    assert!(around.vlan == envelope.vlan && around.present & !(present::VLAN | present::INNER_VLAN) == 0, "{walk:?}");
}

fn check_order(key: &FlowKey) {
    assert!((key.low, key.low_port) <= (key.high, key.high_port), "{key:?}");
}

/// The answer of the other end belongs to the same flow.
fn check_answer(packet: &Packet, key: FlowKey, way: Way) {
    let mut answer = Packet {
        source: packet.destination,
        destination: packet.source,
        source_port: packet.destination_port,
        destination_port: packet.source_port,
        ..*packet
    };
    if key.is_icmp() && packet.has_transport {
        answer.icmp_type = match icmp::role(packet.protocol, packet.icmp_type) {
            icmp::Role::Query { reply } => reply,
            icmp::Role::Reply { request } => request,
            icmp::Role::OneWay => return,
        };
    } else if packet.source == packet.destination && packet.source_port == packet.destination_port {
        return; // A port that talks to itself has no other side.
    }
    assert_eq!(FlowKey::of(&answer), (key, way.back()), "{packet:?}");
}

/// What is counted is the packet, no more and no less, and its flow goes on.
fn check_count(packet: &Packet, way: Way) {
    let time = 1_000_000_000;
    let bytes = u64::from(packet.ip_length);
    let timeouts = Timeouts::default();
    let mut entry = FlowEntry { first: time, ..FlowEntry::default() };
    for number in 1..=3 {
        let event = Event { way, packets: 1, bytes, time: time + number, point: 2, epoch: 1 };
        let before = entry.state;
        account(&mut entry, packet, &event, &timeouts);
        if packet.protocol == protocol::TCP && is_remarkable(&mut entry, packet, way, before) {
            account_tcp_times(&mut entry, packet, &event, before);
        }
        let (counted, back) = (entry.ways[way.index()], entry.ways[way.back().index()]);
        assert_eq!((counted.packets, counted.bytes, counted.last), (number, number * bytes, time + number));
        assert_eq!((back.packets, back.bytes, back.last), (0, 0, 0));
    }
    assert!(admits(&entry, packet, time + 4, &timeouts, u64::MAX), "{packet:?}");
}

/// A capture file.
///
/// # Panics
/// Where something does not hold.
pub fn file(data: &[u8]) {
    let Ok(mut reader) = Reader::new(Box::new(Cursor::new(data.to_vec())), "fuzz".into()) else { return };
    let compressed = !data.starts_with(&[0x0a]) && !matches!(data.first(), Some(0xa1 | 0xd4 | 0x4d | 0x34));
    let limit = if compressed { COMPRESSED_FRAMES } else { data.len() / LEAST_RECORD };
    let (mut frames, mut captured) = (0, 0);
    loop {
        match reader.next() {
            Ok(Some(frame)) => {
                frames += 1;
                captured += frame.bytes.len();
                assert!(frame.wire_length as usize >= frame.bytes.len());
                let _ = reader.interface_name(frames as u32);
            }
            Ok(None) => break,
            Err(error) => {
                assert!(error.is_damage(), "memory can be read: {error}");
                assert!(error.to_string().starts_with("fuzz: byte "));
                break;
            }
        }
        if compressed && frames >= limit {
            return;
        }
    }
    assert!(frames <= limit, "{frames} frames in {} bytes", data.len());
    assert!(compressed || captured <= data.len(), "{captured} bytes of frames in {} bytes", data.len());
    assert!(matches!(reader.next(), Ok(None)), "the end is the end");
    assert!(reader.bytes_read() <= data.len() as u64, "no more is read than there is");
}
