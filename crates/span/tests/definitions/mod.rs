//! What the attributes of profile `reference` are of a record, written down a second time: by their definitions in the
//! reference, with serde's values and IANA's tables, and nothing of the library's own words but a record's enumerations.

use flowtrace_flow::workload::{Entity, OwnerKind, Pairs, Workload};
use flowtrace_flow::{End, Endpoint, HeaderValues, Party, Record, Segments, Side, Tcp};
use serde_json::{Map, Value, json};

const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
/// IANA's tables.
const PROTOCOLS: &str = include_str!("../../../../registry/iana/protocols.csv");
const DSCP: &str = include_str!("../../../../registry/iana/dscp.csv");
const ICMP_TYPES: [&str; 2] = [
    include_str!("../../../../registry/iana/icmp-types.csv"),
    include_str!("../../../../registry/iana/icmpv6-types.csv"),
];
const ICMP_CODES: [&str; 2] = [
    include_str!("../../../../registry/iana/icmp-codes.csv"),
    include_str!("../../../../registry/iana/icmpv6-codes.csv"),
];

/// The attributes that a record has, by name, with those of the opt-in group `choice`, or of `all`. `flow.community_id`
/// is not among them: it has test vectors of its own.
pub fn definitions(record: &Record, choice: &str) -> Map<String, Value> {
    let mut all = Attributes(Map::new());
    let has = |group: &str| choice == group || choice == "all";
    all.say("flow.initiator.evidence", has("debug").then(|| record.evidence.name()));
    who(&mut all, record, has("process.command"));
    kubernetes(&mut all, record, &has);
    flow(&mut all, record);
    ends(&mut all, record);
    for (side, way) in [(&record.forward, ""), (&record.reverse, "reverse.")] {
        counts(&mut all, side, way);
        header(&mut all, record, side, way);
    }
    if let Some(tcp) = &record.tcp {
        times(&mut all, tcp);
    }
    tunnel(&mut all, record);
    ipip(&mut all, record);
    all.0
}

struct Attributes(Map<String, Value>);

impl Attributes {
    /// What is `None` is absent.
    fn say(&mut self, name: impl Into<String>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.into(), value.into());
        }
    }

    /// A measurement; OTLP's integers have a sign.
    fn count(&mut self, name: impl Into<String>, number: u64) {
        self.say(name, Some(number.min(i64::MAX as u64)));
    }

    fn maybe(&mut self, name: impl Into<String>, number: Option<u64>) {
        if let Some(number) = number {
            self.count(name, number);
        }
    }

    fn end(&mut self, name: &str, end: &Endpoint) {
        self.say(format!("{name}.address"), Some(end.address.to_string()));
        self.say(format!("{name}.port"), end.port);
    }
}

fn flow(all: &mut Attributes, record: &Record) {
    all.say("flow.direction", Some(record.direction.name()));
    all.say("flow.end_reason", Some(record.end_reason.name()));
    all.say("flow.connection.state", record.state.map(|state| state.name()));
    all.say("error.type", record.failure.map(|failure| failure.name()));
    all.say("flow.layer", record.is_outer.then_some("outer"));
    if let Some(nat) = &record.nat {
        all.end("flow.nat.source", &nat.source);
        all.end("flow.nat.destination", &nat.destination);
    }
    let closed_by = |end| if end == End::Source { "source" } else { "destination" };
    all.say("flow.tcp.closed_by", record.closed_by.map(closed_by));
    all.say("network.type", Some(format!("ipv{}", record.ip_version)));
    all.say("network.transport", Some(transport(record.protocol)));
    all.say("network.vlan.id", record.vlan);
    all.say("network.inner.vlan.id", record.inner_vlan);
    if let Some(interface) = &record.interface {
        all.say("network.interface.index", interface.index);
        all.say("network.interface.name", interface.name.as_deref());
        all.say("network.interface.mac", interface.mac.map(mac));
    }
}

