//! Frames of every link, whole, cut and damaged.

use super::*;

/// LINKTYPE, the frame's bytes in hexadecimal, and what its header says.
struct Row(u16, &'static str, Result<Start, Reason>);

const fn at(offset: usize, next: Next) -> Result<Start, Reason> {
    Ok(Start::new(offset, next))
}

const fn from(offset: usize, next: Next, mac: [u8; 6]) -> Result<Start, Reason> {
    let [a, b, c, d, e, f] = mac;
    Ok(Start { source_mac: Some(Mac::from_first_six([a, b, c, d, e, f, 0, 0])), ..Start::new(offset, next) })
}

const NONE: Next = Next::Other(0);
const IPV4: Next = Next::EtherType(0x0800);
const IPV6: Next = Next::EtherType(0x86dd);
const SENDER: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Families, raw IP, Linux.
const HOST_LINKS: &[Row] = &[
    Row(0, "02000000 45", at(4, Next::Ipv4)),
    Row(0, "00000002 45", at(4, Next::Ipv4)),
    Row(0, "1e000000 60", at(4, Next::Ipv6)),
    Row(108, "0000001c 60", at(4, Next::Ipv6)),
    Row(0, "07000000 83", at(4, Next::Other(7))),
    Row(0, "12345678", at(4, NONE)),
    Row(12, "45000054", at(0, Next::Ip)),
    Row(12, "00000018 60", at(4, Next::Ipv6)),
    Row(14, "45", at(0, Next::Ip)),
    Row(101, "60", at(0, Next::Ip)),
    Row(228, "45", at(0, Next::Ipv4)),
    Row(229, "60", at(0, Next::Ipv6)),
    Row(219, "000011ff", at(0, Next::EtherType(0x8847))),
    Row(51, "11000001", at(0, Next::EtherType(0x8864))),
    Row(109, "18000000 00000100 00000000 60", at(12, Next::Ipv6)),
    Row(117, "3d02", at(64, Next::Ipv4)),
    Row(117, "6418", at(100, Next::Ipv6)),
    Row(226, "0102", at(24, Next::Ipv4)),
    Row(226, "011a", at(24, Next::Ipv6)),
    Row(113, "0000 0001 0006 020000000001 0000 0800", from(16, IPV4, SENDER)),
    Row(113, "0004 0300 0006 020000000001 0000 86dd", from(16, IPV6, SENDER)),
    Row(113, "0000 0200 0000 0000000000000000 0800", at(16, IPV4)),
    Row(113, "0000 0001 0006 020000000001 0000 0004", from(16, Next::Llc, SENDER)),
    Row(113, "0000 0001 0006 020000000001 0000 0001", from(16, Next::Other(1), SENDER)),
    Row(113, "0000 030a 0000 0000000000000000 0800", at(16, IPV4)),
    Row(113, "0000 0302 0000 0000000000000000 0000 1841 0300cc", at(21, Next::Ipv4)),
    Row(113, "0004 0338 0000 0000000000000000 0000", at(16, NONE)),
    Row(276, "0800 0000 00000002 0001 00 06 020000000001 0000", from(20, IPV4, SENDER)),
    Row(276, "88a8 0000 00000002 0304 04 00 0000000000000000", at(20, Next::EtherType(0x88a8))),
];

/// Netfilter's packets, Apple's and others' headers before a frame of another link.
const CARRIER_LINKS: &[Row] = &[
    Row(239, "02000001 0800 0100 0800 03 00 0500 0a00 00000000 1800 0900 45", at(24, Next::Ipv4)),
    Row(239, "0a000001 0008 0001 86dd 03 00 0018 0009 60", at(16, Next::Ipv6)),
    Row(239, "07000001 0800 0100 86dd 03 00 1800 0900 60", at(16, IPV6)),
    Row(
        239,
        "02000001 1000 0800 0006 0000 020000000001 0000 1400 1480 0600 0100 81000000 0600 0200 0064 0000 0900 0900 45",
        Ok(Start { offset: 44, next: Next::Ipv4, source_mac: Some(MAC), vlan: Some(100) }),
    ),
    Row(239, "02000001 0300 0100 0800 0300", Err(Reason::TruncatedLink)),
    Row(
        253,
        "0000 0338 0000 0000000000000000 000c
         69000000 0003 0000 00000000 00000000 0200002c
         0b00 0100 00000058 0800 03 00 0800 0600 00000002 4100 0a00 45",
        at(60, Next::Ipv4),
    ),
    Row(
        253,
        "0000 0338 0000 0000000000000000 000c
         00000030 0400 0000 00000000 00000000 0a00002c 0008 0009 60",
        at(40, Next::Ipv6),
    ),
    Row(
        253,
        "0000 0338 0000 0000000000000000 000c
         00000038 0300 0000 00000000 00000000 07000000 000b 0001 00000058 86dd 03 00 0008 000a 60",
        at(52, IPV6),
    ),
    Row(
        113,
        "0000 0338 0000 0000000000000000 000c
         30000000 0100 0000 00000000 00000000",
        at(16, Next::Other(12)),
    ),
    Row(192, "00 00 0800 01000000", at(8, Next::Ethernet)),
    Row(192, "00 00 0800 69000000 0800 0000 020000000002 020000000001 020000000003 0000", from(32, Next::Llc, SENDER)),
    Row(192, "00 00 0800 c0000000", Err(Reason::UnsupportedLink)),
    Row(149, "6c000000 01000000 01000000", at(108, Next::Ethernet)),
    Row(258, "9c000000 01000000 0c000000", Err(Reason::TruncatedLink)),
    Row(258, "6c000000 01000000 02010000", Err(Reason::UnsupportedLink)),
    Row(258, "6c000000 02000000 01000000", Err(Reason::UnsupportedLink)),
    Row(149, "00000000 01000000 01000000", Err(Reason::UnsupportedLink)),
    Row(240, "", at(4, Next::Ethernet)),
    Row(241, "", at(12, Next::Ethernet)),
    Row(259, "", at(8, Next::Ethernet)),
    Row(1, "", at(0, Next::Ethernet)),
];

const MAC: Mac = Mac::from_first_six([2, 0, 0, 0, 0, 1, 0, 0]);

/// Serial lines and ATM.
const WIDE_AREA_LINKS: &[Row] = &[
    Row(9, "ff03 0021 45", at(2, Next::Ppp)),
    Row(9, "0021 45", at(0, Next::Ppp)),
    Row(50, "2145", at(0, Next::Ppp)),
    Row(50, "0f00 0800 45", at(4, IPV4)),
    Row(50, "8f00 2000", at(4, Next::EtherType(0x2000))),
    Row(166, "0103 0021 45", at(2, Next::Ppp)),
    Row(166, "0003 0021 45", at(2, Next::Ppp)),
    Row(166, "00 ff03 0021", at(3, Next::Ppp)),
    Row(204, "01 ff03 0057", at(3, Next::Ppp)),
    Row(204, "00 0057", at(1, Next::Ppp)),
    Row(8, "", at(16, Next::Ip)),
    Row(104, "0f00 0800 45", at(4, IPV4)),
    Row(104, "8f00 86dd 60", at(4, IPV6)),
    Row(104, "0f00 0000", at(4, NONE)),
    Row(205, "00 0f00 8847", at(5, Next::EtherType(0x8847))),
    Row(107, "1841 03 cc 45", at(4, Next::Ipv4)),
    Row(107, "1841 03 00 8e 60", at(5, Next::Ipv6)),
    Row(107, "1841 03 00 80 000000 0800 45", at(10, IPV4)),
    Row(107, "1841 03 00 80 0080c2 0007", at(10, Next::Ethernet)),
    Row(107, "1841 03 00 80 00000c 2000", at(10, NONE)),
    Row(107, "1841 03 00 cf 0021", at(5, Next::Ppp)),
    Row(107, "1841 03 00 83", at(4, Next::Other(0x83))),
    Row(107, "1841 0800 45", at(4, IPV4)),
    Row(107, "1841 af 82", at(2, NONE)),
    Row(107, "80ea9d 0800 47", at(5, IPV4)),
    Row(107, "80808041 03 cc", at(6, Next::Ipv4)),
    Row(107, "80808080 03 cc", at(0, NONE)),
    Row(107, "00000201 0800 45", at(6, IPV4)),
    Row(107, "000003 0800 45", at(3, NONE)),
    Row(107, "0001 03 08 00 75", at(3, Next::Other(8))),
    Row(107, "0001 0201 45", at(2, NONE)),
    Row(107, "1941", at(0, NONE)),
    Row(206, "01 1841 03 cc 45", at(5, Next::Ipv4)),
    Row(182, "c001 1841 03 cc 45", at(6, Next::Ipv4)),
    Row(182, "8001 1841 03 cc 45", at(2, NONE)),
    Row(182, "e000 01", at(2, NONE)),
    Row(100, "aaaa03 000000 0800", at(0, Next::Llc)),
    Row(11, "aaaa03 0080c2 0007 0000", at(10, Next::Ethernet)),
    Row(100, "fefe03 cc 45", at(4, Next::Ipv4)),
    Row(100, "03 cc 45", at(2, Next::Ipv4)),
    Row(106, "45", at(0, Next::Ip)),
    Row(19, "aaaa03", at(0, Next::Llc)),
    Row(123, "02 01 0064 aaaa03 000000 0800", at(4, Next::Llc)),
    Row(123, "81 01 0064 0001", at(6, Next::Ethernet)),
    Row(123, "01 01 0064 ff00", at(4, NONE)),
    Row(123, "05 00 0010", at(4, NONE)),
    Row(123, "02 01 0010 aaaa03 000000 0800", at(4, Next::Llc)),
    Row(123, "00 01 00d3 fefe03 8e 60", at(8, Next::Ipv6)),
    Row(123, "00 01 00d3 000004", at(4, NONE)),
];

/// Juniper's header before each of its links.
const JUNIPER_LINKS: &[Row] = &[
    Row(178, "4d4743 80 0003 0301 01", at(9, Next::Ethernet)),
    Row(167, "4d4743 00", at(4, Next::Ethernet)),
    Row(178, "4d4743 02 00000002 45", at(8, Next::Ipv4)),
    Row(178, "000000 00", at(0, NONE)),
    Row(179, "4d4743 01 ff03 0021", at(6, Next::Ppp)),
    Row(180, "4d4743 01 1841 03 cc", at(8, Next::Ipv4)),
    Row(181, "4d4743 01 0f00 0800", at(8, IPV4)),
    Row(168, "4d4743 01 8864", at(6, Next::EtherType(0x8864))),
    Row(136, "4d4743 01 0102030405060708 60", at(12, Next::Ipv6)),
    Row(164, "4d4743 01 0102030405060708 33", at(12, NONE)),
    Row(137, "4d4743 01 80000000", at(8, NONE)),
    Row(137, "4d4743 01 00000000 aaaa03 000000 0800", at(8, Next::Llc)),
    Row(137, "4d4743 01 00000000 03cc45", at(10, Next::Ipv4)),
    Row(137, "4d4743 01 00000000 450000", at(8, Next::Ipv4)),
    Row(135, "4d4743 01 0000000000000010 450000", at(12, NONE)),
    Row(135, "4d4743 01 0000000000000000 fefe03 cc", at(16, Next::Ipv4)),
    Row(135, "4d4743 00 0000000100000000 020000", at(12, Next::Ethernet)),
    Row(135, "4d4743 01 0000000100000000 002145", at(12, Next::Ppp)),
    Row(135, "4d4743 01 0000000000000000 600000", at(12, Next::Ipv6)),
];

/// Local networks, with wire and without.
const LOCAL_LINKS: &[Row] = &[
    Row(129, "01 02 0000 f0 45", at(5, Next::Ipv4)),
    Row(129, "01 02 0000 d4", at(8, Next::Ipv4)),
    Row(129, "01 02 0000 c4", at(8, Next::Ipv6)),
    Row(129, "01 02 0000 f1", at(5, Next::Other(0x0806))),
    Row(129, "01 02 0000 cd", at(8, Next::Other(0xcd))),
    Row(7, "01 02 f0 45", at(3, Next::Ipv4)),
    Row(7, "01 02 d4 00 0001 45", at(6, Next::Ipv4)),
    Row(7, "01 02 d4 01 0001 45", at(6, Next::Ipv4)),
    Row(7, "01 02 d4 02 0001 45", at(6, Next::Other(0xd4))),
    Row(7, "01 02 d4 ff ffff d4 00 0001 45", at(10, Next::Ipv4)),
    Row(6, "1040 020000000002 020000000001 aaaa03", from(14, Next::Llc, SENDER)),
    Row(6, "1040 020000000002 820000000001 c610 00110022 aaaa03", from(20, Next::Llc, SENDER)),
    Row(6, "1000 020000000002 020000000001", from(14, NONE, SENDER)),
    Row(10, "50 020000000002 020000000001 aaaa03", from(13, Next::Llc, SENDER)),
    Row(10, "41 020000000002 020000000001", from(13, NONE, SENDER)),
    Row(122, "1000 020000000002 0000 020000000001 aaaa03", from(16, Next::Llc, SENDER)),
    Row(138, "0000000000000000 0000000000000000 0800", at(18, IPV4)),
    Row(
        242,
        "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 86dd 0000",
        at(44, IPV6),
    ),
    Row(105, "0801 0000 020000000002 020000000001 020000000003 0000 aaaa03", from(24, Next::Llc, SENDER)),
    Row(105, "0802 0000 020000000002 020000000003 020000000001 0000 aaaa03", from(24, Next::Llc, SENDER)),
    Row(105, "0803 0000 020000000002 020000000003 020000000004 0000 020000000001 aaaa03", from(30, Next::Llc, SENDER)),
    Row(105, "8801 0000 020000000002 020000000001 020000000003 0000 0000 aaaa", from(26, Next::Llc, SENDER)),
    Row(105, "8881 0000 020000000002 020000000001 020000000003 0000 0000", from(30, Next::Llc, SENDER)),
    Row(105, "8801 0000 020000000002 020000000001 020000000003 0000 8000", from(26, Next::Ethernet, SENDER)),
    Row(105, "0801 0000 020000000002 020000000001 020000000003 1100", from(24, NONE, SENDER)),
    Row(105, "0841", at(0, NONE)),
    Row(105, "8000", at(0, NONE)),
    Row(105, "4801", at(0, NONE)),
    Row(
        127,
        "0000 0800 00000000 8801 0000 020000000002 020000000001 020000000003 0000 0000",
        from(34, Next::Llc, SENDER),
    ),
    Row(
        127,
        "0000 0900 02000000 20 8801 0000 020000000002 020000000001 020000000003 0000 0000",
        from(37, Next::Llc, SENDER),
    ),
    Row(
        127,
        "0000 1900 03000080 00000000 00000000 0000000000000000 20
         8801 0000 020000000002 020000000001 020000000003 0000 0000",
        from(53, Next::Llc, SENDER),
    ),
    Row(127, "0100 0800", at(0, NONE)),
    Row(163, "80211001 00000008 0801 0000 020000000002 020000000001 020000000003 0000", from(32, Next::Llc, SENDER)),
    Row(119, "80211001 00000008 0801 0000 020000000002 020000000001 020000000003 0000", from(32, Next::Llc, SENDER)),
    Row(163, "80211001 ffffffff", at(0, NONE)),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    [HOST_LINKS, CARRIER_LINKS, WIDE_AREA_LINKS, JUNIPER_LINKS, LOCAL_LINKS].into_iter().flatten()
}

/// The bytes of `hexadecimal`, blanks ignored, in `buffer`.
fn decode<'a>(hexadecimal: &str, buffer: &'a mut [u8; 256]) -> &'a mut [u8] {
    let mut length = 0;
    for digit in hexadecimal.chars().filter(|letter| !letter.is_whitespace()) {
        let value = digit.to_digit(16).unwrap() as u8;
        buffer[length / 2] = buffer[length / 2] << 4 | value;
        length += 1;
    }
    assert!(length % 2 == 0, "{hexadecimal}");
    &mut buffer[..length / 2]
}

