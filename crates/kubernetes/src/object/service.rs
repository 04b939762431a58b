//! Services.

use serde::Deserialize;

use super::Metadata;
use super::metadata::or_default;

/// A service.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Service {
    /// Its metadata.
    pub metadata: Metadata,
    /// What it is to be.
    #[serde(default, deserialize_with = "or_default")]
    pub spec: ServiceSpec,
    /// What it is.
    #[serde(default, deserialize_with = "or_default")]
    pub status: ServiceStatus,
}

/// `spec` of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// Its first address in the cluster, or `None` where it is headless.
    #[serde(rename = "clusterIP", deserialize_with = "or_default")]
    pub cluster_ip: String,
    /// Its addresses in the cluster, the first included.
    #[serde(rename = "clusterIPs", deserialize_with = "or_default")]
    pub cluster_ips: Vec<String>,
    /// Addresses from outside that nodes take traffic for.
    #[serde(rename = "externalIPs", deserialize_with = "or_default")]
    pub external_ips: Vec<String>,
    /// `IPv4`, `IPv6` or both.
    #[serde(deserialize_with = "or_default")]
    pub ip_families: Vec<String>,
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub service_type: String,
    /// Its ports.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<ServicePort>,
}

/// A port of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// Its name; may be empty where there is one port only.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The port at the service's addresses.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`; empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
    /// The port at every node's addresses; 0 where it has none.
    #[serde(deserialize_with = "or_default")]
    pub node_port: u16,
}

/// `status` of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// Its load balancer.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer: LoadBalancerStatus,
}

/// The load balancer of a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoadBalancerStatus {
    /// Where it takes traffic.
    #[serde(deserialize_with = "or_default")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// A place where a load balancer takes traffic.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoadBalancerIngress {
    /// Its address; empty where it is a host name.
    #[serde(deserialize_with = "or_default")]
    pub ip: String,
}
