//! Pods.

use serde::Deserialize;

use super::Metadata;
use super::metadata::or_default;

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Pod {
    /// Its metadata.
    pub metadata: Metadata,
    /// What it is to be.
    #[serde(default, deserialize_with = "or_default")]
    pub spec: PodSpec,
    /// What it is.
    #[serde(default, deserialize_with = "or_default")]
    pub status: PodStatus,
}

/// `spec` of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// The node that it is bound to; empty before.
    #[serde(deserialize_with = "or_default")]
    pub node_name: String,
    /// Whether it uses its node's network.
    #[serde(deserialize_with = "or_default")]
    pub host_network: bool,
    /// Its containers.
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<Container>,
    /// Those that run before; with `restartPolicy: Always` also beside them.
    #[serde(deserialize_with = "or_default")]
    pub init_containers: Vec<Container>,
}

/// A container in a pod's `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    #[serde(deserialize_with = "or_default")]
    pub image: String,
    /// Its own restart policy; init containers with `Always` stay.
    #[serde(deserialize_with = "or_default")]
    pub restart_policy: String,
    /// The ports that it declares.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<ContainerPort>,
}

/// A port that a container declares.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerPort {
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// The port in the pod.
    pub container_port: u16,
    /// `TCP`, `UDP` or `SCTP`; empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
}

/// `status` of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    #[serde(deserialize_with = "or_default")]
    pub phase: String,
    /// Its first address.
    #[serde(rename = "podIP", deserialize_with = "or_default")]
    pub pod_ip: String,
    /// Its addresses, the first included.
    #[serde(rename = "podIPs", deserialize_with = "or_default")]
    pub pod_ips: Vec<PodIp>,
    /// What holds of it.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<PodCondition>,
    /// When its kubelet took it on: RFC 3339, seconds.
    pub start_time: Option<String>,
    /// What its containers are.
    #[serde(deserialize_with = "or_default")]
    pub container_statuses: Vec<ContainerStatus>,
    /// What its init containers are.
    #[serde(deserialize_with = "or_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
    /// What its ephemeral containers are.
    #[serde(deserialize_with = "or_default")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// What holds of a pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodCondition {
    /// What it is about: `Ready`.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

/// One of a pod's addresses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodIp {
    /// The address as text.
    pub ip: String,
}

/// What a container is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContainerStatus {
    /// Its name in the pod's `spec`.
    pub name: String,
    /// The image that runs.
    #[serde(deserialize_with = "or_default")]
    pub image: String,
    /// The runtime and its id there, as `containerd://…`; empty before.
    #[serde(rename = "containerID", deserialize_with = "or_default")]
    pub container_id: String,
}
