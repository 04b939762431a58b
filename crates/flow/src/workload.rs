//! What an end of a flow is in Kubernetes. Plain values; none of them changes after it was given.

use std::sync::Arc;

/// Labels or annotations, sorted by key.
pub type Pairs = Arc<[(Arc<str>, Arc<str>)]>;

/// What is known of one end of a flow. What is not known, or could be one of several, is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// The cluster.
    pub cluster: Option<Arc<ClusterName>>,
    /// The node: that of the pod, or the end itself.
    pub node: Option<Arc<Entity>>,
    /// The namespace of the pod or service.
    pub namespace: Option<Arc<Entity>>,
    /// The pod.
    pub pod: Option<Arc<Entity>>,
    /// The pod's container.
    pub container: Option<Arc<Container>>,
    /// What owns the pod: the nearest first.
    pub owners: Vec<Owner>,
    /// The service: that whose address the end has, or the only one that leads to the pod's port.
    pub service: Option<Arc<Entity>>,
    /// The name of the service's port, if the end's port is one that has a name.
    pub service_port: Option<Arc<str>>,
    /// How the end is the service's, if it is by an address of the service.
    pub via: Option<Via>,
}

impl Workload {
    /// The owner of a kind: for `*.k8s.deployment.*` and the like.
    pub fn owner(&self, kind: OwnerKind) -> Option<&Arc<Entity>> {
        self.owners.iter().find(|owner| owner.kind == Some(kind)).map(|owner| &owner.entity)
    }
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterName {
    /// Its name, as configured.
    pub name: Option<Arc<str>>,
    /// The uid of its namespace `kube-system`.
    pub uid: Option<Arc<str>>,
}

/// An object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its name.
    pub name: Arc<str>,
    /// Its namespace; absent for kinds that have none.
    pub namespace: Option<Arc<str>>,
    /// Its uid; absent while only its name is known.
    pub uid: Option<Arc<str>>,
    /// Those of its labels that are wanted.
    pub labels: Pairs,
    /// Those of its annotations that are wanted.
    pub annotations: Pairs,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name in the pod's `spec`.
    pub name: Arc<str>,
    /// Its image in the pod's `spec`.
    pub image: Arc<str>,
}

/// What owns a pod, or owns what owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind, if it is one of those that attributes are about.
    pub kind: Option<OwnerKind>,
    /// Group and version of its kind.
    pub api_version: Arc<str>,
    /// The name of its kind.
    pub kind_name: Arc<str>,
    /// What it is.
    pub entity: Arc<Entity>,
}

/// Kinds that own pods, or own what owns them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// Replica sets.
    ReplicaSet,
    /// Deployments.
    Deployment,
    /// Stateful sets.
    StatefulSet,
    /// Daemon sets.
    DaemonSet,
    /// Jobs.
    Job,
    /// Cron jobs.
    CronJob,
}

/// How an end is a service's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// By its address in the cluster.
    ClusterIp,
    /// By one of its external addresses.
    ExternalIp,
    /// By its load balancer's address.
    LoadBalancer,
    /// By its port at a node's address.
    NodePort,
    /// As an endpoint that is no pod.
    Endpoint,
}
