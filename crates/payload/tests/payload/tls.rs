//! ClientHellos: that of RFC 8448, and others made by hand.

use flowtrace_payload::tls::server_name;
use proptest::prelude::*;

use crate::craft::{extension, hello, named, rfc_8448};

#[test]
fn the_name_of_the_rfc() {
    let bytes = rfc_8448();
    assert_eq!(bytes.len(), 201);
    assert_eq!(server_name(&bytes).as_deref(), Some("server"));
}

#[test]
fn names_and_none() {
    let keys = extension(51, &[0; 1300]);
    let rows: [(&str, Vec<u8>, Option<&str>); 14] = [
        ("first", hello(1, &named("www.example.com")), Some("www.example.com")),
        ("record of TLS 1.2", hello(3, &named("www.example.com")), Some("www.example.com")),
        ("upper case, a dot at the end", hello(1, &named("Example.COM.")), Some("example.com")),
        ("behind others", hello(1, &[extension(10, b"x"), named("example.com")].concat()), Some("example.com")),
        ("no extension", hello(1, &[]), None),
        ("other extensions", hello(1, &extension(10, b"x")), None),
        ("an address", hello(1, &named("192.0.2.1")), None),
        ("an IPv6 address", hello(1, &named("2001:db8::1")), None),
        ("control characters", hello(1, &named("a\u{1b}[31m.example")), None),
        ("no name", hello(1, &named("")), None),
        ("another kind of name", hello(1, &extension(0, b"\0\x04\x01\0\x01a")), None),
        ("two names", hello(1, &extension(0, b"\0\x08\0\0\x01a\0\0\x01b")), None),
        ("a list that is longer than it is", hello(1, &extension(0, b"\0\x09\0\0\x01a")), None),
        ("an answer of a server", [&[22, 3, 3, 0, 4, 2, 0, 0, 0][..], &[0; 80]].concat(), None),
    ];
    for (what, bytes, expected) in rows {
        assert_eq!(server_name(&bytes).as_deref(), expected, "{what}");
    }
    // Of a ClientHello of two segments the first is enough, if the name is in it.
    let two = hello(1, &[named("example.com"), keys.clone()].concat());
    assert_eq!(server_name(&two[..900]).as_deref(), Some("example.com"));
    let late = hello(1, &[keys, named("example.com")].concat());
    assert_eq!(server_name(&late[..900]), None);
    assert_eq!(server_name(&late).as_deref(), Some("example.com"));
}

#[test]
fn a_name_that_is_cut_is_none() {
    let bytes = hello(1, &named("www.example.com"));
    for length in 0..bytes.len() {
        assert_eq!(server_name(&bytes[..length]), None, "{length}");
    }
    // The record ends before the name does: the rest is in another record.
    let mut short = bytes;
    short[4] -= 1;
    assert_eq!(server_name(&short), None);
}

proptest! {
    #[test]
    fn a_changed_byte_makes_no_name_that_is_none(at in 0_usize..201, to: u8) {
        let mut bytes = rfc_8448();
        bytes[at] = to;
        if let Some(name) = server_name(&bytes) {
            prop_assert!(!name.is_empty() && name.len() <= 253);
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte)));
        }
    }
}
