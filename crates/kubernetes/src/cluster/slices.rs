//! Endpoint slices: which services lead to a pod, and what is at addresses that no pod is known to have.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::nodes::{join, leave};
use super::{Cluster, Listed, Table};
use crate::Kind;
use crate::object::{self, EndpointSlice};
use crate::options::Scope;
use crate::pod::Behind;
use crate::protocol::Protocol;
use crate::slice::{self, Point, PointPod, SlicePort, SlicePorts};

/// All slices.
#[derive(Debug, Default)]
pub(super) struct Slices {
    pub by_uid: Table<Arc<str>, Listed<Entry>>,
    /// By the uid of a pod. A pod finds it here when it comes.
    behind: Table<Arc<str>, Arc<Behind>>,
}

/// A slice.
#[derive(Debug)]
pub(super) struct Entry {
    ports: Arc<SlicePorts>,
    /// The uids of its pods, sorted.
    pods: Vec<Arc<str>>,
    /// Its addresses at which no pod is known, with the uid of the pod that the slice names.
    points: BTreeMap<IpAddr, Option<Arc<str>>>,
}

impl Slices {
    /// The services that lead to a pod.
    pub fn behind(&mut self, uid: &Arc<str>) -> Arc<Behind> {
        Arc::clone(self.behind.entry(Arc::clone(uid)).or_default())
    }

    /// Forgets a pod's, if nobody has it and it is empty.
    pub fn forget(&mut self, uid: &str) {
        if self.behind.get(uid).is_some_and(|behind| Arc::strong_count(behind) == 1 && behind.load().is_empty()) {
            self.behind.remove(uid);
        }
    }
}

impl Cluster {
    pub(super) fn apply_slice(&mut self, from: &EndpointSlice) {
        let Some(service) = from.metadata.labels.get(slice::SERVICE_NAME).filter(|name| !name.is_empty()) else {
            return self.delete_slice(&from.metadata.uid);
        };
        let reference = self.references.service(&mut self.texts, &from.metadata.namespace, service);
        let mut ports: Arc<SlicePorts> = Arc::new(SlicePorts { service: reference, ports: self.slice_ports(from) });
        let mut before = self.slices.by_uid.remove(from.metadata.uid.as_str()).map(|entry| entry.kept);
        if let Some(same) = before.as_ref().filter(|before| is_same(&before.ports, &ports)) {
            ports = Arc::clone(&same.ports);
        } else if let Some(other) = before.take() {
            self.withdraw_slice(other);
        }
        let targets = from.endpoints.iter().filter_map(slice::target);
        let mut pods: Vec<Arc<str>> = targets.map(|target| target.uid.as_str().into()).collect();
        pods.sort_unstable();
        pods.dedup();
        self.change_pods(before.as_ref().map_or(&[], |before| &before.pods), &pods, &ports);
        let points = self.change_points(before.map(|before| before.points).unwrap_or_default(), from, &ports);
        let list = self.lists[Kind::EndpointSlice as usize];
        self.slices
            .by_uid
            .insert(from.metadata.uid.as_str().into(), Listed { list, kept: Entry { ports, pods, points } });
    }

    pub(super) fn delete_slice(&mut self, uid: &str) {
        if let Some(entry) = self.slices.by_uid.remove(uid) {
            self.withdraw_slice(entry.kept);
        }
    }

    fn withdraw_slice(&mut self, entry: Entry) {
        self.change_pods(&entry.pods, &[], &entry.ports);
        for address in entry.points.into_keys() {
            leave(&self.view.points, address, |point| Arc::ptr_eq(&point.ports, &entry.ports));
        }
    }

    /// The slice leads to other pods than before. Both are sorted.
    fn change_pods(&mut self, before: &[Arc<str>], after: &[Arc<str>], ports: &Arc<SlicePorts>) {
        for uid in before.iter().filter(|uid| after.binary_search(uid).is_err()) {
            let behind = self.slices.behind(uid);
            behind.rcu(|slices| slices.iter().filter(|slice| !Arc::ptr_eq(slice, ports)).cloned().collect::<Vec<_>>());
            drop(behind);
            self.slices.forget(uid);
        }
        for uid in after.iter().filter(|uid| before.binary_search(uid).is_err()) {
            let behind = self.slices.behind(uid);
            behind.rcu(|slices| slices.iter().chain([ports]).cloned().collect::<Vec<_>>());
        }
    }

    /// The slice has other addresses than before at which no pod is known; those that it has now.
    fn change_points(
        &mut self,
        before: BTreeMap<IpAddr, Option<Arc<str>>>,
        from: &EndpointSlice,
        ports: &Arc<SlicePorts>,
    ) -> BTreeMap<IpAddr, Option<Arc<str>>> {
        let mut after = BTreeMap::new();
        for endpoint in &from.endpoints {
            let Some(address) = slice::address(endpoint) else { continue };
            let target = slice::target(endpoint);
            // Where all pods are watched, those say best what they have; what hands wrote names no pod.
            if target.is_some() && self.options.scope == Scope::Cluster {
                continue;
            }
            let uid: Option<Arc<str>> = target.map(|target| target.uid.as_str().into());
            if before.get(&address) != Some(&uid) {
                leave(&self.view.points, address, |point| Arc::ptr_eq(&point.ports, ports));
                let pod = target.map(|target| Arc::new(self.point_pod(target, endpoint)));
                join(&self.view.points, address, Point { ports: Arc::clone(ports), pod });
            }
            after.insert(address, uid);
        }
        for address in before.into_keys().filter(|address| !after.contains_key(address)) {
            leave(&self.view.points, address, |point| Arc::ptr_eq(&point.ports, ports));
        }
        after
    }

    fn point_pod(&mut self, target: &object::TargetRef, endpoint: &object::Endpoint) -> PointPod {
        let metadata = object::Metadata {
            name: target.name.clone(),
            namespace: target.namespace.clone(),
            uid: target.uid.clone(),
            ..object::Metadata::default()
        };
        let node = Some(&endpoint.node_name).filter(|node| !node.is_empty());
        PointPod {
            entity: Arc::new(self.entity(&metadata)),
            namespace: self.references.namespace(&mut self.texts, &target.namespace),
            node: node.map(|node| self.references.node(&mut self.texts, node)),
        }
    }

    fn slice_ports(&mut self, from: &EndpointSlice) -> Box<[SlicePort]> {
        let ports = from.ports.iter().filter_map(|port| {
            let name = (!port.name.is_empty()).then(|| self.texts.get(&port.name));
            Some(SlicePort { name, protocol: Protocol::parse(&port.protocol)?, number: port.port })
        });
        ports.collect()
    }
}

fn is_same(one: &SlicePorts, other: &SlicePorts) -> bool {
    Arc::ptr_eq(&one.service, &other.service) && one.ports == other.ports
}
