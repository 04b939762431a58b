//! Services as they are kept.

use std::net::IpAddr;
use std::sync::Arc;

use crate::known::Reference;
use crate::object;
use crate::protocol::{Port, Protocol};
use flowtrace_flow::workload::Via;

/// A service, at its addresses.
#[derive(Debug)]
pub(crate) struct Service {
    pub reference: Arc<Reference>,
    pub ports: Box<[ServicePort]>,
    pub has_ipv4: bool,
    pub has_ipv6: bool,
}

/// A port of a service.
#[derive(Debug)]
pub(crate) struct ServicePort {
    /// Absent where it has none.
    pub name: Option<Arc<str>>,
    pub port: Port,
    /// At every node; absent where it has none.
    pub node_port: Option<u16>,
}

/// A service at one of its addresses.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub service: Arc<Service>,
    pub via: Via,
}

impl Service {
    /// The port that it has at its own addresses.
    pub fn port(&self, port: Port) -> Option<&ServicePort> {
        self.ports.iter().find(|known| known.port == port)
    }

    /// The port that it has at nodes.
    pub fn node_port(&self, port: Port) -> Option<&ServicePort> {
        let is_it = |known: &&ServicePort| known.node_port == Some(port.number) && known.port.protocol == port.protocol;
        self.ports.iter().find(is_it)
    }

    /// Whether it is for the family of an address.
    pub fn has_family(&self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.has_ipv4 } else { self.has_ipv6 }
    }
}

/// What a service has of ports.
pub(crate) fn ports(spec: &object::ServiceSpec, mut text: impl FnMut(&str) -> Arc<str>) -> Box<[ServicePort]> {
    let kept = spec.ports.iter().filter_map(|port| {
        let protocol = Protocol::parse(&port.protocol)?;
        Some(ServicePort {
            name: (!port.name.is_empty()).then(|| text(&port.name)),
            port: Port { number: port.port, protocol },
            node_port: (port.node_port != 0).then_some(port.node_port),
        })
    });
    kept.collect()
}

/// The addresses of a service, each once. Headless services have `None` for one, and `ExternalName` has none of its own.
pub(crate) fn addresses(service: &object::Service) -> Vec<(IpAddr, Via)> {
    let spec = &service.spec;
    if spec.service_type == "ExternalName" {
        return Vec::new();
    }
    let cluster = spec.cluster_ips.iter().chain([&spec.cluster_ip]).map(|address| (address, Via::ClusterIp));
    let external = spec.external_ips.iter().map(|address| (address, Via::ExternalIp));
    let balancer = service.status.load_balancer.ingress.iter().map(|ingress| (&ingress.ip, Via::LoadBalancer));
    let mut all: Vec<(IpAddr, Via)> = Vec::new();
    for (address, via) in cluster.chain(external).chain(balancer) {
        match address.parse() {
            Ok(address) if !all.iter().any(|(known, _)| *known == address) => all.push((address, via)),
            _ => {}
        }
    }
    all
}
