//! DNS messages, made by hand: what is learned of them, and what is not.

use flowtrace_payload::dns::{answers, answers_in_stream};
use proptest::prelude::*;

use crate::craft::{A, AAAA, ANY, ASKED, DNAME, HTTPS, SVCB, TXT, a, alias, message, name, record, service, v6};

/// As `address name ttl`.
fn told(message: &[u8]) -> Vec<String> {
    answers(message).into_iter().map(|(address, name, ttl)| format!("{address} {name} {ttl}")).collect()
}

#[test]
fn what_is_told() {
    let www = "www.example.com";
    let rows: [(&str, Vec<u8>, &[&str]); 14] = [
        ("one", message(www, A, &[a(&ASKED, 300, [192, 0, 2, 1])]), &["192.0.2.1 www.example.com 300"]),
        (
            "upper case",
            message("WWW.Example.com", A, &[a(&name(www), 1, [192, 0, 2, 1])]),
            &["192.0.2.1 www.example.com 1"],
        ),
        (
            "several",
            message(www, A, &[a(&ASKED, 300, [192, 0, 2, 1]), a(&ASKED, 200, [192, 0, 2, 2])]),
            &["192.0.2.1 www.example.com 300", "192.0.2.2 www.example.com 200"],
        ),
        ("IPv6", message(www, AAAA, &[record(&ASKED, AAAA, 60, &v6(1))]), &["2001:db8::1 www.example.com 60"]),
        (
            "aliases: the name asked for, the least TTL",
            message(
                www,
                A,
                &[
                    alias(www, 50, "cdn.example"),
                    alias("cdn.example", 90, "x.cdn.example"),
                    a(&name("x.cdn.example"), 70, [192, 0, 2, 1]),
                ],
            ),
            &["192.0.2.1 www.example.com 50"],
        ),
        (
            "aliases in any order",
            message(
                www,
                A,
                &[
                    a(&name("x.example"), 70, [192, 0, 2, 1]),
                    alias("cdn.example", 5, "x.example"),
                    alias(www, 50, "cdn.example"),
                ],
            ),
            &["192.0.2.1 www.example.com 5"],
        ),
        (
            "DNAME and the alias that follows of it",
            message(
                www,
                A,
                &[
                    record(&name("example.com"), DNAME, 9, &name("example.net")),
                    alias(www, 9, "www.example.net"),
                    a(&name("www.example.net"), 70, [192, 0, 2, 1]),
                ],
            ),
            &["192.0.2.1 www.example.com 9"],
        ),
        (
            "HTTPS",
            message("example.com", HTTPS, &[record(&ASKED, HTTPS, 30, &service())]),
            &["192.0.2.1 example.com 30", "2001:db8::1 example.com 30", "2001:db8::53 example.com 30"],
        ),
        (
            "SVCB of a port",
            message("_8443._https.example.com", SVCB, &[record(&ASKED, SVCB, 30, &service())]),
            &["192.0.2.1 example.com 30", "2001:db8::1 example.com 30", "2001:db8::53 example.com 30"],
        ),
        (
            "ANY",
            message(
                www,
                ANY,
                &[a(&ASKED, 3, [192, 0, 2, 1]), record(&ASKED, TXT, 3, b"\x01x"), record(&ASKED, AAAA, 4, &v6(1))],
            ),
            &["192.0.2.1 www.example.com 3", "2001:db8::1 www.example.com 4"],
        ),
        (
            "a TTL with its first bit",
            message(www, A, &[a(&ASKED, 1 << 31, [192, 0, 2, 1])]),
            &["192.0.2.1 www.example.com 0"],
        ),
        ("private addresses", message("nas", A, &[a(&ASKED, 1, [192, 168, 1, 2])]), &["192.168.1.2 nas 1"]),
        (
            "what is nobody's beside what is somebody's",
            message(
                www,
                A,
                &[
                    a(&ASKED, 1, [0, 0, 0, 0]),
                    a(&ASKED, 1, [127, 0, 0, 1]),
                    a(&ASKED, 1, [224, 0, 0, 1]),
                    a(&ASKED, 1, [255; 4]),
                    a(&ASKED, 1, [192, 0, 2, 9]),
                ],
            ),
            &["192.0.2.9 www.example.com 1"],
        ),
        (
            "other records",
            message(www, A, &[record(&ASKED, AAAA, 60, &v6(1)), a(&name("evil.example"), 60, [192, 0, 2, 1])]),
            &[],
        ),
    ];
    for (what, message, expected) in rows {
        assert_eq!(told(&message), expected, "{what}");
    }
}