fn ends(all: &mut Attributes, record: &Record) {
    let (source, destination) = (&record.source, &record.destination);
    all.end("source", source);
    all.end("destination", destination);
    let who = record.who.as_ref();
    let source = (source, who.and_then(|who| who.source.name.as_deref()));
    let destination = (destination, who.and_then(|who| who.destination.name.as_deref()));
    let roles = match record.initiator {
        None => return,
        Some(End::Source) => [("client", source), ("server", destination)],
        Some(End::Destination) => [("client", destination), ("server", source)],
    };
    for (role, (end, name)) in roles {
        all.end(role, end);
        all.say(format!("{role}.address"), name);
    }
}

/// The process at each end, and the one at the source, or else the destination, once more without an end.
fn who(all: &mut Attributes, record: &Record, command: bool) {
    let Some(who) = &record.who else { return };
    let local = [&who.source, &who.destination].into_iter().find(|party| party.process.is_some());
    for (party, end) in [(Some(&who.source), "source."), (Some(&who.destination), "destination."), (local, "")] {
        let Some(Party { process: Some(process), .. }) = party else { continue };
        all.say(format!("{end}process.pid"), Some(process.pid));
        all.say(format!("{end}process.executable.name"), process.executable_name.as_deref());
        all.say(format!("{end}process.executable.path"), process.executable_path.as_deref());
        all.say(format!("{end}process.owner"), process.owner.as_deref());
        let command_line = process.command_line.as_deref().filter(|_| command);
        all.say(format!("{end}process.command_line"), command_line);
        if let Some(container) = process.container.as_ref().filter(|_| !end.is_empty()) {
            all.say(format!("{end}container.id"), Some(&*container.id));
            all.say(format!("{end}container.runtime.name"), container.runtime.as_deref());
            all.say(format!("{end}container.name"), container.name.as_deref());
        }
    }
    for (party, end) in [(&who.source, "source."), (&who.destination, "destination.")] {
        let of_pod = party.workload.as_ref().and_then(|workload| Some(&*workload.container.as_ref()?.image));
        let of_process = party.process.as_ref().and_then(|process| process.container.as_ref()?.image.as_deref());
        all.say(format!("{end}container.image.name"), of_process.or(of_pod));
    }
}

/// What Kubernetes says of both ends; `has` tells whether an opt-in group is chosen.
fn kubernetes(all: &mut Attributes, record: &Record, has: &impl Fn(&str) -> bool) {
    let Some(who) = &record.who else { return };
    for (policies, name) in [(&who.ingress, "ingress"), (&who.egress, "egress")] {
        let names = policies.as_ref().filter(|_| has("network.policy"));
        all.say(
            format!("network.policy.{name}"),
            names.map(|names| names.iter().map(|name| &**name).collect::<Value>()),
        );
    }
    for (party, end) in [(&who.source, "source"), (&who.destination, "destination")] {
        let Some(workload) = &party.workload else { continue };
        if let Some(cluster) = &workload.cluster {
            all.say(format!("{end}.k8s.cluster.name"), cluster.name.as_deref());
            all.say(format!("{end}.k8s.cluster.uid"), cluster.uid.as_deref().filter(|_| has("k8s.uid")));
        }
        all.say(format!("{end}.k8s.container.name"), workload.container.as_ref().map(|container| &*container.name));
        for (entity, kind) in entities(workload) {
            said(all, &format!("{end}.k8s.{kind}"), entity, has);
        }
        if let Some(top) = workload.owners.last().filter(|owner| owner.kind.is_none()) {
            all.say(format!("{end}.k8s.owner.kind"), Some(&*top.kind_name));
            all.say(format!("{end}.k8s.owner.name"), Some(&*top.entity.name));
        }
    }
}

