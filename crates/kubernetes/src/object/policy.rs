//! Network policies.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Metadata;
use super::metadata::or_default;

/// A network policy.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct NetworkPolicy {
    /// Its metadata.
    pub metadata: Metadata,
    /// What it says.
    #[serde(default, deserialize_with = "or_default")]
    pub spec: NetworkPolicySpec,
}

/// `spec` of a network policy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPolicySpec {
    /// The pods of its namespace that it is about.
    #[serde(deserialize_with = "or_default")]
    pub pod_selector: LabelSelector,
    /// What may come in.
    #[serde(deserialize_with = "or_default")]
    pub ingress: Vec<NetworkPolicyRule>,
    /// What may go out.
    #[serde(deserialize_with = "or_default")]
    pub egress: Vec<NetworkPolicyRule>,
    /// `Ingress`, `Egress`. Absent: ingress, and egress where there are rules for it.
    pub policy_types: Option<Vec<String>>,
}

/// A rule, for either direction.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NetworkPolicyRule {
    /// For which ports; none means all.
    #[serde(deserialize_with = "or_default")]
    pub ports: Vec<NetworkPolicyPort>,
    /// For which peers; none means all.
    #[serde(alias = "from", alias = "to", deserialize_with = "or_default")]
    pub peers: Vec<NetworkPolicyPeer>,
}

/// Ports of a rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPolicyPort {
    /// `TCP`, `UDP` or `SCTP`; empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
    /// The port; absent means all.
    pub port: Option<Port>,
    /// The last port of a range that begins with `port`.
    pub end_port: Option<u16>,
}

/// A port by number or by the name that the destination's pod gives it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Port {
    /// By number.
    Number(u16),
    /// By name.
    Name(String),
}

/// Peers of a rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPolicyPeer {
    /// Pods: of the selected namespaces, or without these of the policy's own.
    pub pod_selector: Option<LabelSelector>,
    /// Namespaces.
    pub namespace_selector: Option<LabelSelector>,
    /// Addresses.
    pub ip_block: Option<IpBlock>,
}

/// Addresses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct IpBlock {
    /// The block as text.
    pub cidr: String,
    /// What of it is not meant.
    #[serde(deserialize_with = "or_default")]
    pub except: Vec<String>,
}

/// Chooses by labels; empty chooses all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels that must be there.
    #[serde(deserialize_with = "or_default")]
    pub match_labels: BTreeMap<String, String>,
    /// What else must hold.
    #[serde(deserialize_with = "or_default")]
    pub match_expressions: Vec<Requirement>,
}

/// What must hold for one label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// Its key.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// The values that the first two speak of.
    #[serde(deserialize_with = "or_default")]
    pub values: Vec<String>,
}
