//! What the two formats can express, each feature in both byte orders.

use flowtrace_wire::Link;
use flowtrace_wire::link::FileLink;

use crate::{
    build::{ETHERNET, MICROSECONDS, MODIFIED, NANOSECONDS, ORDERS, Order, Pcap, Pcapng, RAW_IP},
    read::{Owned, open, read, read_whole},
};

const FRAME: &[u8] = &[1, 2, 3, 4, 5];
type Options<'a> = &'a [(u16, &'a [u8])];
const SECOND: u64 = 1_000_000_000;

fn ethernet(time: Option<u64>, bytes: &[u8], wire_length: u32, interface: u32) -> Owned {
    Owned { time, link: Link::Ethernet, wire_length, bytes: bytes.to_vec(), interface }
}

#[test]
fn pcap_records() {
    // Magic, version, record header, nanoseconds, wire length.
    let cases = [
        (MICROSECONDS, [2, 4], [1_500_000_000, 123_456, 5, 5], 1_500_000_000_123_456_000, 5),
        (NANOSECONDS, [2, 4], [1_500_000_000, 123_456_789, 5, 5], 1_500_000_000_123_456_789, 5),
        (MODIFIED, [2, 4], [1_500_000_000, 123_456, 5, 5], 1_500_000_000_123_456_000, 5),
        // Cut by the snap length; the wire length cannot be less than what is there.
        (MICROSECONDS, [2, 4], [1, 0, 5, 1500], SECOND, 1500),
        (MICROSECONDS, [2, 4], [1, 0, 5, 2], SECOND, 5),
        // Lengths in the order of old versions.
        (MICROSECONDS, [2, 1], [1, 0, 1500, 5], SECOND, 1500),
        (MICROSECONDS, [2, 2], [1, 0, 1500, 5], SECOND, 1500),
        (MICROSECONDS, [543, 0], [1, 0, 1500, 5], SECOND, 1500),
        (MICROSECONDS, [2, 3], [1, 0, 1500, 5], SECOND, 1500),
        (MICROSECONDS, [2, 3], [1, 0, 5, 1500], SECOND, 1500),
        // Stamps that no clock has.
        (MICROSECONDS, [2, 4], [1, 2_000_000, 5, 5], 3 * SECOND, 5),
        (MICROSECONDS, [2, 4], [u32::MAX, u32::MAX, 5, 5], 4_294_967_295 * SECOND + 4_294_967_295_000, 5),
        (NANOSECONDS, [2, 4], [0, u32::MAX, 5, 5], 4_294_967_295, 5),
    ];
    for (magic, version, header, time, wire_length) in cases {
        for order in ORDERS {
            let file = Pcap::with(order, magic, version, 65535, ETHERNET).record(header, FRAME).record(header, FRAME);
            let expected = ethernet(Some(time), FRAME, wire_length, 0);
            assert_eq!(read_whole(&file.done()), [expected.clone(), expected], "{order:?} {magic:x} {version:?}");
        }
    }
}

#[test]
fn link_types() {
    let cases = [
        (ETHERNET, Link::Ethernet),
        // With the length of the frame check sequence, and with what libpcap calls reserved.
        (0x5400_0000 | ETHERNET, Link::Ethernet),
        (0x8001_0000 | ETHERNET, Link::Ethernet),
        (0, Link::File(FileLink::Null)),
        (RAW_IP, Link::Ip),
        (113, Link::File(FileLink::LinuxSll)),
        (165, Link::Unsupported),
    ];
    for (network, link) in cases {
        let file = Pcap::with(Order::Little, MICROSECONDS, [2, 4], 65535, network).frame(1, 0, FRAME).done();
        assert_eq!(read_whole(&file), [Owned { link, ..ethernet(Some(SECOND), FRAME, 5, 0) }], "{network:x}");
        if let Ok(link_type) = u16::try_from(network) {
            let file = Pcapng::new(Order::Big).interface(link_type, 0, &[]).enhanced(0, 1_000_000, FRAME, 5).done();
            assert_eq!(read_whole(&file), [Owned { link, ..ethernet(Some(SECOND), FRAME, 5, 0) }], "{network:x}");
        }
    }
}

#[test]
fn an_empty_capture_has_no_frames() {
    for order in ORDERS {
        assert_eq!(read_whole(&Pcap::new(order, NANOSECONDS).done()), []);
        assert_eq!(read_whole(&Pcapng::new(order).done()), []);
        assert_eq!(read_whole(&Pcapng::new(order).interface(1, 0, &[]).done()), []);
    }
}

#[test]
fn frames_may_be_long_where_the_file_says_so() {
    let long = vec![7; 600 << 10];
    let pcap = |snap_length| Pcap::with(Order::Little, MICROSECONDS, [2, 4], snap_length, 1).frame(1, 0, &long).done();
    for snap_length in [0, 1 << 20, u32::MAX] {
        assert_eq!(read_whole(&pcap(snap_length))[0].bytes, long, "{snap_length}");
    }
    let pcapng = Pcapng::new(Order::Little).interface(1, 0, &[]).enhanced(0, 0, &long, 600 << 10).done();
    assert_eq!(read_whole(&pcapng)[0].bytes, long);
    let (frames, error) = read(&pcap(65535));
    assert_eq!(frames, []);
    assert!(error.is_some_and(|error| error.is_damage()));
}

#[test]
fn packet_blocks() {
    for order in ORDERS {
        let file = Pcapng::new(order)
            .interface(1, 0, &[])
            .enhanced(0, 1_500_000_000_123_456, FRAME, 1500)
            .simple(FRAME, 5)
            .obsolete(0, 3_000_000, FRAME, 60)
            .enhanced(0, 4_000_000, &[], 3)
            .done();
        let expected = [
            ethernet(Some(1_500_000_000_123_456_000), FRAME, 1500, 0),
            ethernet(None, FRAME, 5, 0),
            ethernet(Some(3 * SECOND), FRAME, 60, 0),
            ethernet(Some(4 * SECOND), &[], 3, 0),
        ];
        assert_eq!(read_whole(&file), expected, "{order:?}");
    }
}

#[test]
fn a_simple_packet_ends_at_the_snap_length() {
    // Snap length, bytes in the block, original length, captured.
    for (snap_length, held, original, captured) in
        [(0, 8, 7, 7), (4, 4, 100, 4), (6, 8, 100, 6), (0, 8, 100, 8), (100, 0, 0, 0)]
    {
        let file = Pcapng::new(Order::Big).interface(1, snap_length, &[]).simple(&vec![9; held], original).done();
        assert_eq!(read_whole(&file), [ethernet(None, &vec![9; captured], original, 0)], "{snap_length} {original}");
    }
}

#[test]
fn resolutions_and_offsets() {
    for order in ORDERS {
        let offset = order_u64(order, 1_000_000_000);
        let cases: [(Options, u64, u64); 6] = [
            (&[(9, &[9])], 1_500_000_000_123_456_789, 1_500_000_000_123_456_789),
            (&[(9, &[0x80 | 20])], 3 << 19, 1_500_000_000),
            (&[(2, b"eth0"), (9, &[3]), (14, &offset)], 500_000_000_123, 1_500_000_000_123_000_000),
            // Options that make no sense are not there.
            (&[(9, &[9, 9])], 1_000_000, SECOND),
            (&[(14, &[1])], 1_000_000, SECOND),
            (&[(0, &[]), (9, &[9])], 1_000_000, SECOND),
        ];
        for (options, stamp, time) in cases {
            let file = Pcapng::new(order).interface(1, 0, options).enhanced(0, stamp, FRAME, 5).done();
            assert_eq!(read_whole(&file), [ethernet(Some(time), FRAME, 5, 0)], "{order:?} {options:?}");
        }
    }
}

fn order_u64(order: Order, value: u64) -> [u8; 8] {
    match order {
        Order::Little => value.to_le_bytes(),
        Order::Big => value.to_be_bytes(),
    }
}

#[test]
fn interfaces_are_numbered_over_all_sections() {
    let file = Pcapng::new(Order::Little)
        .interface(1, 0, &[(2, b"eth0")])
        .interface(101, 0, &[(9, &[9])])
        .enhanced(1, 7, FRAME, 5)
        .section(Order::Big)
        .interface(1, 0, &[(2, b"eth1\0"), (9, &[0])])
        .enhanced(0, 1, FRAME, 5)
        .interface(1, 0, &[(2, b"")])
        .enhanced(1, 1, FRAME, 5)
        .done();
    let mut reader = open(&file).unwrap();
    let (frames, error) = crate::read::drain(&mut reader);
    assert!(error.is_none());
    let expected = [
        Owned { link: Link::Ip, ..ethernet(Some(7), FRAME, 5, 1) },
        ethernet(Some(SECOND), FRAME, 5, 2),
        ethernet(Some(1000), FRAME, 5, 3),
    ];
    assert_eq!(frames, expected);
    let names: Vec<_> = (0..5).map(|interface| reader.interface_name(interface)).collect();
    assert_eq!(names, [Some("eth0"), None, Some("eth1"), Some(""), None]);
}

#[test]
fn other_blocks_are_passed() {
    for order in ORDERS {
        let file = Pcapng::new(order);
        let long = file.body().raw(&vec![3; 1 << 20]);
        let file =
            file.block(5, long.clone()).block(0x0bad, long).interface(1, 0, &[]).enhanced(0, 1_000_000, FRAME, 5);
        let empty = file.body();
        let file = file.block(4, empty).enhanced(0, 2_000_000, FRAME, 5).done();
        assert_eq!(read_whole(&file).len(), 2, "{order:?}");
    }
}

#[test]
fn a_block_length_without_its_padding_is_understood() {
    let mut file = Pcapng::new(Order::Little).interface(1, 0, &[]).done();
    let begin = file.len();
    file = Pcapng::of(Order::Little, file).enhanced(0, 1_000_000, FRAME, 5).enhanced(0, 0, FRAME, 5).done();
    let length = 32 + 5u32;
    file[begin + 4..begin + 8].copy_from_slice(&length.to_le_bytes());
    file[begin + 36..begin + 40].copy_from_slice(&length.to_le_bytes());
    assert_eq!(read_whole(&file).len(), 2);
}
