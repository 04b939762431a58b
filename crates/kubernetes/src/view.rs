//! What is known of the cluster, for those who ask. Asking takes no lock and never waits for what comes in.

mod policies;

pub use policies::{Conversation, Policies};

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use arc_swap::ArcSwapOption;

use crate::Kind;
use crate::known::{Reference, owners};
use crate::pod::{Slot, only};
use crate::policy::Policy;
use crate::protocol::Port;
use crate::service::{At, Service, ServicePort};
use crate::shards::Shards;
use crate::slice::{Point, SlicePort, pod_of, service_of};
use crate::time::Time;
use flowtrace_flow::workload::{ClusterName, Via, Workload};

/// What is known of the cluster.
#[derive(Debug)]
pub struct View {
    pub(crate) cluster: ArcSwapOption<ClusterName>,
    /// By uid, and those that kubelets run from files also by the uid that they have there.
    pub(crate) pods: Shards<Arc<str>, Arc<Slot>>,
    /// Who had an address, and when.
    pub(crate) addresses: Shards<IpAddr, Arc<[Tenure]>>,
    pub(crate) services: Shards<IpAddr, Arc<[At]>>,
    pub(crate) node_ports: Shards<Port, Arc<[Arc<Service>]>>,
    pub(crate) nodes: Shards<IpAddr, Arc<[Arc<Reference>]>>,
    /// The pods of flowtrace that are ready, by the names of their nodes.
    pub(crate) agents: Shards<Arc<str>, Arc<[Arc<Slot>]>>,
    pub(crate) points: Shards<IpAddr, Arc<[Point]>>,
    /// By namespace.
    pub(crate) policies: Shards<Arc<str>, Arc<[Arc<Policy>]>>,
    /// A bit for each kind.
    pub(crate) synced: AtomicU16,
}

/// The time for which a pod had an address.
#[derive(Clone, Debug)]
pub(crate) struct Tenure {
    pub pod: Arc<Slot>,
    pub from: Time,
    /// [`Time::MAX`] while it has it.
    pub until: Time,
}

/// One end of a flow.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The uid of the pod of its process; only for processes of this host.
    pub pod_uid: Option<&'a str>,
    /// The id of the container of its process, as the runtime has it.
    pub container_id: Option<&'a str>,
    /// Its address.
    pub address: IpAddr,
    /// Its port; absent for protocols without.
    pub port: Option<Port>,
    /// When it was seen: for a record, the begin of its window.
    pub at: Time,
}

impl View {
    pub(crate) fn new(cluster_name: Option<&str>) -> Self {
        let cluster = cluster_name.map(|name| Arc::new(ClusterName { name: Some(name.into()), uid: None }));
        Self {
            cluster: ArcSwapOption::new(cluster),
            pods: Shards::new(),
            addresses: Shards::new(),
            services: Shards::new(),
            node_ports: Shards::new(),
            nodes: Shards::new(),
            agents: Shards::new(),
            points: Shards::new(),
            policies: Shards::new(),
            synced: AtomicU16::new(0),
        }
    }

    /// Whether all objects of a kind have come once.
    pub fn is_synced(&self, kind: Kind) -> bool {
        self.synced.load(Ordering::Acquire) & (1 << kind as u16) != 0
    }

    /// How many pods are known, those included that went a short time ago.
    pub fn pods(&self) -> usize {
        self.pods.len()
    }

    /// Whether a ready pod of flowtrace runs on a node, with a configuration that has this hash
    /// ([`CONFIGURATION`](crate::CONFIGURATION)).
    pub fn has_agent(&self, node: &str, configuration: &str) -> bool {
        let is_it = |slot: &Arc<Slot>| slot.now.load().agent.as_deref() == Some(configuration);
        self.agents.with(node, |slots| slots.iter().any(is_it)).unwrap_or(false)
    }

    /// Who is at an end. The first that knows it: its process, the pods' addresses, those of services, those of nodes,
    /// endpoint slices.
    pub fn workload(&self, end: &End<'_>) -> Option<Workload> {
        let end = &End { address: end.address.to_canonical(), ..*end };
        if let Some(found) = end.pod_uid.and_then(|uid| self.pods.with(uid, |pod| self.pod(pod, end))) {
            return Some(found);
        }
        // A container's id says nothing of a pod that was found by its address.
        let end = &End { container_id: None, ..*end };
        self.by_pod_address(end)
            .or_else(|| self.by_service(end))
            .or_else(|| self.by_node(end))
            .or_else(|| self.by_point(end))
    }