/// A good message, changed in one place.
fn changed(at: usize, to: u8) -> Vec<u8> {
    let mut message = message("www.example.com", A, &[a(&ASKED, 300, [192, 0, 2, 1])]);
    message[at] = to;
    message
}

#[test]
fn what_is_none() {
    let www = "www.example.com";
    let loops = [alias(www, 1, "a.example"), alias("a.example", 1, www), a(&name(www), 1, [192, 0, 2, 1])];
    let mut whole = message(www, A, &[a(&ASKED, 300, [192, 0, 2, 1]), a(&ASKED, 300, [192, 0, 2, 2])]);
    whole.pop();
    let rows: [(&str, Vec<u8>); 18] = [
        ("a question", changed(2, 0x01)),
        ("a notification", changed(2, 0xa1)),
        ("NXDOMAIN", changed(3, 0x83)),
        ("SERVFAIL", changed(3, 0x82)),
        ("no question", changed(5, 0)),
        ("two questions", changed(5, 2)),
        ("more records than there are", changed(7, 2)),
        ("class CHAOS asked", changed(32, 3)),
        ("a pointer to itself", changed(34, 33)),
        ("a pointer ahead", changed(34, 40)),
        ("a label of another kind", changed(12, 0x43)),
        ("aliases in a circle", message(www, A, &loops)),
        ("a wildcard", message("*.example.com", A, &[a(&ASKED, 1, [192, 0, 2, 1])])),
        ("an address as a name", message("192.0.2.7", A, &[a(&ASKED, 1, [192, 0, 2, 1])])),
        ("the root", message("", A, &[a(&ASKED, 1, [192, 0, 2, 1])])),
        ("a space", message("a b.example", A, &[a(&ASKED, 1, [192, 0, 2, 1])])),
        ("three bytes of address", message(www, A, &[record(&ASKED, A, 1, &[192, 0, 2])])),
        ("cut short", whole),
    ];
    for (what, message) in rows {
        assert_eq!(told(&message), [""; 0], "{what}");
    }
    assert_eq!(told(&changed(0, 0x99)).len(), 1, "the identifier does not matter");
}

/// A chain that is longer than any resolver follows, and answers without end.
#[test]
fn what_goes_on_and_on_is_bounded() {
    let chain = |length: usize| -> Vec<u8> {
        let mut records: Vec<_> =
            (0..length).map(|at| alias(&format!("n{at}.x"), 1, &format!("n{}.x", at + 1))).collect();
        records.push(a(&name(&format!("n{length}.x")), 1, [192, 0, 2, 1]));
        message("n0.x", A, &records)
    };
    assert_eq!(told(&chain(16)), ["192.0.2.1 n0.x 1"]);
    assert_eq!(told(&chain(17)), [""; 0]);
    let many: Vec<_> = (0..200).map(|last| a(&ASKED, 1, [192, 0, 2, last])).collect();
    assert_eq!(told(&message("x.example", A, &many)).len(), 64);
}

#[test]
fn messages_over_tcp_are_whole_ones() {
    let one = message("www.example.com", A, &[a(&ASKED, 300, [192, 0, 2, 1])]);
    let two = message("mail.example.com", AAAA, &[record(&ASKED, AAAA, 300, &v6(7))]);
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
    let segment = [framed(&one), framed(&two)].concat();
    assert_eq!(answers_in_stream(&segment).len(), 2);
    assert_eq!(answers_in_stream(&segment[..segment.len() - 1]).len(), 1, "the second is cut");
    assert_eq!(answers_in_stream(&framed(&one)[1..]), [], "not from its beginning");
    assert_eq!(answers_in_stream(&vec![0; 2048]), []);
}

proptest! {
    #[test]
    fn cut_and_changed_messages_tell_no_other_name(cut in 0_usize..200, at in 29_usize..200, to: u8) {
        let records = [alias("www.example.com", 50, "cdn.example"), a(&name("cdn.example"), 70, [192, 0, 2, 1])];
        let mut message = message("www.example.com", A, &records);
        if let Some(byte) = message.get_mut(at) {
            *byte = to;
        }
        message.truncate(cut);
        for (_, name, _) in answers(&message) {
            prop_assert_eq!(&*name, "www.example.com");
        }
    }
}
