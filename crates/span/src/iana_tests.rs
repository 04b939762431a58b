//! Names out of IANA's tables, a few of each.

use crate::iana::{ethertype_name, llc_name, protocol_keyword};

#[test]
fn names_of_ethertypes() {
    for (number, name) in [
        (0x0000, None),
        (0x05ff, None),
        (0x0800, Some("IPv4")),
        (0x0806, Some("ARP")),
        (0x8035, Some("RARP")),
        (0x8100, Some("802.1Q")),
        (0x8808, Some("Ethernet flow control")),
        (0x88cc, Some("LLDP")),
        (0x9000, Some("loopback")),
        (0xffff, None),
    ] {
        assert_eq!(ethertype_name(number), name, "{number:#06x}");
    }
}

/// What is less than 0x0600 in an EtherType's place is a length (IEEE Std 802.3).
#[test]
fn lengths_have_no_names() {
    assert!((0..0x0600).all(|length| ethertype_name(length).is_none()));
}

#[test]
fn access_points_are_the_same_for_groups_and_responses() {
    for (number, name) in [
        (0x42, Some("spanning tree")),
        (0x43, Some("spanning tree")),
        (0xaa, Some("SNAP")),
        (0xe0, Some("IPX")),
        (0xf1, Some("NetBIOS")),
        (0xfe, Some("ISO CLNS or IS-IS")),
        (0xff, Some("global SAP")),
        (0x01, Some("null SAP")),
        (0x44, None),
    ] {
        assert_eq!(llc_name(number), name, "{number:#04x}");
    }
}

/// `network.transport` and the span's name are made of them.
#[test]
fn keywords_are_lower_case_without_spaces() {
    for keyword in (0..=u8::MAX).filter_map(protocol_keyword) {
        assert!(!keyword.contains(|letter: char| letter.is_whitespace() || letter.is_uppercase()), "{keyword:?}");
        assert!(keyword.len() <= 15, "{keyword:?} is longer than a span's name has room for");
    }
    // All that IANA has assigned up to here have one, but "any ..." (61, 63, 68, 99, 114).
    let without: Vec<_> = (0..=147).filter(|number| protocol_keyword(*number).is_none()).collect();
    assert_eq!(without, [61, 63, 68, 99, 114]);
}
