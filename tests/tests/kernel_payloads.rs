//! The payloads that the kernel program puts aside are those that userland takes out of the same frames.

use std::path::Path;

use flowtrace_abi::{FlowKey, KernelSettings, Loss, PAYLOAD_BYTES, PAYLOAD_PORT, Payload, Way};
use flowtrace_capture::file::Reader;
use flowtrace_capture::live::{Header, Hook, Kernel, KernelOptions, SkbContext};
use flowtrace_tests::both::TIMEOUTS;
use flowtrace_tests::craft::ends::{AB4, AB6, Way as Direction, XY4};
use flowtrace_tests::craft::ip::Ipv4;
use flowtrace_tests::craft::pdu::Pdu;
use flowtrace_tests::craft::talk;
use flowtrace_tests::craft::transport::{ACK, PSH, SYN, tcp};
use flowtrace_tests::files::corpus;
use flowtrace_tests::tools::{self, require_live};
use flowtrace_wire::{Link, Options, Ports, Walk, dissect};

static PORTS: Ports = Ports::DEFAULT;

/// A payload without its time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taken {
    key: FlowKey,
    way: Way,
    bytes: Vec<u8>,
}

fn taken(payload: Payload<'_>) -> Taken {
    assert!(payload.at > 0);
    Taken { key: payload.key, way: payload.way, bytes: payload.bytes.to_vec() }
}

fn kernel() -> Kernel {
    let settings = KernelSettings { timeouts: TIMEOUTS, ..KernelSettings::DEFAULT };
    let ports = Box::new(Ports::DEFAULT);
    let object = tools::bpf_object();
    Kernel::load(&KernelOptions { max_flows: 1 << 17, settings, ports, payloads: true, object })
        .expect("root may load it")
}

/// What the kernel puts aside of a frame; none if it does not run it.
fn by_kernel(kernel: &mut Kernel, header: Header, frame: &[u8]) -> Option<Vec<Taken>> {
    kernel.test_run(Hook::Ingress, header, frame, SkbContext::default(), 1).ok()?;
    let mut payloads = Vec::new();
    kernel.take_payloads(|payload| payloads.push(taken(payload)));
    Some(payloads)
}

/// What userland takes out of it.
fn by_userland(header: Header, frame: &[u8]) -> Vec<Taken> {
    let link = if header == Header::Ip { Link::Ip } else { Link::Ethernet };
    let (mut walk, options) = (Walk::default(), Options { ports: &PORTS, depth: 4 });
    if dissect(frame, link, frame.len() as u32, &options, &mut walk).is_err() {
        return Vec::new();
    }
    flowtrace_payload::payload(frame, &walk, 1).map(taken).into_iter().collect()
}

/// The beginning of a ClientHello, or of something else.
fn record(kind: u8) -> Vec<u8> {
    let mut record = vec![22, 3, 1, 2, 0, kind, 0, 1, 0xfc, 3, 3];
    record.resize(517, 7);
    record
}

fn udp(way: Direction, ports: [u16; 2], length: usize) -> Pdu {
    talk::data(way, &vec![0xab; length]).udp(ports)
}

/// A segment of the client's with this payload.
fn segment(data: &[u8]) -> Pdu {
    tcp(Direction::There, [40_000, 443], PSH | ACK, [1000, 1], data)
}

