//! Records for tests: a table of plain ones, and any.
#![allow(dead_code, reason = "no test uses all of them")]

use std::net::IpAddr;
use std::sync::Arc;

use flowtrace_flow::workload::{self, ClusterName, Entity, Owner, OwnerKind, Pairs, Workload};
use flowtrace_flow::{
    Bytes, Container, Direction, End, EndReason, Endpoint, Evidence, Failure, Handshake, HeaderValues, IcmpPair,
    Interface, IpInIp, Ipsec, Latency, Packets, Party, Process, Record, Segments, Side, Tcp, Translated, Tunnel,
    TunnelKind as Kind, Who,
};
use proptest::prelude::*;

/// 2023-11-14 22:13:20 UTC, in nanoseconds.
const START: u64 = 1_700_000_000_000_000_000;

fn endpoint(address: &str, port: impl Into<Option<u16>>) -> Endpoint {
    Endpoint { address: address.parse().expect("an address"), port: port.into() }
}

fn side(packets: u64, bytes: u64, tcp_flags: Option<u8>) -> Side {
    let header = (packets > 0).then_some(HeaderValues {
        hop_limit: 64,
        traffic_class: 0xb8,
        flow_label: 0,
        icmp_type: 0,
        icmp_code: 0,
    });
    Side { packets, bytes, packets_total: packets, bytes_total: bytes, header, tcp_flags, ..Side::default() }
}

