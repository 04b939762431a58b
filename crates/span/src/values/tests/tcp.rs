//! Times and order of segments, evidence, and what profile `proposal` makes of them.

use flowtrace_flow::{Direction, Evidence, Latency, Record, Tcp};

use super::{check, check_in, say};
use crate::{Kind, Options, Profile, Selection, kind, sample};

/// A record with these times.
fn with(tcp: Tcp) -> Record {
    Record { tcp: Some(Box::new(tcp)), ..sample::between("10.0.0.1", "10.0.0.2") }
}

#[test]
fn each_time_has_its_name() {
    let both = [
        ("flow.tcp.svc.latency", "104"),
        ("flow.tcp.svc.jitter", "105"),
        ("flow.tcp.rndtrip.latency", "106"),
        ("flow.tcp.rndtrip.jitter", "107"),
        ("flow.tcp.retransmits.delta", "108"),
        ("flow.tcp.retransmits.total", "109"),
        ("flow.tcp.out_of_order.delta", "110"),
        ("flow.tcp.out_of_order.total", "111"),
        ("flow.tcp.zero_window.delta", "112"),
        ("flow.tcp.zero_window.total", "113"),
        ("flow.tcp.rtt.smoothed", "114"),
        ("flow.reverse.tcp.retransmits.delta", "115"),
        ("flow.reverse.tcp.retransmits.total", "116"),
        ("flow.reverse.tcp.out_of_order.delta", "117"),
        ("flow.reverse.tcp.out_of_order.total", "118"),
        ("flow.reverse.tcp.zero_window.delta", "119"),
        ("flow.reverse.tcp.zero_window.total", "120"),
        ("flow.reverse.tcp.rtt.smoothed", "121"),
    ];
    let steps = [(Profile::Reference, ["100", "", "", "", ""]), (Profile::Proposal, ["", "100", "101", "102", "103"])];
    let names = [
        "flow.tcp.handshake.latency",
        "flow.tcp.handshake.snd.latency",
        "flow.tcp.handshake.snd.jitter",
        "flow.tcp.handshake.cnd.latency",
        "flow.tcp.handshake.cnd.jitter",
    ];
    for (profile, steps) in steps {
        let record = with(sample::timed(100));
        check_in(profile, &record, &both);
        let expected: Vec<_> = names.into_iter().zip(steps).collect();
        check_in(profile, &record, &expected);
    }
}

#[test]
fn counters_are_there_without_a_sample_and_times_are_not() {
    let said = say(&with(Tcp::default()), &Options::default());
    let of_tcp = said.iter().filter(|(name, _)| name.contains(".tcp.") && !name.contains(".flags."));
    let zero = |name: &str| (format!("flow.{name}"), "0".to_owned());
    let mut expected = Vec::new();
    for way in ["reverse.tcp", "tcp"] {
        for counter in ["out_of_order", "retransmits", "zero_window"] {
            expected.extend(["delta", "total"].map(|last| zero(&format!("{way}.{counter}.{last}"))));
        }
    }
    assert_eq!(of_tcp.map(|(name, value)| (name.to_string(), value.clone())).collect::<Vec<_>>(), expected);
    let other = say(&sample::echo("10.0.0.1", "10.0.0.2"), &Options::default());
    assert!(!other.keys().any(|name| name.contains(".tcp.")), "{other:?}");
}

#[test]
fn a_single_sample_has_no_jitter() {
    let tcp = Tcp { round_trip: Some(Latency { mean: 2_500_000, jitter: 0 }), ..Tcp::default() };
    let expected =
        [("flow.tcp.rndtrip.latency", "2500000"), ("flow.tcp.rndtrip.jitter", "0"), ("flow.tcp.svc.jitter", "")];
    check(&with(tcp), &expected);
}

#[test]
fn evidence_is_told_to_who_asks() {
    let chosen = |groups, profile| Options {
        selection: Selection::parse(groups).unwrap().with_profile(profile),
        ..Options::default()
    };
    for (evidence, name) in [
        (Evidence::Nothing, "nothing"),
        (Evidence::Handshake, "handshake"),
        (Evidence::ListeningSocket, "listening_socket"),
        (Evidence::IcmpQuery, "icmp_query"),
        (Evidence::Ports, "ports"),
        (Evidence::Translation, "translation"),
    ] {
        let record = Record { evidence, ..sample::between("10.0.0.1", "10.0.0.2") };
        for profile in Profile::ALL {
            let said = |groups| say(&record, &chosen(groups, profile)).remove("flow.initiator.evidence");
            assert_eq!(said("debug").as_deref(), Some(name));
            assert_eq!(said("all").as_deref(), Some(name));
            assert_eq!(said(""), None);
        }
    }
}

#[test]
fn the_proposal_knows_no_perspective() {
    for (direction, expected) in
        [(Direction::Forward, Kind::Client), (Direction::Reverse, Kind::Server), (Direction::Unknown, Kind::Internal)]
    {
        let record = Record { direction, ..sample::between("10.0.0.1", "10.0.0.2") };
        assert_eq!(kind(&record, Profile::Reference), expected);
        assert_eq!(kind(&record, Profile::Proposal), Kind::Internal);
        check_in(Profile::Proposal, &record, &[("flow.initiator", "source"), ("flow.direction", "")]);
        check_in(Profile::Reference, &record, &[("flow.initiator", ""), ("flow.direction", direction.name())]);
    }
}
