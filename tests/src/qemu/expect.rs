//! What flowtrace is to say of a scene. The numbers follow from the headers that the kernel writes, not from what
//! flowtrace said.

use std::net::IpAddr;

use serde_json::Value;

use crate::count::Count;
use crate::record::Record;

use super::report::{Report, Watcher};
use super::scene::{ANSWERED, ANSWERS, ASKED, DATAGRAMS, Device, PINGED, PINGS, PORTS, Scene, on_cable, on_the_wire};
use super::scenes::TUNNELS;

/// Any value will do, but one has to be there.
pub const ANY: &str = "(any)";
/// The protocol of the flow.
const TRANSPORT: &str = "(transport)";
/// The scene's addresses on the cable, by IP version and end.
const CABLE: [[&str; 2]; 2] = [["(client)", "(server)"], ["(client, IPv6)", "(server, IPv6)"]];
/// Attributes that tell of what is around a packet: none but the expected ones may be there.
const AROUND: [&str; 6] = ["tunnel.", "ipip.", "flow.ipsec.", "flow.reverse.ipsec.", "network.vlan.", "network.inner."];

/// Whose flows there are.
#[derive(Clone, Debug)]
pub enum Flows {
    /// Those of the packets inside, and none of the cable's addresses. `extra`: what each packet is longer.
    Inside {
        /// Bytes of a header that belongs to the flow's own packet.
        extra: usize,
    },
    /// One between the cable's addresses, or those inside a tunnel: nobody can look further inside.
    Carrier {
        /// Between those of the traffic.
        is_inside: bool,
        /// IP protocol.
        transport: &'static str,
        /// Ports, where there are any.
        ports: [u64; 2],
        /// What client and server send; `None`: what nftables counts.
        ways: Option<[Count; 2]>,
    },
}

/// What is expected.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Whose flows.
    pub flows: Flows,
    attributes: Vec<(&'static str, String)>,
    /// Bytes of headers around each packet, by the attributes' first word.
    overhead: Vec<(&'static str, u64)>,
}

/// A flow as it has to be.
struct Wanted<'a> {
    transport: &'a str,
    ends: [IpAddr; 2],
    ports: [u64; 2],
    ways: [Count; 2],
}

impl Expect {
    /// Flows of the packets inside.
    pub fn inside() -> Self {
        Self { flows: Flows::Inside { extra: 0 }, attributes: Vec::new(), overhead: Vec::new() }
    }

    /// The same, each packet this much longer.
    pub fn longer(extra: usize) -> Self {
        Self { flows: Flows::Inside { extra }, ..Self::inside() }
    }

    /// A flow between the cable's addresses.
    pub fn carrier(transport: &'static str, ports: [u16; 2], ways: Option<[Count; 2]>) -> Self {
        Self {
            flows: Flows::Carrier { is_inside: false, transport, ports: ports.map(u64::from), ways },
            ..Self::inside()
        }
    }

    /// ESP between the addresses inside a tunnel.
    pub fn sealed_inside(ways: [Count; 2]) -> Self {
        let flows = Flows::Carrier { is_inside: true, transport: "esp", ports: [0; 2], ways: Some(ways) };
        Self { flows, ..Self::inside() }
    }

    /// An attribute.
    pub fn with(mut self, key: &'static str, value: impl ToString) -> Self {
        self.attributes.push((key, value.to_string()));
        self
    }

    /// A tunnel between the cable's addresses of this IP version.
    pub fn tunnel(self, kind: &str, version: usize, transport: &str, overhead: u64) -> Self {
        self.tunnel_between(kind, version, CABLE[version], transport, overhead)
    }

    /// A tunnel between these addresses.
    pub fn tunnel_between(
        self,
        kind: &str,
        version: usize,
        between: [&str; 2],
        transport: &str,
        overhead: u64,
    ) -> Self {
        let tunnel = self.with("tunnel.type", kind).with("tunnel.network.transport", transport);
        // The client's end of the cable.
        let tunnel = tunnel.with("tunnel.network.interface.mac", "02:00:00:00:00:01");
        let keys = ["tunnel.network.type", "tunnel.source.address", "tunnel.destination.address"];
        tunnel.outer(keys, version, between).over("tunnel", overhead)
    }

    /// IP in IP between the cable's addresses of this IP version.
    pub fn ipip(self, version: usize, overhead: u64) -> Self {
        self.ipip_between(version, CABLE[version], overhead)
    }

    /// IP in IP between these addresses.
    pub fn ipip_between(self, version: usize, between: [&str; 2], overhead: u64) -> Self {
        let keys = ["ipip.network.type", "ipip.source.address", "ipip.destination.address"];
        self.outer(keys, version, between).with("ipip.network.transport", TRANSPORT).over("ipip", overhead)
    }