/// An HTTPS connection over IPv4, closed by the source.
pub fn tcp() -> Record {
    Record {
        trace_id: *b"\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc\xba\x98\x76\x54\x32\x10",
        span_id: [0, 1, 2, 3, 0xfc, 0xfd, 0xfe, 0xff],
        parent_span_id: None,
        start: START,
        end: START + 1_204_000_000,
        end_reason: EndReason::EndOfFlowDetected,
        ip_version: 4,
        protocol: 6,
        source: endpoint("192.0.2.1", 51_234),
        destination: endpoint("198.51.100.7", 443),
        initiator: Some(End::Source),
        evidence: Evidence::Handshake,
        direction: Direction::Forward,
        forward: side(12, 1_234, Some(0x1b)),
        reverse: side(10, 34_567, Some(0x1b)),
        interface: Some(Interface { index: Some(2), name: Some("eth0".into()), mac: Some([2, 0, 0, 0, 0, 0xfe]) }),
        state: None,
        closed_by: Some(End::Source),
        failure: None,
        tcp: Some(Box::new(times())),
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

/// Times of a connection that lost a packet.
fn times() -> Tcp {
    let handshake = Handshake { answer: Some(1_200_000), confirmation: Some(40_000), ..Handshake::default() };
    let round_trip = Some(Latency { mean: 2_500_000, jitter: 0 });
    let retransmits = Packets { delta: 1, total: 1 };
    let forward = Segments { retransmits, round_trip: Some(1_250_000), ..Segments::default() };
    Tcp { handshake, round_trip, forward, ..Tcp::default() }
}

/// A refused connection.
pub fn refused() -> Record {
    Record {
        span_id: [1; 8],
        end: START + 85_000,
        forward: side(1, 60, Some(0x02)),
        reverse: side(1, 40, Some(0x14)),
        state: None,
        closed_by: Some(End::Destination),
        failure: Some(Failure::Refused),
        tcp: Some(Box::default()),
        ..tcp()
    }
}

/// A DNS query over IPv6, seen at the server; a later window of its flow.
pub fn udp6() -> Record {
    Record {
        span_id: [2; 8],
        parent_span_id: Some([3; 8]),
        end_reason: EndReason::ActiveTimeout,
        end: START + 60_000_000_000,
        ip_version: 6,
        protocol: 17,
        source: endpoint("2001:db8:1234:5678:9abc:def0:1234:5678", 40_000),
        destination: endpoint("2001:db8::53", 53),
        direction: Direction::Reverse,
        forward: side(100_000, 123_456_789, None),
        reverse: side(0, 0, None),
        state: None,
        closed_by: None,
        evidence: Evidence::Ports,
        tcp: None,
        interface: None,
        ..tcp()
    }
}

/// A ping.
pub fn ping() -> Record {
    Record {
        span_id: [4; 8],
        end_reason: EndReason::IdleTimeout,
        protocol: 1,
        source: endpoint("192.0.2.1", None),
        destination: endpoint("192.0.2.2", None),
        icmp: Some(IcmpPair { source: 8, destination: 0, one_way: false }),
        evidence: Evidence::IcmpQuery,
        tcp: None,
        forward: side(3, 252, None),
        reverse: side(3, 252, None),
        state: None,
        closed_by: None,
        interface: Some(Interface { index: None, name: Some("\"eth\\\n\u{1b}[31m→".into()), mac: None }),
        ..tcp()
    }
}

/// A protocol without ports and without a name, between ends of which none is known to have begun.
pub fn nameless() -> Record {
    Record {
        span_id: [5; 8],
        end: START,
        end_reason: EndReason::LackOfResources,
        protocol: 253,
        source: endpoint("192.0.2.1", None),
        destination: endpoint("192.0.2.2", None),
        initiator: None,
        evidence: Evidence::Nothing,
        tcp: None,
        direction: Direction::Unknown,
        forward: side(1, 20, None),
        reverse: side(0, 0, None),
        state: None,
        closed_by: None,
        ..tcp()
    }
}

/// A connection in VXLAN over IPv6, in a frame with two tags.
pub fn tunnelled() -> Record {
    let tunnel = Tunnel {
        kind: Kind::Vxlan,
        mac: Some([2, 0, 0, 0, 0, 1]),
        ip_version: 6,
        protocol: 17,
        source: endpoint("2001:db8::a", 50_000),
        destination: endpoint("2001:db8::b", 4789),
        id: Some(42),
        ah: None,
    };
    let mut record = Record { tunnel: Some(tunnel), had_tunnel: true, vlan: Some(100), inner_vlan: Some(7), ..tcp() };
    record.forward.tunnel_bytes = Bytes { delta: 840, total: 840 };
    record.reverse.tunnel_bytes = Bytes { delta: 700, total: 700 };
    record
}

/// ESP in IPv4 in IPv4.
pub fn esp() -> Record {
    let [source, destination] = ["203.0.113.1", "203.0.113.2"].map(|address| endpoint(address, None).address);
    let ipip = IpInIp { ip_version: 4, protocol: 50, source, destination };
    let mut record = Record { protocol: 50, ipip: Some(ipip), had_ipip: true, vlan: Some(0), ..nameless() };
    record.forward.ipip_bytes = Bytes { delta: 20, total: 20 };
    record.forward.ipsec = Ipsec { esp: Some(0xcafe_babe), ..Ipsec::default() };
    record
}

/// The packets of a tunnel, as a flow of their own.
pub fn outer() -> Record {
    let (forward, reverse) = (side(12, 1_834, None), side(10, 35_067, None));
    let destination = endpoint("192.0.2.2", 4789);
    Record { destination, protocol: 17, forward, reverse, is_outer: true, closed_by: None, tcp: None, ..tcp() }
}

/// A connection between two processes of one host, one of them in a container, with names.
pub fn known() -> Record {
    let text = |text: &str| Some(Arc::from(text));
    let container = Container {
        id: "4f1f5c8f9f6d".into(),
        runtime: text("containerd"),
        name: text("web-1"),
        image: text("registry.example.org/web:1.2"),
        pod_uid: None,
    };
    let server = Process {
        pid: 4711,
        executable_name: text("nginx"),
        executable_path: text("/usr/sbin/nginx"),
        command_line: text("nginx: worker"),
        owner: text("www-data"),
        container: Some(Arc::new(container)),
    };
    let client = Process { pid: 4242, executable_name: text("curl"), ..Process::default() };
    let who = Who {
        source: Party { process: Some(Arc::new(client)), name: None, workload: None },
        destination: Party { process: Some(Arc::new(server)), name: text("www.example.org"), workload: None },
        ..Who::default()
    };
    Record { who: Some(Box::new(who)), ..tcp() }
}

/// A connection of which Kubernetes says all that there are attributes for, at both ends, with policies for one way only.
pub fn in_kubernetes() -> Record {
    let mut record = known();
    if let Some(who) = &mut record.who {
        who.source.workload = Some(Arc::new(workload("client")));
        who.destination.workload = Some(Arc::new(workload("server")));
        who.ingress = Some(["allow-frontend".into(), "deny-rest".into()].into());
        who.egress = Some([].into());
    }
    record
}

/// A pod whose owners are of all kinds, in a service. All names begin with this.
fn workload(start: &str) -> Workload {
    let named = |kind: &str| Some(entity(start, kind));
    let owner = |kind: Option<OwnerKind>, api_version: &str, kind_name: &str| Owner {
        kind,
        api_version: api_version.into(),
        kind_name: kind_name.into(),
        entity: entity(start, &kind_name.to_lowercase()),
    };
    let text = |kind: &str| Some(Arc::from(format!("{start}-{kind}")));
    Workload {
        cluster: Some(Arc::new(ClusterName { name: text("cluster"), uid: text("cluster-uid") })),
        node: named("node"),
        namespace: named("namespace"),
        pod: named("pod"),
        container: Some(Arc::new(workload::Container {
            name: format!("{start}-container").into(),
            image: format!("registry.example.org/{start}:3").into(),
        })),
        owners: vec![
            owner(Some(OwnerKind::ReplicaSet), "apps/v1", "ReplicaSet"),
            owner(Some(OwnerKind::Deployment), "apps/v1", "Deployment"),
            owner(Some(OwnerKind::StatefulSet), "apps/v1", "StatefulSet"),
            owner(Some(OwnerKind::DaemonSet), "apps/v1", "DaemonSet"),
            owner(Some(OwnerKind::Job), "batch/v1", "Job"),
            owner(Some(OwnerKind::CronJob), "batch/v1", "CronJob"),
            owner(None, "example.org/v1", "TrainingJob"),
        ],
        service: named("service"),
        service_port: Some("https".into()),
        via: None,
    }
}

/// An object whose name, uid, labels and annotations say what it is.
fn entity(start: &str, kind: &str) -> Arc<Entity> {
    let is_in_namespace = !matches!(kind, "node" | "namespace");
    Arc::new(Entity {
        name: format!("{start}-{kind}").into(),
        namespace: is_in_namespace.then(|| format!("{start}-namespace").into()),
        uid: Some(format!("{start}-{kind}-uid").into()),
        labels: [
            ("app.kubernetes.io/name".into(), format!("{start}-{kind}-label").into()),
            ("empty".into(), "".into()),
        ]
        .into(),
        annotations: [("example.org/note".into(), format!("{start} \"{kind}\"\n→").into())].into(),
    })
}

/// All of the above.
pub fn table() -> Vec<Record> {
    vec![tcp(), refused(), udp6(), ping(), nameless(), tunnelled(), esp(), outer(), known(), in_kubernetes()]
}

/// Any record at all, sense or nonsense: encoders must take what the type can hold.
pub fn any_record() -> impl Strategy<Value = Record> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<Option<[u8; 8]>>(), any::<u64>(), any::<u64>());
    let ends = (any_endpoint(), any_endpoint(), any_end(), 0usize..3, any_end(), 0usize..3, any_tcp());
    let rest = (any::<u8>(), 0usize..5, any_side(), any_side(), any_interface(), any_icmp());
    let around = (
        any_tunnel(),
        any_ip_in_ip(),
        any::<[bool; 3]>(),
        any::<[Option<u16>; 2]>(),
        any_who(),
        prop::option::of((any_endpoint(), any_endpoint())),
    );
    (ids, ends, rest, around).prop_map(|(ids, ends, rest, around)| {
        let (source, destination) = (ends.0, ends.1);
        let ip_version = if source.address.is_ipv4() { 4 } else { 6 };
        let [had_tunnel, had_ipip, is_outer] = around.2;
        let [vlan, inner_vlan] = around.3;
        Record {
            trace_id: ids.0,
            span_id: ids.1,
            parent_span_id: ids.2,
            start: ids.3,
            end: ids.4,
            end_reason: EndReason::ALL[rest.1],
            ip_version,
            protocol: rest.0,
            source,
            destination,
            initiator: ends.2,
            evidence: EVIDENCE[rest.1],
            direction: [Direction::Forward, Direction::Reverse, Direction::Unknown][ends.3],
            forward: rest.2,
            reverse: rest.3,
            interface: rest.4,
            state: None,
            closed_by: ends.4,
            failure: [None, Some(Failure::Refused), Some(Failure::Reset)][ends.5],
            tcp: ends.6,
            icmp: rest.5,
            tunnel: around.0,
            ipip: around.1,
            had_tunnel,
            had_ipip,
            vlan,
            inner_vlan,
            is_outer,
            who: around.4,
            nat: around.5.map(|(source, destination)| Translated { source, destination }),
        }
    })
}

