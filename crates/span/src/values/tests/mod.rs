//! What a record says, attribute by attribute.

mod encapsulation;
mod kubernetes;
mod tcp;

use std::collections::{BTreeMap, BTreeSet};

use flowtrace_flow::{Direction, End, EndReason, Evidence, Failure, HeaderValues, Interface, Record};

use super::*;
use crate::{Level, Profile, Selection, Type, sample};

/// The attributes of a record as text: integers in digits, lists with commas.
fn say(record: &Record, options: &Options) -> BTreeMap<&'static str, String> {
    let mut said = BTreeMap::new();
    attributes(record, options, &mut |attribute, value| {
        assert_eq!(said.insert(attribute.name(), told(value)), None, "{} twice", attribute.name());
    });
    said
}

/// A value as text.
fn told(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Texts(texts) => texts.join(","),
        Value::Names(names) => names.join(","),
        Value::Pairs(pairs) => pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","),
    }
}

/// The attributes named on the left have the values on the right; "" stands for absent.
#[track_caller]
fn check(record: &Record, expected: &[(&str, &str)]) {
    check_in(Profile::Reference, record, expected);
}

#[track_caller]
fn check_in(profile: Profile, record: &Record, expected: &[(&str, &str)]) {
    let options = Options { selection: Selection::default().with_profile(profile), ..Options::default() };
    let said = say(record, &options);
    for (name, value) in expected {
        assert!(Attribute::from_name(name).is_some(), "{name} is no attribute");
        assert_eq!(said.get(name).map_or("", String::as_str), *value, "{name}");
    }
}

#[test]
fn a_tcp_record() {
    let mut record = sample::between("10.1.1.5", "10.1.2.10");
    record.forward.bytes_total = 4096;
    record.reverse = sample::side(3, 180, 0b10, Some(0));
    record.reverse.header = None;
    check(
        &record,
        &[
            ("flow.community_id", "1:TCnUq3vyBNLsowPAhhodxLlTEyY="),
            ("flow.direction", "forward"),
            ("flow.end_reason", "idle_timeout"),
            ("error.type", ""),
            ("network.type", "ipv4"),
            ("network.transport", "tcp"),
            ("source.address", "10.1.1.5"),
            ("source.port", "54211"),
            ("destination.address", "10.1.2.10"),
            ("destination.port", "443"),
            ("flow.bytes.delta", "1024"),
            ("flow.bytes.total", "4096"),
            ("flow.packets.delta", "10"),
            ("flow.reverse.packets.total", "3"),
            ("flow.tcp.flags.bits", "18"),
            ("flow.tcp.flags.tags", "SYN,ACK"),
            ("flow.reverse.tcp.flags.bits", "0"),
            ("flow.reverse.tcp.flags.tags", ""),
            ("flow.tcp.closed_by", ""),
            ("flow.ip.dscp.id", "46"),
            ("flow.ip.dscp.name", "ef"),
            ("flow.ip.ecn.id", "1"),
            ("flow.ip.ecn.name", "ect1"),
            ("flow.ip.ttl", "64"),
            ("flow.ip.flow_label", ""),
            ("flow.reverse.ip.dscp.id", ""),
            ("flow.reverse.ip.ttl", ""),
            ("flow.icmp.type.id", ""),
            ("network.interface.index", ""),
        ],
    );
}