    fn by_pod_address(&self, end: &End<'_>) -> Option<Workload> {
        let pod = self.addresses.with(&end.address, |tenures| {
            let then = tenures.iter().rev().find(|tenure| (tenure.from..tenure.until).contains(&end.at))?;
            Some(Arc::clone(&then.pod))
        })??;
        Some(self.pod(&pod, end))
    }

    fn pod(&self, pod: &Slot, end: &End<'_>) -> Workload {
        let now = pod.now.load();
        let mut found = Workload {
            cluster: self.cluster.load_full(),
            node: now.node.as_ref().map(|node| node.entity()),
            namespace: Some(now.namespace.entity()),
            pod: Some(Arc::clone(&now.entity)),
            container: now.container(end.container_id, end.port).cloned(),
            owners: owners(now.owner.as_ref()),
            ..Workload::default()
        };
        let behind = pod.behind.load();
        if let Some((service, port)) = end.port.and_then(|port| service_of(&behind, port)) {
            set_service(&mut found, service, port);
        }
        found
    }

    fn by_service(&self, end: &End<'_>) -> Option<Workload> {
        let all = self.services.get(&end.address)?;
        let with_port = only(all.iter().filter_map(|at| Some((at, end.port.and_then(|port| at.service.port(port))?))));
        let (at, port) = match with_port {
            Some((at, port)) => (at, Some(port)),
            // A node's address may be a service's too; then only its ports are the service's.
            None if self.nodes.with(&end.address, |_| ()).is_some() => return None,
            None => (only(all.iter())?, None),
        };
        Some(self.service(&at.service, at.via, port))
    }

    fn service(&self, service: &Service, via: Via, port: Option<&ServicePort>) -> Workload {
        Workload {
            cluster: self.cluster.load_full(),
            namespace: service.reference.namespace.as_ref().map(|namespace| namespace.entity()),
            service: Some(service.reference.entity()),
            service_port: port.and_then(|port| port.name.clone()),
            via: Some(via),
            ..Workload::default()
        }
    }

    fn by_node(&self, end: &End<'_>) -> Option<Workload> {
        let node = self.nodes.with(&end.address, |nodes| only(nodes.iter()).cloned())??;
        let services = end.port.and_then(|port| self.node_ports.get(&port)).unwrap_or_default();
        let services = services.iter().filter(|service| service.has_family(end.address));
        let mut found = match only(services) {
            Some(service) => self.service(service, Via::NodePort, end.port.and_then(|port| service.node_port(port))),
            None => Workload { cluster: self.cluster.load_full(), ..Workload::default() },
        };
        found.node = Some(node.entity());
        Some(found)
    }

    fn by_point(&self, end: &End<'_>) -> Option<Workload> {
        let points = self.points.get(&end.address)?;
        let services: Vec<_> = points.iter().map(|point| Arc::clone(&point.ports)).collect();
        let service = end.port.and_then(|port| service_of(&services, port));
        let mut found = Workload { cluster: self.cluster.load_full(), ..Workload::default() };
        if let Some(pod) = pod_of(&points) {
            // Of pods that are watched it is known better where they are.
            let is_known = pod.entity.uid.as_ref().is_some_and(|uid| self.pods.with(uid, |_| ()).is_some());
            // A slice outlives its node by minutes: who has the node's address then is not known.
            let is_left = self.is_synced(Kind::Node) && pod.node.as_ref().is_some_and(|node| node.known().is_none());
            if is_known || is_left {
                return None;
            }
            found.pod = Some(Arc::clone(&pod.entity));
            found.namespace = Some(pod.namespace.entity());
            found.node = pod.node.as_ref().map(|node| node.entity());
        } else {
            if points.iter().any(|point| point.pod.is_some()) {
                return None;
            }
            let (service, _) = service?;
            found.namespace = service.namespace.as_ref().map(|namespace| namespace.entity());
            found.via = Some(Via::Endpoint);
        }
        if let Some((service, port)) = service {
            set_service(&mut found, service, port);
        }
        Some(found)
    }
}

fn set_service(workload: &mut Workload, service: &Reference, port: &SlicePort) {
    workload.service = Some(service.entity());
    workload.service_port.clone_from(&port.name);
}