#[test]
fn what_is_put_aside() {
    let Some(_alone) = require_live() else { return };
    use Direction::{Back, There};
    let dns = [40_000, PAYLOAD_PORT];
    let answer = || udp(Back, dns, 100);
    let hello = || segment(&record(1));
    let rows: [(&str, Pdu, usize); 17] = [
        ("an answer", answer().ip(AB4).eth(), 100),
        ("an answer over IPv6", answer().ip(AB6).eth(), 100),
        ("an answer with a tag", answer().ip(AB4).vlan(7).eth(), 100),
        ("an answer in a tunnel", answer().ip(AB4).frame().vxlan(5).udp_to([50_000, 4789]).ip(XY4).eth(), 100),
        ("an answer behind IPv4 options", answer().ipv4(AB4, &with_options()).eth(), 100),
        ("an answer of one byte", udp(Back, dns, 1).ip(AB4).eth(), 1),
        ("a long answer", udp(Back, dns, 3000).ip(AB4).eth(), PAYLOAD_BYTES),
        ("the longest that is whole", udp(Back, dns, PAYLOAD_BYTES).ip(AB4).eth(), PAYLOAD_BYTES),
        ("an answer over TCP", tcp(Back, dns, PSH | ACK, [1, 1], &[0xab; 60]).ip(AB4).eth(), 60),
        ("a ClientHello", hello().ip(AB4).eth(), 517),
        ("a ClientHello over IPv6, with a tag", hello().ip(AB6).vlan(7).eth(), 517),
        ("a ClientHello in a tunnel", hello().ip(AB6).frame().vxlan(5).udp_to([50_000, 4789]).ip(XY4).eth(), 517),
        ("a question", udp(There, dns, 100).ip(AB4).eth(), 0),
        ("an empty answer", udp(Back, dns, 0).ip(AB4).eth(), 0),
        ("a ServerHello", segment(&record(2)).ip(AB4).eth(), 0),
        ("five bytes", segment(&record(1)[..5]).ip(AB4).eth(), 0),
        ("a SYN from port 53", tcp(Back, dns, SYN, [1, 1], b"").ip(AB4).eth(), 0),
    ];
    let mut kernel = kernel();
    for (what, pdu, length) in rows {
        let frame = &pdu.bytes;
        for (header, bytes) in [(Header::Ethernet, &frame[..]), (Header::Ip, &frame[14..])] {
            if header == Header::Ip && frame[12..14] == [0x81, 0] {
                continue;
            }
            let ours = by_userland(header, bytes);
            let theirs = by_kernel(&mut kernel, header, bytes).expect("it is run");
            assert_eq!(theirs, ours, "{what} {header:?}");
            assert_eq!(ours.iter().map(|taken| taken.bytes.len()).sum::<usize>(), length, "{what} {header:?}");
        }
    }
}

fn with_options() -> Ipv4<'static> {
    Ipv4 { options: &[1, 1, 1, 1, 1, 1, 1, 0], ..Ipv4::default() }
}

/// Data that looks like a ClientHello late in a connection is somebody's data.
#[test]
fn only_the_first_segments_are_looked_at() {
    let Some(_alone) = require_live() else { return };
    let mut kernel = kernel();
    let frame = segment(&record(1)).ip(AB4).eth().bytes;
    let counts: Vec<_> =
        (0..20).map(|_| by_kernel(&mut kernel, Header::Ethernet, &frame).expect("run").len()).collect();
    assert_eq!(counts[..16], [1; 16]);
    assert_eq!(counts[16..], [0; 4]);
}

/// What finds no room is counted, and is no packet that is lost.
#[test]
fn what_finds_no_room_is_counted() {
    let Some(_alone) = require_live() else { return };
    let mut kernel = kernel();
    let frame = udp(Direction::Back, [40_000, PAYLOAD_PORT], 2000).ip(AB4).eth().bytes;
    kernel.test_run(Hook::Ingress, Header::Ethernet, &frame, SkbContext::default(), 3000).expect("it is run");
    let (lost, bytes) = kernel.loss(Loss::PayloadsFull).expect("the counter");
    let mut taken = 0;
    kernel.take_payloads(|_| taken += 1);
    assert_eq!((taken + lost, bytes), (3000, lost * 2000));
    assert!(taken > 1900 && !Loss::PayloadsFull.is_loss(), "{taken}");
}

/// Frames of others, one by one.
#[test]
fn captured_frames_have_the_same_payloads() {
    let Some(_alone) = require_live() else { return };
    let (mut count, mut late) = (0, 0);
    let mut kernel = kernel();
    for capture in corpus::captures() {
        kernel.scan(|readings, gone| gone.extend(0..readings.keys.len())).expect("the map can be read");
        for frame in frames(&capture.path) {
            let ours = by_userland(Header::Ethernet, &frame);
            let Some(theirs) = by_kernel(&mut kernel, Header::Ethernet, &frame) else { continue };
            count += ours.len();
            let is_late = theirs.is_empty() && ours.iter().all(|taken| taken.bytes.starts_with(&[22, 3]));
            late += if is_late { ours.len() } else { 0 };
            let theirs: Vec<_> =
                theirs.into_iter().map(|taken| Taken { key: taken.key.with_generation(0), ..taken }).collect();
            assert!(is_late || theirs == ours, "{}: {theirs:?} {ours:?}", capture.name);
        }
    }
    println!("{count} payloads, {late} ClientHellos late in their connection");
    assert!(count == 0 || late * 20 < count, "few are late: {late} of {count}");
}

fn frames(path: &Path) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let Ok(mut reader) = Reader::open(path) else { return frames };
    while let Ok(Some(frame)) = reader.next() {
        if frame.link == Link::Ethernet && (14..=3500).contains(&frame.bytes.len()) {
            frames.push(frame.bytes.to_vec());
        }
    }
    frames
}
