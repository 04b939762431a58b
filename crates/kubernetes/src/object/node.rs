//! Nodes.

use serde::Deserialize;

use super::Metadata;
use super::metadata::or_default;

/// A node.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Node {
    /// Its metadata.
    pub metadata: Metadata,
    /// What it is.
    #[serde(default, deserialize_with = "or_default")]
    pub status: NodeStatus,
}

/// `status` of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// Where it can be reached.
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<NodeAddress>,
}

/// Where a node can be reached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// `InternalIP`, `ExternalIP`, or one of the names.
    #[serde(rename = "type")]
    pub address_type: String,
    /// The address as text, or a name.
    pub address: String,
}