const EVIDENCE: [Evidence; 6] = [
    Evidence::Nothing,
    Evidence::Handshake,
    Evidence::ListeningSocket,
    Evidence::IcmpQuery,
    Evidence::Ports,
    Evidence::Translation,
];

fn any_tcp() -> impl Strategy<Value = Option<Box<Tcp>>> {
    let times = any::<([Option<u64>; 4], [Option<(u64, u64)>; 2])>();
    let segments = any::<([[u64; 6]; 2], [Option<u64>; 2])>();
    let latency = |pair: Option<(u64, u64)>| pair.map(|(mean, jitter)| Latency { mean, jitter });
    any::<bool>().prop_flat_map(move |is_there| {
        (times.clone(), segments.clone()).prop_map(move |((steps, latencies), (counts, round_trips))| {
            let [answer, answer_jitter, confirmation, confirmation_jitter] = steps;
            let [service, round_trip] = latencies.map(latency);
            let segments = |way: usize| {
                let [a, b, c, d, e, f] = counts[way];
                Segments {
                    retransmits: Packets { delta: a, total: b },
                    out_of_order: Packets { delta: c, total: d },
                    zero_window: Packets { delta: e, total: f },
                    round_trip: round_trips[way],
                }
            };
            let handshake = Handshake { answer, answer_jitter, confirmation, confirmation_jitter };
            let tcp = Tcp { handshake, service, round_trip, forward: segments(0), reverse: segments(1) };
            is_there.then(|| Box::new(tcp))
        })
    })
}

