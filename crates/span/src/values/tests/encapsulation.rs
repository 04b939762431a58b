//! What a record says of the things around its packets.

use flowtrace_flow::{Bytes, Endpoint, Ipsec, Record, Tunnel};
use flowtrace_wire::Tunnel as Kind;

use super::{check, check_in, say};
use crate::{Options, Profile, Selection, sample};

fn proposal() -> Options {
    Options { selection: Selection::default().with_profile(Profile::Proposal), ..Options::default() }
}

#[test]
fn a_record_in_a_tunnel() {
    check(
        &sample::tunnelled(),
        &[
            ("tunnel.type", "vxlan"),
            ("tunnel.network.interface.mac", "02:00:00:00:00:fe"),
            ("tunnel.network.type", "ipv4"),
            ("tunnel.network.transport", "udp"),
            ("tunnel.source.address", "192.0.2.1"),
            ("tunnel.source.port", "40000"),
            ("tunnel.destination.address", "192.0.2.2"),
            ("tunnel.destination.port", "4789"),
            ("tunnel.id", "4096"),
            ("tunnel.ipsec.ah.spi", ""),
            ("tunnel.bytes.delta", "500"),
            ("tunnel.bytes.total", "25000"),
            ("tunnel.reverse.bytes.delta", "0"),
            ("tunnel.reverse.bytes.total", "0"),
            ("tunnel.key", ""),
            ("ipip.bytes.delta", ""),
            ("flow.layer", ""),
            // The flow is that of the packet inside.
            ("source.address", "10.1.1.5"),
            ("network.transport", "tcp"),
        ],
    );
}

#[test]
fn kinds_and_transports_of_tunnels() {
    for (kind, protocol, ip_version, expected) in [
        (Kind::Vxlan, 17, 4, ["vxlan", "udp", "ipv4"]),
        (Kind::VxlanGpe, 17, 4, ["vxlan-gpe", "udp", "ipv4"]),
        (Kind::Geneve, 17, 6, ["geneve", "udp", "ipv6"]),
        (Kind::Gre, 47, 6, ["gre", "gre", "ipv6"]),
        (Kind::Erspan, 47, 4, ["erspan", "gre", "ipv4"]),
        (Kind::Gtp, 17, 4, ["gtp", "udp", "ipv4"]),
        (Kind::Mpls, 17, 4, ["mpls", "udp", "ipv4"]),
        (Kind::L2tp, 115, 4, ["l2tp", "l2tp", "ipv4"]),
        (Kind::Ah, 51, 6, ["ah", "ah", "ipv6"]),
        (Kind::None, 255, 4, ["", "255", "ipv4"]),
    ] {
        let mut record = sample::tunnelled();
        record.tunnel = record.tunnel.map(|tunnel| Tunnel { kind, protocol, ip_version, ..tunnel });
        let [name, transport, version] = expected;
        for profile in Profile::ALL {
            let expected =
                [("tunnel.type", name), ("tunnel.network.transport", transport), ("tunnel.network.type", version)];
            check_in(profile, &record, &expected);
        }
    }
}

#[test]
fn what_a_tunnel_does_not_say_is_absent() {
    let mut record = sample::tunnelled();
    let bare = |end: Endpoint| Endpoint { port: None, ..end };
    record.tunnel = record.tunnel.map(|tunnel| Tunnel {
        kind: Kind::Ah,
        mac: None,
        source: bare(tunnel.source),
        destination: bare(tunnel.destination),
        id: None,
        ah: Some(u32::MAX),
        ..tunnel
    });
    check(
        &record,
        &[
            ("tunnel.type", "ah"),
            ("tunnel.network.interface.mac", ""),
            ("tunnel.source.address", "192.0.2.1"),
            ("tunnel.source.port", ""),
            ("tunnel.destination.port", ""),
            ("tunnel.id", ""),
            ("tunnel.ipsec.ah.spi", "4294967295"),
            ("tunnel.ipsec.esp.spi", ""),
            ("flow.ipsec.ah.spi", ""),
        ],
    );
}

/// Counters are measurements: a flow that was ever in a tunnel has them in windows that show none.
#[test]
fn counters_outlast_what_was_seen() {
    for (had_tunnel, had_ipip, expected) in [
        (true, true, ["0", "1099511627776", "0", "0", "3", "0"]),
        (true, false, ["0", "1099511627776", "0", "", "", ""]),
        (false, true, ["", "", "", "0", "3", "0"]),
        (false, false, [""; 6]),
    ] {
        let mut record = Record { had_tunnel, had_ipip, ..sample::between("10.0.0.1", "10.0.0.2") };
        record.forward.tunnel_bytes = Bytes { delta: 0, total: 1 << 40 };
        record.forward.ipip_bytes = Bytes { delta: 0, total: 3 };
        let names = [
            "tunnel.bytes.delta",
            "tunnel.bytes.total",
            "tunnel.reverse.bytes.delta",
            "ipip.bytes.delta",
            "ipip.bytes.total",
            "ipip.reverse.bytes.total",
        ];
        check(&record, &std::array::from_fn::<_, 6, _>(|index| (names[index], expected[index])));
        check(&record, &[("tunnel.type", ""), ("tunnel.source.address", ""), ("ipip.network.type", "")]);
    }
}

