//! What flowtrace is to say of a scene. The numbers follow from the headers that the kernel writes, not from what
//! flowtrace said.

use std::net::IpAddr;

use serde_json::Value;

use crate::count::Count;
use crate::record::Record;

use super::report::{Report, Watcher};
use super::scene::{ANSWERED, ANSWERS, ASKED, DATAGRAMS, Device, PINGED, PINGS, PORTS, Scene, on_cable, on_the_wire};

/// Any value will do, but one has to be there.
pub const ANY: &str = "(any)";
/// The protocol of the flow.
const TRANSPORT: &str = "(transport)";
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
        self.tunnel_between(kind, [on_cable(version, 1), on_cable(version, 2)], transport, overhead)
    }

    /// A tunnel between these addresses.
    pub fn tunnel_between(self, kind: &str, between: [IpAddr; 2], transport: &str, overhead: u64) -> Self {
        let tunnel = self.with("tunnel.type", kind).with("tunnel.network.transport", transport);
        // The client's end of the cable.
        let tunnel = tunnel.with("tunnel.network.interface.mac", "02:00:00:00:00:01");
        let ends = ["tunnel.network.type", "tunnel.source.address", "tunnel.destination.address"];
        tunnel.outer(ends, between).over("tunnel", overhead)
    }

    /// IP in IP between these addresses.
    pub fn ipip(self, ends: [IpAddr; 2], overhead: u64) -> Self {
        let keys = ["ipip.network.type", "ipip.source.address", "ipip.destination.address"];
        self.outer(keys, ends).with("ipip.network.transport", TRANSPORT).over("ipip", overhead)
    }

    fn outer(self, [kind, source, destination]: [&'static str; 3], ends: [IpAddr; 2]) -> Self {
        let version = if ends[0].is_ipv4() { "ipv4" } else { "ipv6" };
        self.with(kind, version).with(source, ends[0]).with(destination, ends[1])
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

    /// What is different from what a watcher wrote; nothing when all is well.
    pub fn check(&self, scene: &Scene, report: &Report) -> Vec<String> {
        let records = report.records(scene.name, Watcher::Cable);
        let wanted = self.wanted(scene, report);
        let mut differences: Vec<String> = wanted.iter().flat_map(|wanted| self.compare(wanted, &records)).collect();
        if matches!(self.flows, Flows::Inside { .. }) && !scene.traffic.is_on_cable {
            // The first end of a tunnel to be up tells its groups to the other, which is not there yet and says so.
            let is_error = |record: &&Record| {
                let transport = record.json["attributes"]["network.transport"].as_str();
                matches!(transport, Some("icmp" | "ipv6-icmp"))
            };
            let of_cable = |record: &&Record| record.ends.iter().all(|&end| is_on_cable(end)) && !is_error(record);
            differences.extend(records.iter().filter(of_cable).map(|record| format!("too much: {}", record.json)));
        }
        if scene.device == Device::Ip {
            let plain = Self::inside();
            let records = report.records(scene.name, Watcher::Device);
            let wanted = plain.wanted(scene, report);
            let at_device = wanted.iter().flat_map(|wanted| plain.compare(wanted, &records));
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
                let ends = if is_inside { scene.ends(0) } else { [on_cable(0, 1), on_cable(0, 2)] };
                let ways = ways.unwrap_or_else(|| ends.map(|end| report.truth(scene.name, "Udp", end)));
                vec![Wanted { transport, ends, ports, ways }]
            }
        }
    }

    fn compare(&self, wanted: &Wanted<'_>, records: &[Record]) -> Vec<String> {
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
        differences
            .extend(self.attributes(wanted, &record.json["attributes"]).iter().map(|text| format!("{name}: {text}")));
        differences
    }

    /// Differences in the attributes of what is around the packets.
    fn attributes(&self, wanted: &Wanted<'_>, attributes: &Value) -> Vec<String> {
        let mut expected: Vec<(String, String)> =
            self.attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
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
            let value = if value == TRANSPORT { wanted.transport } else { value };
            if found.is_empty() || value != ANY && found != value {
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

fn is_on_cable(address: IpAddr) -> bool {
    [0, 1].iter().any(|&version| [1, 2].iter().any(|&number| on_cable(version, number) == address))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