/// Names are hostile, but not empty.
fn any_who() -> impl Strategy<Value = Option<Box<Who>>> {
    let policies = || prop::option::of(prop::collection::vec(any_name(), 0..4).prop_map(Arc::from));
    let who = (any_party(), any_party(), policies(), policies())
        .prop_map(|(source, destination, ingress, egress)| Box::new(Who { source, destination, ingress, egress }));
    prop::option::of(who)
}

fn any_workload() -> impl Strategy<Value = Option<Arc<Workload>>> {
    let cluster =
        prop::array::uniform2(prop::option::of(any_name())).prop_map(|[name, uid]| Arc::new(ClusterName { name, uid }));
    let container = (any_name(), any_name()).prop_map(|(name, image)| Arc::new(workload::Container { name, image }));
    let entities = prop::array::uniform4(prop::option::of(any_entity()));
    let parts = (prop::option::of(cluster), prop::option::of(container), entities, any_owners());
    let workload = parts.prop_map(|(cluster, container, [node, namespace, pod, service], owners)| {
        let (service_port, via) = (None, None);
        Arc::new(Workload { cluster, node, namespace, pod, container, owners, service, service_port, via })
    });
    prop::option::of(workload).boxed()
}

fn any_owners() -> impl Strategy<Value = Vec<Owner>> {
    let kinds = [
        None,
        Some(OwnerKind::ReplicaSet),
        Some(OwnerKind::Deployment),
        Some(OwnerKind::StatefulSet),
        Some(OwnerKind::DaemonSet),
        Some(OwnerKind::Job),
        Some(OwnerKind::CronJob),
    ];
    let owner = (prop::sample::select(kinds.to_vec()), any_name(), any_entity())
        .prop_map(|(kind, kind_name, entity)| Owner { kind, api_version: "v1".into(), kind_name, entity });
    prop::collection::vec(owner, 0..4)
}

fn any_entity() -> impl Strategy<Value = Arc<Entity>> {
    let texts = (any_name(), prop::array::uniform2(prop::option::of(any_name())));
    (texts, any_pairs(), any_pairs()).prop_map(|((name, [namespace, uid]), labels, annotations)| {
        Arc::new(Entity { name, namespace, uid, labels, annotations })
    })
}

/// Sorted by key, each key once. Keys have no line breaks, but much that the API server would refuse.
fn any_pairs() -> impl Strategy<Value = Pairs> {
    let value = prop_oneof![1 => Just(Arc::from("")), 8 => any_name()];
    let key = "[a-zA-Z0-9/._ \"\\\\é→-]{1,20}|[a-z]{100,200}".prop_map(Arc::from);
    prop::collection::btree_map(key, value, 0..3).prop_map(|pairs| pairs.into_iter().collect())
}