#[test]
fn a_record_in_ip_in_ip() {
    let record = sample::ip_in_ip();
    check(
        &record,
        &[
            ("ipip.network.type", "ipv6"),
            ("ipip.network.transport", "tcp"),
            ("ipip.source.address", "2001:db8::1"),
            ("ipip.destination.address", "2001:db8::2"),
            ("ipip.bytes.delta", "0"),
            ("ipip.bytes.total", "0"),
            ("ipip.reverse.bytes.delta", "40"),
            ("ipip.reverse.bytes.total", "80"),
            ("tunnel.type", ""),
            ("tunnel.source.address", ""),
            ("tunnel.bytes.delta", ""),
        ],
    );
    check_in(
        Profile::Proposal,
        &record,
        &[
            ("tunnel.type", "ipip"),
            ("tunnel.network.type", "ipv6"),
            ("tunnel.network.transport", ""),
            ("tunnel.source.address", "2001:db8::1"),
            ("tunnel.destination.address", "2001:db8::2"),
            ("ipip.network.type", ""),
        ],
    );
    // A tunnel is the tunnel, IP in IP or not.
    let both = Record { tunnel: sample::tunnelled().tunnel, ..record };
    check(&both, &[("tunnel.type", "vxlan"), ("ipip.source.address", "2001:db8::1")]);
    let expected = [("tunnel.type", "vxlan"), ("tunnel.network.type", "ipv4"), ("tunnel.source.address", "192.0.2.1")];
    check_in(Profile::Proposal, &both, &expected);
}

#[test]
fn ipsec_and_wireguard_each_way() {
    let mut record = sample::between("10.0.0.1", "10.0.0.2");
    record.forward.ipsec = sample::ipsec(256);
    record.reverse.ipsec = Ipsec { esp: Some(u32::MAX), ..Ipsec::default() };
    check(
        &record,
        &[
            ("flow.ipsec.ah.spi", "256"),
            ("flow.ipsec.esp.spi", "257"),
            ("flow.ipsec.sender_index", "258"),
            ("flow.ipsec.receiver_index", "259"),
            ("flow.reverse.ipsec.ah.spi", ""),
            ("flow.reverse.ipsec.esp.spi", "4294967295"),
            ("flow.reverse.ipsec.sender_index", ""),
            ("flow.reverse.ipsec.receiver_index", ""),
            ("tunnel.type", ""),
            ("tunnel.bytes.delta", ""),
        ],
    );
}

/// Profile `proposal`: one type and one SPI, those of the outermost header.
#[test]
fn the_proposal_calls_all_of_it_a_tunnel() {
    let nothing = Ipsec::default();
    let [ah, esp] = [Ipsec { ah: Some(300), ..nothing }, Ipsec { esp: Some(400), ..nothing }];
    let handshake = Ipsec { sender: Some(5), receiver: Some(6), ..nothing };
    let data = Ipsec { receiver: Some(7), ..nothing };
    for (forward, reverse, [kind, spi, sender, receiver]) in [
        (nothing, nothing, ["", "", "", ""]),
        (ah, nothing, ["ah", "300", "", ""]),
        (esp, esp, ["esp", "400", "", ""]),
        (Ipsec { ah: Some(300), ..esp }, nothing, ["ah", "300", "", ""]),
        // The type is the flow's, the numbers are those of source to destination.
        (nothing, esp, ["esp", "", "", ""]),
        (handshake, data, ["wireguard", "", "5", "6"]),
        (data, nothing, ["wireguard", "", "", "7"]),
        (nothing, data, ["wireguard", "", "", ""]),
    ] {
        let mut record = sample::between("10.0.0.1", "10.0.0.2");
        (record.forward.ipsec, record.reverse.ipsec) = (forward, reverse);
        let expected = [
            ("tunnel.type", kind),
            ("tunnel.spi", spi),
            ("tunnel.sender_index", sender),
            ("tunnel.receiver_index", receiver),
            ("tunnel.source.address", ""),
        ];
        check_in(Profile::Proposal, &record, &expected);
        assert!(!say(&record, &proposal()).keys().any(|name| name.starts_with("flow.ipsec.")));
    }
}

#[test]
fn the_proposal_in_a_tunnel() {
    for (kind, ah, esp, [key, spi]) in [
        (Kind::Gre, None, None, ["4096", ""]),
        (Kind::Erspan, None, None, ["", ""]),
        (Kind::Vxlan, None, Some(400), ["", "400"]),
        (Kind::Vxlan, Some(300), Some(400), ["", "300"]),
        (Kind::Ah, Some(300), None, ["", "300"]),
    ] {
        let mut record = sample::tunnelled();
        record.tunnel = record.tunnel.map(|tunnel| Tunnel { kind, ah, ..tunnel });
        record.forward.ipsec.esp = esp;
        let expected = [
            ("tunnel.type", kind.name()),
            ("tunnel.id", "4096"),
            ("tunnel.key", key),
            ("tunnel.spi", spi),
            ("tunnel.source.port", "40000"),
            ("tunnel.bytes.delta", ""),
        ];
        check_in(Profile::Proposal, &record, &expected);
    }
}

#[test]
fn tags_and_layers() {
    for (vlan, inner_vlan, is_outer, [one, other, layer]) in [
        (None, None, false, ["", "", ""]),
        (Some(100), None, true, ["100", "", "outer"]),
        (Some(0), Some(4095), false, ["0", "4095", ""]),
    ] {
        let record = Record { vlan, inner_vlan, is_outer, ..sample::between("10.0.0.1", "10.0.0.2") };
        for profile in Profile::ALL {
            let expected = [("network.vlan.id", one), ("network.inner.vlan.id", other), ("flow.layer", layer)];
            check_in(profile, &record, &expected);
        }
    }
}
