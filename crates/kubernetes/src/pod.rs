//! A pod as it is kept.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::known::{OwnerReference, Reference};
use crate::object;
use crate::protocol::{Port, Protocol};
use crate::slice::SlicePorts;
use crate::time::{self, Time};
use flowtrace_flow::workload::{Container, Entity, Pairs};

/// A pod from its first to its last event: what it is now, and what leads to it.
#[derive(Debug)]
pub(crate) struct Slot {
    /// What it is now.
    pub now: ArcSwap<Pod>,
    /// The services that lead to it.
    pub behind: Arc<Behind>,
}

/// The services that lead to one pod.
pub(crate) type Behind = ArcSwap<Vec<Arc<SlicePorts>>>;

/// A pod.
#[derive(Debug)]
pub(crate) struct Pod {
    pub entity: Arc<Entity>,
    /// All labels, where policies ask for them.
    pub selectable: Pairs,
    pub namespace: Arc<Reference>,
    /// Where it runs; absent before it is bound.
    pub node: Option<Arc<Reference>>,
    pub owner: Option<OwnerReference>,
    pub containers: Box<[PodContainer]>,
    pub is_host_network: bool,
    /// What it has now: nothing once it has finished, or on its node's network.
    pub addresses: Box<[IpAddr]>,
    pub is_terminating: bool,
    /// When its kubelet took it on; before, when it was made.
    pub started: Time,
    /// When it was made.
    pub created: Time,
    /// Of a pod that a kubelet runs from a file: the uid that it has in the names of control groups.
    pub mirrored: Option<Arc<str>>,
    /// Of a pod of flowtrace that is ready: how it is configured.
    pub agent: Option<Arc<str>>,
}

/// A container of a pod.
#[derive(Debug)]
pub(crate) struct PodContainer {
    pub named: Arc<Container>,
    /// Its id at the runtime; absent before it began.
    pub id: Option<Box<str>>,
    /// Whether it runs as long as the pod does; init containers do not, but sidecars among them.
    pub stays: bool,
    pub ports: Box<[(Box<str>, Port)]>,
}

impl Pod {
    /// Whether a live pod that claims the same address has a weaker claim: one that is told to go, or else began before.
    /// Neither is stronger where both are equal.
    pub fn claim(&self) -> (bool, Time, Time) {
        (!self.is_terminating, self.started, self.created)
    }

    /// The container that has an id; else the one that declares the port; else the only one.
    ///
    /// With an id that nobody has, it is one of those whose ids have not come yet, or unknown.
    pub fn container(&self, id: Option<&str>, port: Option<Port>) -> Option<&Arc<Container>> {
        if let Some(id) = id {
            if let Some(found) = self.containers.iter().find(|container| container.id.as_deref() == Some(id)) {
                return Some(&found.named);
            }
            return only(self.containers.iter().filter(|container| container.id.is_none())).map(|only| &only.named);
        }
        let stay = || self.containers.iter().filter(|container| container.stays);
        let declares = |container: &&PodContainer| container.ports.iter().any(|(_, declared)| Some(*declared) == port);
        only(stay().filter(declares)).or_else(|| only(stay())).map(|found| &found.named)
    }

    /// The port that a container declares by a name.
    pub fn port(&self, name: &str, protocol: Protocol) -> impl Iterator<Item = u16> {
        let ports = self.containers.iter().filter(|container| container.stays).flat_map(|container| &container.ports);
        ports.filter(move |(known, port)| **known == *name && port.protocol == protocol).map(|(_, port)| port.number)
    }
}

/// The only item.
pub(crate) fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// The addresses that a pod has to itself: none before it has them, after it has finished, and on its node's network.
pub(crate) fn addresses(pod: &object::Pod) -> Box<[IpAddr]> {
    let is_finished = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    if is_finished || pod.spec.host_network {
        return Box::default();
    }
    let all = pod.status.pod_ips.iter().map(|address| address.ip.as_str()).chain([pod.status.pod_ip.as_str()]);
    let unique: BTreeSet<IpAddr> = all.filter_map(|address| address.parse().ok()).collect();
    unique.into_iter().collect()
}

/// When a pod began: see [`Pod::started`], [`Pod::created`].
pub(crate) fn began(pod: &object::Pod, at: Time) -> (Time, Time) {
    let created = pod.metadata.creation_timestamp.as_deref().and_then(time::parse).unwrap_or(at).min(at);
    let started = pod.status.start_time.as_deref().and_then(time::parse).unwrap_or(created);
    (started.min(at), created)
}

/// The uid that the kubelet gave a pod which it runs from a file. Only of pods that a node owns: others may have the
/// annotation, but not that owner unless a kubelet made them.
pub(crate) fn mirrored(pod: &object::Pod) -> Option<&str> {
    let is_owned_by_node =
        pod.metadata.owner_references.iter().any(|owner| owner.kind == "Node" && owner.api_version == "v1");
    let uid = pod.metadata.annotations.get("kubernetes.io/config.mirror").filter(|uid| uid.len() <= 64)?;
    is_owned_by_node.then_some(uid)
}

/// The containers of a pod, with the ids that its status has for them.
pub(crate) fn containers(pod: &object::Pod, mut text: impl FnMut(&str) -> Arc<str>) -> Box<[PodContainer]> {
    let (spec, status) = (&pod.spec, &pod.status);
    let plain = spec.containers.iter().map(|container| (container, true, &status.container_statuses));
    let init = spec.init_containers.iter();
    let init = init.map(|container| (container, container.restart_policy == "Always", &status.init_container_statuses));
    let known = plain.chain(init).map(|(container, stays, statuses)| {
        let id = statuses.iter().find(|status| status.name == container.name).and_then(bare_id);
        let ports = container.ports.iter().filter_map(|port| {
            let protocol = Protocol::parse(&port.protocol)?;
            Some((port.name.as_str().into(), Port { number: port.container_port, protocol }))
        });
        let named = Arc::new(Container { name: text(&container.name), image: text(&container.image) });
        PodContainer { named, id, stays, ports: ports.collect() }
    });
    let mut all: Vec<_> = known.collect();
    all.extend(status.ephemeral_container_statuses.iter().map(|status| PodContainer {
        named: Arc::new(Container { name: text(&status.name), image: text(&status.image) }),
        id: bare_id(status),
        stays: false,
        ports: Box::default(),
    }));
    all.into()
}

/// The id of a container without the name of the runtime before it.
fn bare_id(status: &object::ContainerStatus) -> Option<Box<str>> {
    let (_, id) = status.container_id.split_once("://")?;
    (!id.is_empty()).then(|| id.into())
}