    fn outer(self, [kind, source, destination]: [&'static str; 3], version: usize, ends: [&str; 2]) -> Self {
        self.with(kind, ["ipv4", "ipv6"][version]).with(source, ends[0]).with(destination, ends[1])
    }

    /// The identifier of the tunnel.
    pub fn id(self, id: u32) -> Self {
        self.with("tunnel.id", id)
    }

    /// The tunnel's ports; its source port is any.
    pub fn port(self, port: u16) -> Self {
        self.with("tunnel.source.port", ANY).with("tunnel.destination.port", port)
    }

    fn over(mut self, word: &'static str, bytes: u64) -> Self {
        self.overhead.push((word, bytes));
        self
    }

    /// Whether nftables has to count, because the number of packets is not known before.
    pub fn needs_truth(&self) -> bool {
        matches!(self.flows, Flows::Carrier { ways: None, .. })
    }

    /// What is different from what flowtrace wrote; nothing when all is well.
    pub fn check(&self, scene: &Scene, report: &Report) -> Vec<String> {
        let records = report.records(TUNNELS, Watcher::Cable);
        let wanted = self.wanted(scene, report);
        let mut differences: Vec<String> =
            wanted.iter().flat_map(|wanted| self.compare(scene, wanted, &records)).collect();
        if matches!(self.flows, Flows::Inside { .. }) && !scene.traffic.is_on_cable {
            differences.extend(
                records
                    .iter()
                    .filter(|record| is_carrier(scene, record))
                    .map(|record| format!("too much: {}", record.json["attributes"])),
            );
        }
        if scene.device != Device::None {
            let plain = Self::inside();
            let records = report.records(TUNNELS, Watcher::Device);
            let wanted = plain.wanted(scene, report);
            let at_device = wanted.iter().flat_map(|wanted| plain.compare(scene, wanted, &records));
            differences.extend(at_device.map(|difference| format!("at the device: {difference}")));
        }
        differences
    }

    fn wanted(&self, scene: &Scene, report: &Report) -> Vec<Wanted<'static>> {
        match self.flows {
            Flows::Inside { extra } => {
                scene.traffic.versions.iter().flat_map(|&version| inside(scene, version, extra)).collect()
            }
            Flows::Carrier { is_inside, transport, ports, ways } => {
                let ends = if is_inside { scene.ends(0) } else { scene.on_cable(0) };
                let ways = ways.unwrap_or_else(|| [1, 2].map(|end| report.truth(scene.name, "Udp", on_cable(0, end))));
                vec![Wanted { transport, ends, ports, ways }]
            }
        }
    }

    fn compare(&self, scene: &Scene, wanted: &Wanted<'_>, records: &[Record]) -> Vec<String> {
        let Wanted { transport, ends, ports, ways } = wanted;
        let name = format!("{transport} {ends:?} {ports:?}");
        let is_it = |record: &&Record| {
            record.json["attributes"]["network.transport"] == **transport
                && record.ends == *ends
                && record.ports == *ports
        };
        let found: Vec<_> = records.iter().filter(is_it).collect();
        let [record] = found[..] else { return vec![format!("{name}: {} records", found.len())] };
        let mut differences = Vec::new();
        if record.ways != *ways {
            differences.push(format!("{name}: {:?} instead of {ways:?}", record.ways));
        }
        differences.extend(
            self.attributes(scene, wanted, &record.json["attributes"]).iter().map(|text| format!("{name}: {text}")),
        );
        differences
    }

    /// Differences in the attributes of what is around the packets.
    fn attributes(&self, scene: &Scene, wanted: &Wanted<'_>, attributes: &Value) -> Vec<String> {
        let mut expected: Vec<(String, String)> =
            self.attributes.iter().map(|(key, value)| ((*key).to_owned(), meaning(value, scene, wanted))).collect();
        for (word, overhead) in &self.overhead {
            for (way, count) in ["", ".reverse"].iter().zip(wanted.ways) {
                for which in ["delta", "total"] {
                    expected.push((format!("{word}{way}.bytes.{which}"), (overhead * count.packets).to_string()));
                }
            }
        }
        let mut differences = Vec::new();
        for (key, value) in &expected {
            let found = text(&attributes[key]);
            if found.is_empty() || value != ANY && found != *value {
                differences.push(format!("{key} is `{found}` instead of `{value}`"));
            }
        }
        let keys = attributes.as_object().into_iter().flatten().map(|(key, _)| key);
        let unexpected = keys.filter(|key| {
            AROUND.iter().any(|prefix| key.starts_with(prefix)) && !expected.iter().any(|(wanted, _)| wanted == *key)
        });
        differences.extend(unexpected.map(|key| format!("{key} is there: {}", attributes[key])));
        differences
    }
}

/// The flows of the traffic inside.
fn inside(scene: &Scene, version: usize, extra: usize) -> Vec<Wanted<'static>> {
    const UDP: usize = 8;
    const ECHO: usize = 8;
    let ends = scene.ends(version);
    let times = |times: usize, length: usize| {
        let one = on_the_wire(version, length + scene.traffic.longer, extra);
        Count { packets: one.packets * times as u64, bytes: one.bytes * times as u64 }
    };
    let ways = [times(DATAGRAMS, UDP + ASKED), times(ANSWERS, UDP + ANSWERED)];
    let mut wanted = vec![Wanted { transport: "udp", ends, ports: PORTS.map(u64::from), ways }];
    if scene.traffic.has_pings {
        let transport = ["icmp", "ipv6-icmp"][version];
        wanted.push(Wanted { transport, ends, ports: [0; 2], ways: [times(PINGS, ECHO + PINGED); 2] });
    }
    wanted
}

/// What a value stands for.
fn meaning(value: &str, scene: &Scene, wanted: &Wanted<'_>) -> String {
    if value == TRANSPORT {
        return wanted.transport.to_owned();
    }
    for (version, names) in CABLE.iter().enumerate() {
        if let Some(end) = names.iter().position(|&name| name == value) {
            return scene.on_cable(version)[end].to_string();
        }
    }
    value.to_owned()
}

/// Whether a record is one of the packets around. Errors are none: the first end of a tunnel to be up tells its groups to
/// the other, which is not there yet and says so.
fn is_carrier(scene: &Scene, record: &Record) -> bool {
    let transport = record.json["attributes"]["network.transport"].as_str();
    let between = |version| scene.on_cable(version).iter().all(|end| record.ends.contains(end));
    (between(0) || between(1)) && !matches!(transport, Some("icmp" | "ipv6-icmp"))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
