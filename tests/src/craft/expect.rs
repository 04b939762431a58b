//! What must be found in a capture: flows and the attributes of what is around them.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::ends::Ends;
use super::link::{INNER, Mac, OUTER};
use super::talk::PORTS;

/// A flow as told by hand from how its capture is made.
#[derive(Clone, Debug)]
pub struct Flow {
    /// `network.transport`.
    pub transport: &'static str,
    /// Source and destination.
    pub ends: Ends,
    /// Their ports, where the protocol has some and they can be known.
    pub ports: Option<[u16; 2]>,
    /// Packets and IP bytes from source to destination.
    pub there: [u64; 2],
    /// The same the other way.
    pub back: [u64; 2],
    /// All attributes of the families in [`FAMILIES`], and no other. Null: whatever it is.
    pub attributes: Vec<(String, Value)>,
    /// `network.interface.mac`, where frames are Ethernet's: the sender of the first frame from source to destination; in a
    /// tunnel (but IP in IP) of the frame within it, if it carries frames.
    pub mac: Option<Mac>,
}

/// Beginnings of the names that [`Flow::attributes`] tells all of.
pub const FAMILIES: [&str; 6] =
    ["tunnel.", "ipip.", "flow.ipsec.", "flow.reverse.ipsec.", "network.vlan.", "network.inner."];

const MAC: &str = "network.interface.mac";

/// Whether [`Flow::told`] must tell of an attribute that is there.
pub fn is_told(name: &str, is_ethernet: bool) -> bool {
    FAMILIES.iter().any(|family| name.starts_with(family)) || is_ethernet && name == MAC
}

const fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// Bytes of an IP header without options.
pub const fn ip_header(ends: Ends) -> u64 {
    if ends[0].is_ipv4() { 20 } else { 40 }
}

impl Flow {
    /// A flow without ports, and packets and bytes of its two ways.
    pub fn of(transport: &'static str, ends: Ends, there: [u64; 2], back: [u64; 2]) -> Self {
        Self { transport, ends, ports: None, there, back, attributes: Vec::new(), mac: Some(OUTER[0]) }
    }

    /// The flow of [`talk::tcp`](super::talk::tcp).
    pub fn tcp(ends: Ends) -> Self {
        let header = ip_header(ends);
        Self::of("tcp", ends, [3, 3 * header + 72], [2, 2 * header + 64]).on(PORTS)
    }

    /// The flow of [`talk::udp`](super::talk::udp).
    pub fn udp(ends: Ends) -> Self {
        let header = ip_header(ends);
        Self::of("udp", ends, [1, header + 20], [1, header + 32]).on(PORTS)
    }

    /// The flow of [`talk::ping`](super::talk::ping) or [`talk::ping6`](super::talk::ping6).
    pub fn ping(ends: Ends) -> Self {
        let one = [1, ip_header(ends) + 20];
        Self::of(if ends[0].is_ipv4() { "icmp" } else { "ipv6-icmp" }, ends, one, one)
    }

    /// It has these ports.
    pub fn on(self, ports: [u16; 2]) -> Self {
        Self { ports: Some(ports), ..self }
    }

    /// Each of its packets is longer by this many bytes: extension headers and options.
    pub fn longer(mut self, bytes: u64) -> Self {
        for [packets, sum] in [&mut self.there, &mut self.back] {
            *sum += *packets * bytes;
        }
        self
    }

    /// Its packets were in Ethernet frames within a tunnel.
    pub fn framed(self) -> Self {
        self.mac(INNER[0])
    }

    /// The sender of its first frame has this address.
    pub fn mac(self, mac: Mac) -> Self {
        Self { mac: Some(mac), ..self }
    }

    /// Its packets were in a tunnel that carries no frames.
    pub fn without_mac(self) -> Self {
        Self { mac: None, ..self }
    }

    /// It has this attribute; null for whatever value.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.attributes.retain(|(known, _)| known != name);
        self.attributes.push((name.to_owned(), value.into()));
        self
    }

    /// It was in a tunnel of this type: outer ends, outer protocol, and what each packet has around it.
    pub fn tunnel(mut self, kind: &str, ends: Ends, transport: &str, overhead: u64) -> Self {
        self.mac = self.mac.filter(|mac| *mac != OUTER[0]);
        self.with("tunnel.type", kind)
            .with("tunnel.network.type", family(ends[0]))
            .with("tunnel.network.transport", transport)
            .with("tunnel.source.address", ends[0].to_string())
            .with("tunnel.destination.address", ends[1].to_string())
            .with("tunnel.network.interface.mac", text(OUTER[0]))
            .overhead("tunnel", overhead)
    }

    /// The tunnel's identifier.
    pub fn id(self, id: u32) -> Self {
        self.with("tunnel.id", id.to_string())
    }

    /// The ports of the tunnel's outer header.
    pub fn outer_ports(self, [source, destination]: [u16; 2]) -> Self {
        self.with("tunnel.source.port", source).with("tunnel.destination.port", destination)
    }

    /// It was in IP in IP: outer ends, the protocol of the packet directly inside, and what each packet has around it.
    pub fn ipip(self, ends: Ends, transport: &str, overhead: u64) -> Self {
        self.with("ipip.network.type", family(ends[0]))
            .with("ipip.network.transport", transport)
            .with("ipip.source.address", ends[0].to_string())
            .with("ipip.destination.address", ends[1].to_string())
            .overhead("ipip", overhead)
    }

    fn overhead(self, layer: &str, each: u64) -> Self {
        let [there, back] = [self.there[0] * each, self.back[0] * each];
        self.overheads(layer, [there, back])
    }

    /// The bytes that a `tunnel` or `ipip` added on each way.
    pub fn overheads(self, layer: &str, [there, back]: [u64; 2]) -> Self {
        self.with(&format!("{layer}.bytes.delta"), there)
            .with(&format!("{layer}.bytes.total"), there)
            .with(&format!("{layer}.reverse.bytes.delta"), back)
            .with(&format!("{layer}.reverse.bytes.total"), back)
    }

    /// All that is told of it, by attribute.
    pub fn told(&self, is_ethernet: bool) -> Vec<(String, Value)> {
        let mut told = vec![
            ("network.type".to_owned(), json!(family(self.ends[0]))),
            ("network.transport".to_owned(), json!(self.transport)),
            ("source.address".to_owned(), json!(self.ends[0].to_string())),
            ("destination.address".to_owned(), json!(self.ends[1].to_string())),
            ("flow.packets.delta".to_owned(), json!(self.there[0])),
            ("flow.bytes.delta".to_owned(), json!(self.there[1])),
            ("flow.reverse.packets.delta".to_owned(), json!(self.back[0])),
            ("flow.reverse.bytes.delta".to_owned(), json!(self.back[1])),
        ];
        if let Some([source, destination]) = self.ports {
            told.push(("source.port".to_owned(), json!(source)));
            told.push(("destination.port".to_owned(), json!(destination)));
        }
        if let Some(mac) = self.mac.filter(|_| is_ethernet && self.there[0] > 0) {
            told.push((MAC.to_owned(), json!(text(mac))));
        }
        told.extend(self.attributes.iter().cloned());
        told
    }
}

/// A MAC address as attributes have it.
fn text(mac: Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