fn read(number: u16, bytes: &[u8]) -> Result<Start, Reason> {
    start(bytes, FileLink::of(number).unwrap())
}

#[test]
fn headers_are_read() {
    for Row(number, hexadecimal, expected) in rows() {
        let mut buffer = [0; 256];
        assert_eq!(read(*number, decode(hexadecimal, &mut buffer)), *expected, "{number}: {hexadecimal}");
    }
}

#[test]
fn prism_header_is_skipped() {
    let mut buffer = [0; 256];
    decode("44000000", &mut buffer);
    buffer[144..148].copy_from_slice(&[0x08, 0x01, 0, 0]);
    buffer[154..160].copy_from_slice(&SENDER);
    assert_eq!(read(119, &buffer), from(168, Next::Llc, SENDER));
}

#[test]
fn every_link_has_a_row() {
    for number in FileLink::numbers() {
        assert!(rows().any(|row| row.0 == number), "{number}");
    }
}

/// A header that is cut is either read as the whole one, or truncated: never as something else.
#[test]
fn cut_headers_are_truncated() {
    for Row(number, hexadecimal, expected) in rows() {
        let mut buffer = [0; 256];
        let bytes = decode(hexadecimal, &mut buffer);
        for length in 0..bytes.len() {
            let got = read(*number, &bytes[..length]);
            assert!(
                got == *expected || got == Err(Reason::TruncatedLink),
                "{number}: {hexadecimal} cut to {length}: {got:?}"
            );
        }
    }
}

