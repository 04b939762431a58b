//! Objects of the API, as far as they are used. Whatever else they hold is skipped while they are read.

mod metadata;
mod node;
mod pod;
mod policy;
mod service;
mod slice;

pub use metadata::{Metadata, OwnerReference};
pub use node::{Node, NodeAddress, NodeStatus};
pub use pod::{Container, ContainerPort, ContainerStatus, Pod, PodIp, PodSpec, PodStatus};
pub use policy::{
    IpBlock, LabelSelector, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, NetworkPolicySpec,
    Port, Requirement,
};
pub use service::{LoadBalancerIngress, LoadBalancerStatus, Service, ServicePort, ServiceSpec, ServiceStatus};
pub use slice::{Conditions, Endpoint, EndpointPort, EndpointSlice, TargetRef};

use serde::Deserialize;

use crate::Kind;

/// An object.
#[derive(Clone, Debug)]
pub enum Object {
    /// A pod.
    Pod(Box<Pod>),
    /// A service.
    Service(Box<Service>),
    /// A slice of endpoints.
    EndpointSlice(Box<EndpointSlice>),
    /// A node.
    Node(Box<Node>),
    /// A network policy.
    NetworkPolicy(Box<NetworkPolicy>),
    /// An object of a kind of which only the metadata is used: see [`Kind::is_metadata_only`].
    Metadata(Box<Metadata>),
}

/// An object with nothing but metadata: `PartialObjectMetadata`, and whatever else has that field.
#[derive(Deserialize)]
struct Partial {
    metadata: Metadata,
}

impl Object {
    /// Reads one from JSON: an item of a list, or the object of a watch event.
    ///
    /// # Errors
    /// It is no JSON, or a field that is used has another type than the API says, or metadata are missing.
    pub fn parse(kind: Kind, json: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Pod => Self::Pod(serde_json::from_str(json)?),
            Kind::Service => Self::Service(serde_json::from_str(json)?),
            Kind::EndpointSlice => Self::EndpointSlice(serde_json::from_str(json)?),
            Kind::Node => Self::Node(serde_json::from_str(json)?),
            Kind::NetworkPolicy => Self::NetworkPolicy(serde_json::from_str(json)?),
            _ => Self::Metadata(Box::new(serde_json::from_str::<Partial>(json)?.metadata)),
        })
    }

    /// Its metadata.
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::Pod(pod) => &pod.metadata,
            Self::Service(service) => &service.metadata,
            Self::EndpointSlice(slice) => &slice.metadata,
            Self::Node(node) => &node.metadata,
            Self::NetworkPolicy(policy) => &policy.metadata,
            Self::Metadata(metadata) => metadata,
        }
    }
}