/// The objects that have attributes; of several owners of a kind the nearest.
fn entities(workload: &Workload) -> Vec<(&Entity, &'static str)> {
    let Workload { node, namespace, pod, service, .. } = workload;
    let some = [(node, "node"), (namespace, "namespace"), (pod, "pod"), (service, "service")];
    let mut found: Vec<_> = some.into_iter().filter_map(|(entity, kind)| Some((&**entity.as_ref()?, kind))).collect();
    for owner in &workload.owners {
        let kind = match owner.kind {
            Some(OwnerKind::ReplicaSet) => "replicaset",
            Some(OwnerKind::Deployment) => "deployment",
            Some(OwnerKind::StatefulSet) => "statefulset",
            Some(OwnerKind::DaemonSet) => "daemonset",
            Some(OwnerKind::Job) => "job",
            Some(OwnerKind::CronJob) => "cronjob",
            None => continue,
        };
        if found.iter().all(|(_, other)| *other != kind) {
            found.push((&owner.entity, kind));
        }
    }
    found
}

/// Of a namespace only name and labels are said.
fn said(all: &mut Attributes, prefix: &str, entity: &Entity, has: &impl Fn(&str) -> bool) {
    all.say(format!("{prefix}.name"), Some(&*entity.name));
    let mut say_all = |what: &str, pairs: &Pairs| {
        for (key, value) in pairs.iter().filter(|_| has(&format!("k8s.{what}"))) {
            all.say(format!("{prefix}.{what}.{key}"), Some(&**value));
        }
    };
    say_all("labels", &entity.labels);
    if !prefix.ends_with("namespace") {
        say_all("annotations", &entity.annotations);
        all.say(format!("{prefix}.uid"), entity.uid.as_deref().filter(|_| has("k8s.uid")));
    }
}

fn counts(all: &mut Attributes, side: &Side, way: &str) {
    all.count(format!("flow.{way}bytes.delta"), side.bytes);
    all.count(format!("flow.{way}bytes.total"), side.bytes_total);
    all.count(format!("flow.{way}packets.delta"), side.packets);
    all.count(format!("flow.{way}packets.total"), side.packets_total);
    all.say(format!("flow.{way}tcp.flags.bits"), side.tcp_flags);
    let tags = |flags: u8| json!((0..8).filter(|bit| flags >> bit & 1 == 1).map(|bit| FLAGS[bit]).collect::<Vec<_>>());
    all.say(format!("flow.{way}tcp.flags.tags"), side.tcp_flags.map(tags));
    all.say(format!("flow.{way}ipsec.ah.spi"), side.ipsec.ah);
    all.say(format!("flow.{way}ipsec.esp.spi"), side.ipsec.esp);
    all.say(format!("flow.{way}ipsec.sender_index"), side.ipsec.sender);
    all.say(format!("flow.{way}ipsec.receiver_index"), side.ipsec.receiver);
}

/// Header values, where the direction had a packet in the window; ICMP's where there was a message.
fn header(all: &mut Attributes, record: &Record, side: &Side, way: &str) {
    let Some(HeaderValues { hop_limit, traffic_class, flow_label, icmp_type, icmp_code }) = side.header else { return };
    let (dscp, ecn) = (traffic_class / 4, traffic_class % 4);
    all.say(format!("flow.{way}ip.dscp.id"), Some(dscp));
    all.say(format!("flow.{way}ip.dscp.name"), lookup(DSCP, &[dscp]).map(|name| name.to_lowercase()));
    all.say(format!("flow.{way}ip.ecn.id"), Some(ecn));
    all.say(format!("flow.{way}ip.ecn.name"), Some(["not-ect", "ect1", "ect0", "ce"][usize::from(ecn)]));
    all.say(format!("flow.{way}ip.ttl"), Some(hop_limit));
    all.say(format!("flow.{way}ip.flow_label"), (record.ip_version == 6).then_some(flow_label));
    let version = match record.protocol {
        1 => 0,
        58 => 1,
        _ => return,
    };
    if record.icmp.is_some() {
        all.say(format!("flow.{way}icmp.type.id"), Some(icmp_type));
        all.say(format!("flow.{way}icmp.type.name"), lookup(ICMP_TYPES[version], &[icmp_type]).map(snake));
        all.say(format!("flow.{way}icmp.code.id"), Some(icmp_code));
        let code = lookup(ICMP_CODES[version], &[icmp_type, icmp_code]);
        all.say(format!("flow.{way}icmp.code.name"), code.map(snake));
    }
}