/// Mostly short: there are many of them.
fn any_name() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![9 => "(?s).{1,12}".prop_map(Arc::from), 1 => any_text()]
}

fn any_party() -> impl Strategy<Value = Party> {
    let texts = || prop::array::uniform4(prop::option::of(any_text()));
    let container = (any_text(), texts())
        .prop_map(|(id, [runtime, name, image, pod_uid])| Arc::new(Container { id, runtime, name, image, pod_uid }));
    let process = (any::<u32>(), texts(), prop::option::of(container)).prop_map(|(pid, texts, container)| {
        let [executable_name, executable_path, command_line, owner] = texts;
        Arc::new(Process { pid, executable_name, executable_path, command_line, owner, container })
    });
    let party = (prop::option::of(process), prop::option::of(any_text()), any_workload());
    // On the heap: with all of it a record's strategy is too large for a thread's stack.
    party.prop_map(|(process, name, workload)| Party { process, name, workload }).boxed()
}

fn any_text() -> impl Strategy<Value = Arc<str>> {
    "(?s).{1,300}".prop_map(Arc::from)
}

fn any_tunnel() -> impl Strategy<Value = Option<Tunnel>> {
    let numbers = (0u8..12, any::<u8>(), any::<u8>(), any::<Option<[u8; 6]>>(), any::<[Option<u32>; 2]>());
    (any::<bool>(), numbers, any_endpoint(), any_endpoint()).prop_map(|(is_there, numbers, source, destination)| {
        let (kind, ip_version, protocol, mac, [id, ah]) = numbers;
        let tunnel = Tunnel { kind: Kind::of(kind), mac, ip_version, protocol, source, destination, id, ah };
        is_there.then_some(tunnel)
    })
}

fn any_ip_in_ip() -> impl Strategy<Value = Option<IpInIp>> {
    any::<Option<(u8, u8, IpAddr, IpAddr)>>().prop_map(|ipip| {
        let (ip_version, protocol, source, destination) = ipip?;
        Some(IpInIp { ip_version, protocol, source, destination })
    })
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    (any::<IpAddr>(), any::<Option<u16>>()).prop_map(|(address, port)| Endpoint { address, port })
}

fn any_end() -> impl Strategy<Value = Option<End>> {
    prop_oneof![Just(None), Just(Some(End::Source)), Just(Some(End::Destination))]
}

fn any_side() -> impl Strategy<Value = Side> {
    let header = any::<Option<(u8, u8, u32, u8, u8)>>().prop_map(|values| {
        let (hop_limit, traffic_class, flow_label, icmp_type, icmp_code) = values?;
        Some(HeaderValues { hop_limit, traffic_class, flow_label, icmp_type, icmp_code })
    });
    let around = (any::<[u64; 4]>(), any::<[Option<u32>; 4]>());
    (any::<[u64; 4]>(), header, any::<Option<u8>>(), around).prop_map(|(numbers, header, tcp_flags, around)| {
        let ([delta, total, ipip_delta, ipip_total], [ah, esp, sender, receiver]) = around;
        Side {
            packets: numbers[0],
            bytes: numbers[1],
            packets_total: numbers[2],
            bytes_total: numbers[3],
            header,
            tcp_flags,
            tunnel_bytes: Bytes { delta, total },
            ipip_bytes: Bytes { delta: ipip_delta, total: ipip_total },
            ipsec: Ipsec { ah, esp, sender, receiver },
        }
    })
}

fn any_interface() -> impl Strategy<Value = Option<Interface>> {
    // Names of many lengths: spans of 128 bytes and of 16,384 are where lengths change theirs.
    let name = prop_oneof![4 => any::<Option<String>>(), 1 => "x{15000,17000}".prop_map(Some)];
    (any::<Option<u32>>(), name, any::<Option<[u8; 6]>>(), any::<bool>())
        .prop_map(|(index, name, mac, known)| known.then(|| Interface { index, name: name.map(Into::into), mac }))
}

fn any_icmp() -> impl Strategy<Value = Option<IcmpPair>> {
    any::<Option<(u8, u8, bool)>>().prop_map(|pair| {
        let (source, destination, one_way) = pair?;
        Some(IcmpPair { source, destination, one_way })
    })
}
