//! Records for tests.

use std::sync::Arc;

use flowtrace_flow::workload::{ClusterName, Container as PodContainer, Entity, Owner, OwnerKind, Workload};
use flowtrace_flow::{
    Bytes, ConnectionState, Container, Direction, End, EndReason, Endpoint, Evidence, Failure, Handshake, HeaderValues,
    IcmpPair, Interface, IpInIp, Ipsec, Latency, Packets, Party, Process, Record, Segments, Side, Tcp, Translated,
    Tunnel, Who,
};
use flowtrace_wire::Tunnel as Kind;

/// A TCP record between two addresses, initiator seen, nothing failed.
pub fn between(source: &str, destination: &str) -> Record {
    let source: std::net::IpAddr = source.parse().unwrap();
    Record {
        trace_id: [1; 16],
        span_id: [2; 8],
        parent_span_id: None,
        start: 1_700_000_000_000_000_000,
        end: 1_700_000_001_000_000_000,
        end_reason: EndReason::IdleTimeout,
        ip_version: if source.is_ipv6() { 6 } else { 4 },
        protocol: 6,
        source: Endpoint { address: source, port: Some(54211) },
        destination: Endpoint { address: destination.parse().unwrap(), port: Some(443) },
        initiator: Some(End::Source),
        evidence: Evidence::Handshake,
        direction: Direction::Forward,
        forward: side(10, 1024, 0xb9, Some(0x12)),
        reverse: Side::default(),
        interface: None,
        state: None,
        closed_by: None,
        failure: None,
        tcp: Some(Box::default()),
        icmp: None,
        tunnel: None,
        ipip: None,
        had_tunnel: false,
        had_ipip: false,
        vlan: None,
        inner_vlan: None,
        is_outer: false,
        who: None,
        nat: None,
    }
}

/// One direction, first window.
pub fn side(packets: u64, bytes: u64, traffic_class: u8, tcp_flags: Option<u8>) -> Side {
    Side {
        packets,
        bytes,
        packets_total: packets,
        bytes_total: bytes,
        header: Some(HeaderValues { hop_limit: 64, traffic_class, flow_label: 0, icmp_type: 0, icmp_code: 0 }),
        tcp_flags,
        ..Side::default()
    }
}

/// An ICMP echo in both directions.
pub fn echo(source: &str, destination: &str) -> Record {
    let mut record = between(source, destination);
    let v6 = record.ip_version == 6;
    let (request, reply) = if v6 { (128, 129) } else { (8, 0) };
    record.protocol = if v6 { 58 } else { 1 };
    record.evidence = Evidence::IcmpQuery;
    record.tcp = None;
    record.source.port = None;
    record.destination.port = None;
    record.forward = side(1, 84, 0, None);
    record.reverse = side(1, 84, 0, None);
    for (side, icmp_type) in [(&mut record.forward, request), (&mut record.reverse, reply)] {
        side.header = side.header.map(|values| HeaderValues { icmp_type, ..values });
    }
    record.icmp = Some(IcmpPair { source: request, destination: reply, one_way: false });
    record
}

/// A TCP record in VXLAN over IPv4.
pub fn tunnelled() -> Record {
    let mut record = between("10.1.1.5", "10.1.2.10");
    let end = |address: &str, port| Endpoint { address: address.parse().unwrap(), port: Some(port) };
    record.tunnel = Some(Tunnel {
        kind: Kind::Vxlan,
        mac: Some([2, 0, 0, 0, 0, 0xfe]),
        ip_version: 4,
        protocol: 17,
        source: end("192.0.2.1", 40_000),
        destination: end("192.0.2.2", 4789),
        id: Some(4096),
        ah: None,
    });
    record.had_tunnel = true;
    record.forward.tunnel_bytes = Bytes { delta: 500, total: 25_000 };
    record
}

/// A TCP record in IPv4 in IPv6.
pub fn ip_in_ip() -> Record {
    let mut record = between("10.1.1.5", "10.1.2.10");
    let [source, destination] = ["2001:db8::1", "2001:db8::2"].map(|address| address.parse().unwrap());
    record.ipip = Some(IpInIp { ip_version: 6, protocol: 6, source, destination });
    record.had_ipip = true;
    record.reverse.ipip_bytes = Bytes { delta: 40, total: 80 };
    record
}

/// A TCP record of a connection to a service, whose client and port are changed, too.
pub fn translated() -> Record {
    let end = |address: &str, port| Endpoint { address: address.parse().unwrap(), port: Some(port) };
    let (source, destination) = (end("203.0.113.1", 61_000), end("10.244.1.7", 8443));
    Record { nat: Some(Translated { source, destination }), ..between("10.1.1.5", "10.96.0.10") }
}

/// What IPsec and WireGuard together would say; the numbers begin with this.
pub const fn ipsec(first: u32) -> Ipsec {
    Ipsec { ah: Some(first), esp: Some(first + 1), sender: Some(first + 2), receiver: Some(first + 3) }
}

