//! What expressions mean: of which records they are true.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[path = "../../span/tests/records/mod.rs"]
mod records;

use std::net::IpAddr;

use flowtrace_filter::{Expression, Filter};
use flowtrace_flow::{End, Endpoint, Record};
use flowtrace_span::{Attribute, Options, Profile, Selection};

fn accepts(filter: &str, record: &Record) -> bool {
    Filter::parse(filter).unwrap_or_else(|error| panic!("{error}")).accepts(record, &Options::default())
}

/// Of 192.0.2.1:51234 → 198.51.100.7:443, TCP.
#[test]
fn expressions_are_true_or_false_of_a_connection() {
    let record = records::tcp();
    for (filter, expected) in [
        // The language's example.
        (r#"source.port in [80, 443] and not destination.address in 10.0.0.0/8 and network.transport == "tcp""#, false),
        (
            r#"destination.port in [80, 443] and not destination.address in 10.0.0.0/8 and network.transport == "tcp""#,
            true,
        ),
        // Numbers.
        ("destination.port == 443", true),
        ("destination.port != 443", false),
        ("destination.port == 0x1bb", true),
        ("destination.port < 443", false),
        ("destination.port <= 443", true),
        ("destination.port > 443", false),
        ("destination.port >= 443", true),
        ("destination.port > 442", true),
        ("destination.port < 444", true),
        ("destination.port in 443", true),
        ("destination.port in 443..443", true),
        ("destination.port in [1..442, 444..65535]", false),
        ("destination.port not in [1..442, 444..65535]", true),
        ("flow.bytes.total < 9223372036854775807", true),
        ("flow.bytes.total > 9223372036854775807", false),
        // Units.
        ("flow.bytes.total == 1234B", true),
        ("flow.bytes.total > 1KiB", true),
        ("flow.reverse.bytes.total in 34kB..35kB", true),
        ("flow.tcp.handshake.latency == 1200us", true),
        ("flow.tcp.handshake.latency < 1ms", false),
        ("flow.tcp.handshake.latency in 1ms..2ms", true),
        // Addresses and networks.
        ("source.address == 192.0.2.1", true),
        (r#"source.address == "192.0.2.1""#, true),
        ("source.address == ::ffff:192.0.2.1", true),
        ("source.address != 192.0.2.1", false),
        ("source.address in 192.0.2.0/24", true),
        ("source.address in 192.0.2.1/32", true),
        ("source.address in 192.0.2.2/31", false),
        ("source.address in ::ffff:192.0.2.0/120", true),
        ("source.address in 0.0.0.0/0", true),
        ("source.address in ::/0", false),
        ("source.address in [10.0.0.0/8, 192.0.2.0/30, 2001:db8::/32]", true),
        ("source.address in 192.0.1.255..192.0.2.1", true),
        ("source.address in 192.0.2.2..192.0.2.255", false),
        ("client.address == 192.0.2.1 and server.address in 198.51.100.0/24 and server.port == 443", true),
        // Text.
        (r#"network.interface.name == "eth0""#, true),
        (r#"network.interface.name in ["eth1", 'eth0']"#, true),
        (r#"network.interface.name in ["wlan0", "eth1", "veth0", "eth0", "a", "lo", "z"]"#, true),
        (r#"network.interface.name in ["wlan0", "eth1", "veth0", "a", "lo", "z"]"#, false),
        (r#"network.interface.name == "ETH0""#, false),
        (r#"network.interface.name glob "eth*""#, true),
        (r#"network.interface.name glob "th*""#, false),
        (r#"network.interface.name not glob "veth*""#, true),
        (r#"network.interface.name =~ "h\d""#, true),
        (r#"network.interface.name =~ "^h""#, false),
        (r#"network.interface.name =~ '(?i)^ETH\d$'"#, true),
        (r#"network.interface.name !~ "^(lo|veth)""#, true),
        (r#"network.interface.mac == "02:00:00:00:00:fe""#, true),
        // Lists.
        (r#""SYN" in flow.tcp.flags.tags"#, true),
        (r#""RST" in flow.tcp.flags.tags"#, false),
        (r#""RST" not in flow.tcp.flags.tags"#, true),
        // Presence.
        ("has(source.port)", true),
        ("has(tunnel.type)", false),
        ("not has(source.k8s.pod.name)", true),
        // Opt-in groups that are off.
        (r#"flow.initiator.evidence == "handshake""#, true),
        // Order of evaluation: not, and, or.
        ("source.port == 1 and source.port == 1 or destination.port == 443", true),
        ("destination.port == 443 or source.port == 1 and source.port == 1", true),
        ("(destination.port == 443 or source.port == 1) and source.port == 1", false),
        ("not source.port == 1 and source.port == 1", false),
        ("not (source.port == 1 and source.port == 1)", true),
        ("not not destination.port == 443", true),
        ("!(source.port == 1) && (source.port == 2 || destination.port == 443)", true),
        ("\n\tdestination.port\r\n==443\n", true),
    ] {
        assert_eq!(accepts(filter, &record), expected, "{filter}");
    }
}

/// Of a ping, which has no ports, and whose ends are IPv4.
#[test]
fn comparisons_with_what_is_absent_are_false() {
    let record = records::ping();
    for filter in [
        "source.port == 80",
        "source.port < 80",
        "source.port >= 0",
        "source.port in 0..65535",
        "has(source.port)",
        r#"tunnel.type == "vxlan""#,
        r#"tunnel.type glob "*""#,
        r#"tunnel.type =~ """#,
        "tunnel.source.address in [0.0.0.0/0, ::/0]",
        r#""SYN" in flow.tcp.flags.tags"#,
        r#"source.k8s.pod.name == "web""#,
    ] {
        assert!(!accepts(filter, &record), "{filter}");
        assert!(accepts(&format!("not {filter}"), &record), "not {filter}");
    }
    for (opposite, of) in [
        ("source.port != 80", "source.port == 80"),
        ("source.port not in [80]", "source.port in [80]"),
        (r#"tunnel.type not glob "*""#, r#"tunnel.type glob "*""#),
        (r#"tunnel.type !~ """#, r#"tunnel.type =~ """#),
        (r#""SYN" not in flow.tcp.flags.tags"#, r#""SYN" in flow.tcp.flags.tags"#),
    ] {
        assert!(accepts(opposite, &record) && !accepts(of, &record), "{opposite}");
    }
}

/// Of one whose destination is a pod with the labels `app.kubernetes.io/name` and `empty`; two policies apply on the way in,
/// none on the way out.
#[test]
fn what_kubernetes_says_can_be_asked() {
    let record = records::in_kubernetes();
    for (filter, expected) in [
        (r#"destination.k8s.pod.name == "server-pod" and source.k8s.owner.kind == "TrainingJob""#, true),
        (r#"destination.k8s.pod.labels["app.kubernetes.io/name"] == "server-pod-label""#, true),
        (r#"destination.k8s.pod.labels['app.kubernetes.io/name'] != "server-pod-label""#, false),
        (r#"destination.k8s.pod.labels.app.kubernetes.io/name == "server-pod-label""#, true),
        (r#"destination.k8s.pod.labels.app.kubernetes.io/name in ["a", "server-pod-label"]"#, true),
        (r#"destination.k8s.pod.labels.app.kubernetes.io/name glob "server-*""#, true),
        (r#"destination.k8s.pod.labels.app.kubernetes.io/name =~ "^client""#, false),
        (r#"source.k8s.pod.labels.app.kubernetes.io/name =~ "^client""#, true),
        (r#"destination.k8s.pod.annotations["example.org/note"] glob "server ?pod?*""#, true),
        (r#"source.k8s.namespace.labels.empty == "" "#, true),
        (r#"source.k8s.namespace.labels.none == "" "#, false),
        ("has(destination.k8s.service.labels.empty)", true),
        (r#"has(destination.k8s.service.labels["empty"])"#, true),
        (r#"has(destination.k8s.service.labels["emp"]) or has(destination.k8s.service.labels.empty.or.not)"#, false),
        (r#"destination.k8s.pod.labels.none not in ["a"]"#, true),
        (r#""deny-rest" in network.policy.ingress"#, true),
        (r#""deny-rest" in network.policy.egress"#, false),
        ("has(network.policy.egress)", true),
    ] {
        assert_eq!(accepts(filter, &record), expected, "{filter}");
        // Of a record without Kubernetes nothing is true but the opposite.
        let opposite = ["!=", " not in "].iter().any(|operator| filter.contains(operator));
        assert_eq!(accepts(filter, &records::tcp()), opposite, "{filter}");
    }
}

#[test]
fn a_filter_tells_the_keys_that_it_asks_for() {
    use Attribute::{SourceK8sPodAnnotations as Annotations, SourceK8sPodLabels as Labels};
    let text = r#"source.k8s.pod.labels.b == "1" or has(source.k8s.pod.labels["a"]) or source.k8s.pod.labels["b"] glob "*"
        or not source.k8s.pod.annotations["c d"] =~ "1""#;
    let filter = Filter::parse(text).unwrap();
    assert_eq!(filter.keys(), [(Annotations, "c d"), (Labels, "a"), (Labels, "b")]);
    assert_eq!(filter.attributes(), [Annotations, Labels]);
}

#[test]
fn addresses_are_compared_as_addresses() {
    let between = |source: &str, destination: &str| {
        let end = |address: &str| Endpoint { address: address.parse::<IpAddr>().unwrap(), port: Some(1) };
        Record { source: end(source), destination: end(destination), ..records::tcp() }
    };
    for (filter, source, expected) in [
        ("source.address == 192.0.2.1", "::ffff:192.0.2.1", true),
        ("source.address in 192.0.2.0/24", "::ffff:192.0.2.1", true),
        ("source.address in ::/0", "::ffff:192.0.2.1", false),
        ("source.address in ::/0", "::1", true),
        ("source.address in ::ffff:0:0/96", "255.255.255.255", true),
        ("source.address in ::ffff:0:0/96", "::1", false),
        ("source.address == 2001:db8:0:0:0:0:0:1", "2001:db8::1", true),
        ("source.address == 2001:DB8::1", "2001:db8::1", true),
        ("source.address in 2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("source.address in 2001:db8::/32", "2001:db9::", false),
        ("source.address in 2001:db8::1..2001:db8::9", "2001:db8::9", true),
        ("source.address in 0.0.0.0/0", "::", false),
        ("client.address == 192.0.2.9", "192.0.2.1", true),
        ("server.address == 192.0.2.1", "192.0.2.1", true),
    ] {
        let record = Record { initiator: Some(End::Destination), ..between(source, "192.0.2.9") };
        assert_eq!(accepts(filter, &record), expected, "{filter} {source}");
    }
    let unknown = Record { initiator: None, ..between("192.0.2.1", "192.0.2.9") };
    assert!(!accepts("has(client.address) or client.address in 0.0.0.0/0 or client.port > 0", &unknown));
}

#[test]
fn other_addresses_come_from_their_text() {
    for (filter, record, expected) in [
        ("tunnel.source.address in 2001:db8::/32", records::tunnelled(), true),
        ("tunnel.destination.address == 2001:db8:0::b", records::tunnelled(), true),
        ("tunnel.destination.address == 2001:db8::c", records::tunnelled(), false),
        ("ipip.source.address in 203.0.113.0/24", records::esp(), true),
        ("flow.ipsec.esp.spi == 0xcafebabe", records::esp(), true),
        (r#"tunnel.id == "42""#, records::tunnelled(), true),
        (r#"network.transport == "253""#, records::nameless(), true),
    ] {
        assert_eq!(accepts(filter, &record), expected, "{filter}");
    }
}

#[test]
fn names_of_both_profiles_are_known_and_values_are_of_the_one_in_use() {
    let with = |profile| Options { selection: Selection::default().with_profile(profile), ..Options::default() };
    let filter = Filter::parse(r#"tunnel.type == "ipip""#).unwrap();
    let expected = [(Profile::Reference, false), (Profile::Proposal, true)];
    for (profile, expected) in expected {
        assert_eq!(filter.accepts(&records::esp(), &with(profile)), expected, "{profile:?}");
    }
}

#[test]
fn a_filter_tells_what_it_asks() {
    let text = r#"source.port == 1 and (has(tunnel.type) or source.address in 10.0.0.0/8 or not source.port > 5)"#;
    let filter = Filter::parse(text).unwrap();
    assert_eq!((filter.text(), filter.to_string().as_str()), (text, text));
    assert_eq!(filter.attributes(), [Attribute::SourceAddress, Attribute::SourcePort, Attribute::TunnelType]);
    let Expression::All(terms) = filter.expression() else { panic!("{filter:?}") };
    let [Expression::Integer(Attribute::SourcePort, ports), Expression::Any(others)] = &terms[..] else {
        panic!("{terms:?}")
    };
    assert_eq!(ports.iter().collect::<Vec<_>>(), [1..=1]);
    let [Expression::Known(_), Expression::Address(_, networks), Expression::Not(_)] = &others[..] else {
        panic!("{others:?}")
    };
    let ends = ["10.0.0.0", "10.255.255.255"].map(|address| address.parse::<IpAddr>().unwrap());
    assert_eq!(networks.iter().collect::<Vec<_>>(), [ends[0]..=ends[1]]);
}