#[test]
fn a_direction_without_packets_is_counted_as_zero_and_says_nothing_else() {
    let record = Record { tcp: None, ..sample::between("10.1.1.5", "10.1.2.10") };
    let said = say(&record, &Options::default());
    let reverse: Vec<_> = said.iter().filter(|(name, _)| name.starts_with("flow.reverse.")).collect();
    let counters = ["bytes.delta", "bytes.total", "packets.delta", "packets.total"];
    let expected = counters.map(|name| (format!("flow.reverse.{name}"), "0".to_owned()));
    assert_eq!(
        reverse.into_iter().map(|(name, value)| (name.to_string(), value.clone())).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn what_is_translated_says_into_what() {
    check(
        &sample::translated(),
        &[
            ("source.address", "10.1.1.5"),
            ("destination.address", "10.96.0.10"),
            ("flow.nat.source.address", "203.0.113.1"),
            ("flow.nat.source.port", "61000"),
            ("flow.nat.destination.address", "10.244.1.7"),
            ("flow.nat.destination.port", "8443"),
        ],
    );
    let absent = ["source.address", "source.port", "destination.address", "destination.port"];
    let absent = absent.map(|name| format!("flow.nat.{name}"));
    check(&sample::between("10.1.1.5", "10.1.2.10"), &absent.each_ref().map(|name| (name.as_str(), "")));
}

#[test]
fn client_and_server_are_who_began_and_who_answered() {
    for (initiator, client, client_port, server, server_port) in [
        (Some(End::Source), "10.1.1.5", "54211", "10.1.2.10", "443"),
        (Some(End::Destination), "10.1.2.10", "443", "10.1.1.5", "54211"),
        (None, "", "", "", ""),
    ] {
        let record = Record { initiator, ..sample::between("10.1.1.5", "10.1.2.10") };
        check(
            &record,
            &[
                ("client.address", client),
                ("client.port", client_port),
                ("server.address", server),
                ("server.port", server_port),
            ],
        );
    }
}

#[test]
fn protocols_without_ports_have_none() {
    check(
        &sample::echo("10.0.0.1", "10.0.0.2"),
        &[("source.port", ""), ("destination.port", ""), ("client.port", ""), ("client.address", "10.0.0.1")],
    );
}

#[test]
fn transports_are_keywords_or_numbers() {
    for (protocol, name) in [
        (0, "hopopt"),
        (1, "icmp"),
        (6, "tcp"),
        (17, "udp"),
        (41, "ipv6"),
        (47, "gre"),
        (50, "esp"),
        (58, "ipv6-icmp"),
        (61, "61"),
        (89, "ospfigp"),
        (132, "sctp"),
        (135, "mobility-header"),
        (136, "udplite"),
        (253, "253"),
        (255, "255"),
    ] {
        let record = Record { protocol, ..sample::between("10.0.0.1", "10.0.0.2") };
        check(&record, &[("network.transport", name)]);
        assert_eq!(&*crate::span_name(&record), format!("flow_ipv4_{name}"));
    }
}

#[test]
fn every_span_name_is_whole() {
    for protocol in 0..=u8::MAX {
        let record = Record { protocol, ..sample::between("2001:db8::1", "2001:db8::2") };
        let said = say(&record, &Options::default());
        assert_eq!(&*crate::span_name(&record), format!("flow_{}_{}", said["network.type"], said["network.transport"]));
    }
}

#[test]
fn traffic_classes() {
    for (class, dscp, dscp_name, ecn, ecn_name) in [
        (0x00, "0", "cs0", "0", "not-ect"),
        (0x02, "0", "cs0", "2", "ect0"),
        (0x04, "1", "le", "0", "not-ect"),
        (0x28, "10", "af11", "0", "not-ect"),
        (0x93, "36", "af42", "3", "ce"),
        (0xb0, "44", "voice-admit", "0", "not-ect"),
        (0xe1, "56", "cs7", "1", "ect1"),
        (0xff, "63", "", "3", "ce"),
    ] {
        let mut record = sample::between("10.0.0.1", "10.0.0.2");
        record.reverse = sample::side(1, 40, class, None);
        check(
            &record,
            &[
                ("flow.reverse.ip.dscp.id", dscp),
                ("flow.reverse.ip.dscp.name", dscp_name),
                ("flow.reverse.ip.ecn.id", ecn),
                ("flow.reverse.ip.ecn.name", ecn_name),
            ],
        );
    }
}

#[test]
fn icmp_messages() {
    for (v6, icmp_type, icmp_code, type_name, code_name) in [
        (false, 8, 0, "echo_request", ""),
        (false, 0, 0, "echo_reply", ""),
        (false, 3, 1, "destination_unreachable", "host_unreachable"),
        (false, 3, 4, "destination_unreachable", "fragmentation_needed_and_dont_fragment_was_set"),
        (false, 11, 0, "time_exceeded", "time_to_live_exceeded_in_transit"),
        (false, 3, 99, "destination_unreachable", ""),
        (false, 99, 0, "", ""),
        (true, 128, 0, "echo_request", ""),
        (true, 135, 0, "neighbor_solicitation", ""),
        (true, 1, 4, "destination_unreachable", "port_unreachable"),
        (true, 1, 5, "destination_unreachable", "source_address_failed_ingress_egress_policy"),
        (true, 3, 0, "time_exceeded", "hop_limit_exceeded_in_transit"),
        (true, 8, 0, "", ""),
    ] {
        let ends = if v6 { ("fe80::1", "fe80::2") } else { ("10.0.0.1", "10.0.0.2") };
        let mut record = sample::echo(ends.0, ends.1);
        record.forward.header = record.forward.header.map(|v| HeaderValues { icmp_type, icmp_code, ..v });
        record.reverse.header = None;
        check(
            &record,
            &[
                ("flow.icmp.type.id", &icmp_type.to_string()),
                ("flow.icmp.type.name", type_name),
                ("flow.icmp.code.id", &icmp_code.to_string()),
                ("flow.icmp.code.name", code_name),
                ("flow.reverse.icmp.type.id", ""),
            ],
        );
        record.icmp = None;
        check(&record, &[("flow.icmp.type.id", ""), ("flow.icmp.code.id", "")]);
    }
}

#[test]
fn addresses_labels_and_interfaces() {
    let mut record = sample::between("2001:db8:0:0:1:0:0:1", "::ffff:192.0.2.1");
    record.forward.header = record.forward.header.map(|values| HeaderValues { flow_label: 0xfffff, ..values });
    record.interface =
        Some(Interface { index: None, name: Some("ens3".into()), mac: Some([0, 0x0a, 0xbc, 0xde, 0xf0, 1]) });
    check(
        &record,
        &[
            ("network.type", "ipv6"),
            ("source.address", "2001:db8::1:0:0:1"),
            ("destination.address", "::ffff:192.0.2.1"),
            ("flow.ip.flow_label", "1048575"),
            ("network.interface.index", ""),
            ("network.interface.name", "ens3"),
            ("network.interface.mac", "00:0a:bc:de:f0:01"),
        ],
    );
}

#[test]
fn all_flags_come_in_the_order_of_their_bits() {
    let mut record = sample::between("10.0.0.1", "10.0.0.2");
    record.forward.tcp_flags = Some(0xff);
    check(&record, &[("flow.tcp.flags.bits", "255"), ("flow.tcp.flags.tags", "FIN,SYN,RST,PSH,ACK,URG,ECE,CWR")]);
}

#[test]
fn counters_stop_where_integers_end() {
    let mut record = sample::between("10.0.0.1", "10.0.0.2");
    record.forward.bytes_total = u64::MAX;
    check(&record, &[("flow.bytes.total", "9223372036854775807")]);
}

#[test]
fn failures_make_the_status() {
    for (failure, name) in [(Failure::Refused, "connection_refused"), (Failure::Reset, "connection_reset")] {
        let record = Record {
            failure: Some(failure),
            closed_by: Some(End::Destination),
            ..sample::between("10.0.0.1", "10.0.0.2")
        };
        check(&record, &[("error.type", name), ("flow.tcp.closed_by", "destination")]);
        assert_eq!(crate::status(&record), Some(name));
    }
    assert_eq!(crate::status(&sample::between("10.0.0.1", "10.0.0.2")), None);
}

#[test]
fn the_seed_changes_the_community_id() {
    let record = sample::between("10.1.1.5", "10.1.2.10");
    let id = |community_id_seed| {
        say(&record, &Options { community_id_seed, ..Options::default() })["flow.community_id"].clone()
    };
    assert_ne!(id(0), id(1));
}

/// What the registry says is written is, by one record at least, and the rest is not; required attributes are in every
/// record, ports aside; the types are those declared, and the order that of [`Attribute::ALL`].
#[test]
fn what_is_declared_is_written() {
    let mut seen = BTreeSet::new();
    for profile in Profile::ALL {
        let options = Options { selection: Selection::all().with_profile(profile), ..Options::default() };
        sample::everything().iter().for_each(|record| seen.extend(honest(record, &options)));
    }
    for attribute in Attribute::ALL {
        let definition = attribute.definition();
        assert_eq!(seen.contains(&attribute), definition.written, "{}: written or not?", definition.name);
    }
}

/// The attributes that the record has.
fn honest(record: &Record, options: &Options) -> Vec<Attribute> {
    let profile = options.selection.profile();
    let mut order = Vec::new();
    attributes(record, options, &mut |attribute, value| {
        let fits = matches!(
            (attribute.definition().value_type, value),
            (Type::Text, Value::Text(_))
                | (Type::Integer, Value::Integer(_))
                | (Type::Texts, Value::Texts(_) | Value::Names(_))
                | (Type::Template, Value::Pairs([_, ..]))
        );
        assert!(fits, "{} is {value:?}", attribute.name());
        assert!(profile.has(attribute), "{} is not of profile {profile:?}", attribute.name());
        order.push(attribute);
    });
    assert!(order.is_sorted(), "{order:?}");
    let ports = [Attribute::SourcePort, Attribute::DestinationPort];
    for attribute in Attribute::ALL.into_iter().filter(|attribute| profile.has(*attribute)) {
        let definition = attribute.definition();
        if definition.level == Level::Required && definition.written && !ports.contains(&attribute) {
            assert!(order.contains(&attribute), "{} is required and not there", definition.name);
        }
    }
    order
}

/// The values with a fixed set stay within the set that the registry declares.
#[test]
fn names_of_directions_and_reasons_are_declared() {
    let schema = include_str!("../../../../../docs/reference/flow-span.schema.json");
    let directions = [Direction::Forward, Direction::Reverse, Direction::Unknown].map(Direction::name);
    let ends = [End::Source, End::Destination].map(end_name);
    let failures = [Failure::Refused, Failure::Reset].map(Failure::name);
    use Evidence::{Handshake, IcmpQuery, ListeningSocket, Nothing, Ports, Translation};
    let evidence = [Nothing, Handshake, ListeningSocket, IcmpQuery, Ports, Translation].map(Evidence::name);
    let names = directions.into_iter().chain(ends).chain(failures).chain(evidence);
    for name in names.chain(EndReason::ALL.map(EndReason::name)) {
        assert!(schema.contains(&format!("\"{name}\"")), "{name} is not declared");
    }
}