/// Times and order of segments; every number another, beginning with this.
pub fn timed(first: u64) -> Tcp {
    let number = |place: u64| first + place;
    let packets = |place| Packets { delta: number(place), total: number(place + 1) };
    let segments = |place| Segments {
        retransmits: packets(place),
        out_of_order: packets(place + 2),
        zero_window: packets(place + 4),
        round_trip: Some(number(place + 6)),
    };
    let latency = |place| Some(Latency { mean: number(place), jitter: number(place + 1) });
    Tcp {
        handshake: Handshake {
            answer: Some(number(0)),
            answer_jitter: Some(number(1)),
            confirmation: Some(number(2)),
            confirmation_jitter: Some(number(3)),
        },
        service: latency(4),
        round_trip: latency(6),
        forward: segments(8),
        reverse: segments(15),
    }
}

/// A record of two processes of this host that are in containers.
pub fn known() -> Record {
    let text = |text: &str| Some(Arc::from(text));
    let process = |pid| {
        let container = Container {
            id: "4f1f5c8f9f6d".into(),
            runtime: text("containerd"),
            name: text("web-1"),
            image: text("nginx:1.21"),
            pod_uid: None,
        };
        Arc::new(Process {
            pid,
            executable_name: text("nginx"),
            executable_path: text("/usr/sbin/nginx"),
            command_line: text("nginx: worker"),
            owner: text("www-data"),
            container: Some(Arc::new(container)),
        })
    };
    let party = |pid, name| Party { process: Some(process(pid)), name, workload: Some(Arc::new(workload())) };
    let policies = || Some(["allow-web".into()].into());
    let destination = party(2, text("web.example.org"));
    let who = Who { source: party(1, None), destination, ingress: policies(), egress: policies() };
    Record { who: Some(Box::new(who)), ..between("10.1.1.5", "10.1.2.10") }
}

/// A pod of which all is known; its owners are of every kind.
fn workload() -> Workload {
    let text = |text: &str| Some(Arc::from(text));
    let pair = || [("key".into(), "value".into())].into();
    let entity = |name: &str| {
        let (uid, namespace) = (text("5d4c2f9e"), text("prod"));
        Arc::new(Entity { name: name.into(), namespace, uid, labels: pair(), annotations: pair() })
    };
    let kinds = [
        Some(OwnerKind::ReplicaSet),
        Some(OwnerKind::Deployment),
        Some(OwnerKind::StatefulSet),
        Some(OwnerKind::DaemonSet),
        Some(OwnerKind::Job),
        Some(OwnerKind::CronJob),
        None,
    ];
    let owner = |kind| Owner { kind, api_version: "v1".into(), kind_name: "Kind".into(), entity: entity("owner") };
    Workload {
        cluster: Some(Arc::new(ClusterName { name: text("prod-eu"), uid: text("5d4c2f9e") })),
        node: Some(entity("worker-1")),
        namespace: Some(entity("prod")),
        pod: Some(entity("web-abc")),
        container: Some(Arc::new(PodContainer { name: "web".into(), image: "nginx:1.21".into() })),
        owners: kinds.map(owner).into(),
        service: Some(entity("web")),
        service_port: None,
        via: None,
    }
}

/// Records that between them have a value for every attribute that has a source.
pub fn everything() -> Vec<Record> {
    let mut refused = between("10.1.1.5", "10.1.2.10");
    refused.reverse = side(1, 40, 0b10, Some(0x14));
    refused.failure = Some(Failure::Refused);
    refused.closed_by = Some(End::Destination);
    refused.state = Some(ConnectionState::Closed);
    refused.tcp = Some(Box::new(timed(100)));
    let mac = Some([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    refused.interface = Some(Interface { index: Some(2), name: Some("eth0".into()), mac });
    let mut labelled = between("2001:db8::1", "2001:db8::2");
    labelled.reverse = side(1, 60, 0, Some(0x12));
    for side in [&mut labelled.forward, &mut labelled.reverse] {
        side.header = side.header.map(|values| HeaderValues { flow_label: 0xabcde, ..values });
    }
    let mut unreachable = echo("10.0.0.1", "10.0.0.2");
    for side in [&mut unreachable.forward, &mut unreachable.reverse] {
        side.header = side.header.map(|values| HeaderValues { icmp_type: 3, icmp_code: 1, ..values });
    }
    let mut wrapped = tunnelled();
    wrapped.tunnel = wrapped.tunnel.map(|tunnel| Tunnel { kind: Kind::Gre, ah: Some(256), ..tunnel });
    wrapped.forward.ipsec = ipsec(1000);
    wrapped.reverse.ipsec = ipsec(2000);
    let outer = Record { is_outer: true, vlan: Some(100), inner_vlan: Some(7), ..between("192.0.2.1", "192.0.2.2") };
    vec![refused, labelled, unreachable, known(), echo("fe80::1", "fe80::2"), wrapped, ip_in_ip(), outer, translated()]
}
