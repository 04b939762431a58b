//! Services, their addresses and their ports at nodes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::nodes::{join, leave};
use super::{Cluster, Listed};
use crate::Kind;
use crate::known::Known;
use crate::object;
use crate::protocol::Port;
use crate::service::{self, At, Service};
use flowtrace_flow::workload::Via;

/// A service.
#[derive(Debug)]
pub(super) struct Entry {
    service: Arc<Service>,
    addresses: Vec<(IpAddr, Via)>,
}

impl Cluster {
    pub(super) fn apply_service(&mut self, from: &object::Service) {
        let metadata = &from.metadata;
        let reference = self.references.service(&mut self.texts, &metadata.namespace, &metadata.name);
        let known = Known { entity: Arc::new(self.entity(metadata)), selectable: Default::default(), owner: None };
        reference.set(Some(known));
        let has = |family: &str| from.spec.ip_families.iter().any(|known| known == family);
        let service = Arc::new(Service {
            reference,
            ports: service::ports(&from.spec, |text| self.texts.get(text)),
            has_ipv4: has("IPv4"),
            has_ipv6: has("IPv6"),
        });
        let addresses = service::addresses(from);
        let list = self.lists[Kind::Service as usize];
        let entry = Listed { list, kept: Entry { service: Arc::clone(&service), addresses: addresses.clone() } };
        if let Some(before) = self.services.insert(metadata.uid.as_str().into(), entry) {
            self.withdraw_service(&before.kept);
        }
        for (address, via) in addresses {
            join(&self.view.services, address, At { service: Arc::clone(&service), via });
        }
        for port in node_ports(&service) {
            join(&self.view.node_ports, port, Arc::clone(&service));
        }
    }

    pub(super) fn delete_service(&mut self, uid: &str) {
        let Some(entry) = self.services.remove(uid) else { return };
        self.withdraw_service(&entry.kept);
        let reference = &entry.kept.service.reference;
        if reference.entity().uid.as_deref() == Some(uid) {
            reference.set(None);
        }
    }

    fn withdraw_service(&self, entry: &Entry) {
        for (address, _) in &entry.addresses {
            leave(&self.view.services, *address, |at| Arc::ptr_eq(&at.service, &entry.service));
        }
        for port in node_ports(&entry.service) {
            leave(&self.view.node_ports, port, |service| Arc::ptr_eq(service, &entry.service));
        }
    }
}

/// The ports of a service at nodes, each once.
fn node_ports(service: &Service) -> Vec<Port> {
    let ports = service.ports.iter().filter_map(|port| Some((port.node_port?, port.port.protocol)));
    let unique: BTreeSet<_> = ports.collect();
    unique.into_iter().map(|(number, protocol)| Port { number, protocol }).collect()
}
