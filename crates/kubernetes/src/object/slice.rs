//! Endpoint slices: what is behind services.

use serde::Deserialize;

use super::Metadata;
use super::metadata::or_default;

/// A slice of a service's endpoints. At most 1,000 of them, the API says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Its metadata.
    pub metadata: Metadata,
    /// `IPv4`, `IPv6` or `FQDN`.
    #[serde(default, deserialize_with = "or_default")]
    pub address_type: String,
    /// Its endpoints.
    #[serde(default, deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
    /// The ports of each endpoint.
    #[serde(default, deserialize_with = "or_default")]
    pub ports: Vec<EndpointPort>,
}

/// An endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Its addresses. They all mean the same; of more than one all but the first are ignored, as the API says.
    #[serde(deserialize_with = "or_default")]
    pub addresses: Vec<String>,
    /// The state that it is in.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Conditions,
    /// What is there; absent where a hand wrote the slice.
    pub target_ref: Option<TargetRef>,
    /// The node where it is.
    #[serde(deserialize_with = "or_default")]
    pub node_name: String,
}

/// The state of an endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Whether it answers; unknown means yes.
    pub ready: Option<bool>,
    /// Whether it is going.
    pub terminating: Option<bool>,
}

/// What is at an endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    /// Its kind: `Pod`.
    #[serde(deserialize_with = "or_default")]
    pub kind: String,
    /// Its namespace.
    #[serde(deserialize_with = "or_default")]
    pub namespace: String,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its uid.
    #[serde(deserialize_with = "or_default")]
    pub uid: String,
}

/// A port of the endpoints of a slice.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointPort {
    /// The name of the service's port.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`; empty means TCP.
    #[serde(deserialize_with = "or_default")]
    pub protocol: String,
    /// The port at the endpoint; absent means all.
    pub port: Option<u16>,
}