fn times(all: &mut Attributes, tcp: &Tcp) {
    all.maybe("flow.tcp.handshake.latency", tcp.handshake.answer);
    for (name, latency) in [("svc", tcp.service), ("rndtrip", tcp.round_trip)] {
        all.maybe(format!("flow.tcp.{name}.latency"), latency.map(|latency| latency.mean));
        all.maybe(format!("flow.tcp.{name}.jitter"), latency.map(|latency| latency.jitter));
    }
    for (segments, way) in [(&tcp.forward, "tcp."), (&tcp.reverse, "reverse.tcp.")] {
        let Segments { retransmits, out_of_order, zero_window, round_trip } = segments;
        let counts = [("retransmits", retransmits), ("out_of_order", out_of_order), ("zero_window", zero_window)];
        for (name, packets) in counts {
            all.count(format!("flow.{way}{name}.delta"), packets.delta);
            all.count(format!("flow.{way}{name}.total"), packets.total);
        }
        all.maybe(format!("flow.{way}rtt.smoothed"), *round_trip);
    }
}

/// The facts while there is a tunnel; its bytes once there was one.
fn tunnel(all: &mut Attributes, record: &Record) {
    if let Some(tunnel) = &record.tunnel {
        all.say("tunnel.type", Some(tunnel.kind.name()).filter(|name| !name.is_empty()));
        all.say("tunnel.network.interface.mac", tunnel.mac.map(mac));
        all.say("tunnel.network.type", Some(version(tunnel.ip_version)));
        all.say("tunnel.network.transport", Some(transport(tunnel.protocol)));
        all.end("tunnel.source", &tunnel.source);
        all.end("tunnel.destination", &tunnel.destination);
        all.say("tunnel.id", tunnel.id.map(|id| id.to_string()));
        all.say("tunnel.ipsec.ah.spi", tunnel.ah);
    }
    if record.had_tunnel {
        all.count("tunnel.bytes.delta", record.forward.tunnel_bytes.delta);
        all.count("tunnel.bytes.total", record.forward.tunnel_bytes.total);
        all.count("tunnel.reverse.bytes.delta", record.reverse.tunnel_bytes.delta);
        all.count("tunnel.reverse.bytes.total", record.reverse.tunnel_bytes.total);
    }
}

fn ipip(all: &mut Attributes, record: &Record) {
    if let Some(ipip) = &record.ipip {
        all.say("ipip.network.type", Some(version(ipip.ip_version)));
        all.say("ipip.network.transport", Some(transport(ipip.protocol)));
        all.say("ipip.source.address", Some(ipip.source.to_string()));
        all.say("ipip.destination.address", Some(ipip.destination.to_string()));
    }
    if record.had_ipip {
        all.count("ipip.bytes.delta", record.forward.ipip_bytes.delta);
        all.count("ipip.bytes.total", record.forward.ipip_bytes.total);
        all.count("ipip.reverse.bytes.delta", record.reverse.ipip_bytes.delta);
        all.count("ipip.reverse.bytes.total", record.reverse.ipip_bytes.total);
    }
}

/// Whatever is not 6 counts as 4.
fn version(number: u8) -> &'static str {
    if number == 6 { "ipv6" } else { "ipv4" }
}

fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

/// IANA's keyword in lower case, or the number.
pub fn transport(protocol: u8) -> String {
    lookup(PROTOCOLS, &[protocol])
        .map_or_else(|| protocol.to_string(), |keyword| keyword.to_lowercase().replace(' ', "-"))
}

/// The name in a table's row that begins with these numbers.
fn lookup(table: &'static str, numbers: &[u8]) -> Option<&'static str> {
    let numbers: String = numbers.iter().map(|number| format!("{number},")).collect();
    table.lines().find_map(|line| line.strip_prefix(&numbers))
}

/// Letters and digits in lower case, `_` for what is in between, and nothing for an apostrophe.
fn snake(name: &str) -> String {
    let name = name.replace('\'', "");
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}
