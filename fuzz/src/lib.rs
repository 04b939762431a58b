//! What must hold for any input. Each function is the body of a fuzz target, and of a test that replays the seeds and
//! every input that once crashed.

use std::io::Cursor;

use flowtrace_abi::{Event, FlowEntry, FlowKey, Timeouts, Way, account, admits};
use flowtrace_capture::file::Reader;
use flowtrace_wire::{Link, Packet, dissect as read_packet, icmp};

/// The least that a frame takes in a file: a pcap record header, or a Simple Packet Block without content.
const LEAST_RECORD: usize = 16;

/// Frames that are looked at of a compressed file, which may hold any number of them.
const COMPRESSED_FRAMES: usize = 1 << 14;

/// A frame, behind two bytes that say how many more bytes it had on the wire.
///
/// # Panics
/// Where something does not hold.
pub fn dissect(data: &[u8]) {
    let Some((cut, frame)) = data.split_first_chunk() else { return };
    let wire_length = frame.len() as u32 + u32::from(u16::from_le_bytes(*cut));
    assert!(read_packet(frame, Link::Unsupported, wire_length).is_err());
    let Ok(packet) = read_packet(frame, Link::Ethernet, wire_length) else { return };
    assert!(packet.header_length <= packet.ip_length, "headers are part of the packet: {packet:?}");
    assert!(packet.payload_length() < packet.ip_length, "{packet:?}");
    assert!(matches!(packet.ip_version, 4 | 6), "{packet:?}");
    let (key, way) = FlowKey::of(&packet);
    check_order(&key);
    check_answer(&packet, key, way);
    check_count(&packet, way);
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
    let mut entry = FlowEntry::default();
    for number in 1..=3 {
        account(&mut entry, packet, &Event { way, packets: 1, bytes, time: time + number, point: 2, epoch: 1 });
        let (counted, back) = (entry.ways[way.index()], entry.ways[way.back().index()]);
        assert_eq!((counted.packets, counted.bytes, counted.last), (number, number * bytes, time + number));
        assert_eq!((back.packets, back.bytes, back.last), (0, 0, 0));
    }
    assert!(admits(&entry, packet, time + 4, &Timeouts::default()), "{packet:?}");
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