/// Any byte may be any value, in every frame read as every link.
#[test]
fn damaged_headers_do_no_harm() {
    for Row(_, hexadecimal, _) in rows() {
        let mut buffer = [0; 256];
        let bytes = decode(hexadecimal, &mut buffer);
        for place in 0..bytes.len() {
            let whole = bytes[place];
            for value in [0, 1, 2, 3, 4, 7, 0x7f, 0x80, 0xc0, 0xfe, 0xff, whole ^ 1, whole ^ 0x10, whole ^ 0x40] {
                bytes[place] = value;
                for number in FileLink::numbers() {
                    if let Ok(start) = read(number, bytes) {
                        assert!(start.offset < 1 << 18, "{number}: {start:?}");
                        assert!(!matches!(start.next, Next::EtherType(kind) if kind < FIRST_ETHERTYPE));
                    }
                }
            }
            bytes[place] = whole;
        }
    }
}

/// The longest chain of attributes that fits into a large frame ends.
#[test]
fn endless_attributes_end() {
    let mut bytes = [0; 65_536];
    for attribute in bytes.chunks_exact_mut(4) {
        attribute.copy_from_slice(&[4, 0, 2, 0]);
    }
    assert_eq!(read(239, &bytes), Err(Reason::TruncatedLink));
}
