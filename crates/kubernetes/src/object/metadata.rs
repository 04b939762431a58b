//! What all objects have.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// `metadata` of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Its name, unique among those of its kind and namespace.
    pub name: String,
    /// Its namespace; empty for kinds that have none.
    #[serde(deserialize_with = "or_default")]
    pub namespace: String,
    /// What tells it from others that had its name.
    #[serde(deserialize_with = "or_default")]
    pub uid: String,
    /// Its version, as the server gave it.
    #[serde(deserialize_with = "or_default")]
    pub resource_version: String,
    /// When it was made: RFC 3339, seconds.
    pub creation_timestamp: Option<String>,
    /// When it was told to go: RFC 3339, seconds.
    pub deletion_timestamp: Option<String>,
    /// Its labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    #[serde(deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
    /// What owns it.
    #[serde(deserialize_with = "or_default")]
    pub owner_references: Vec<OwnerReference>,
}

/// What owns an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// Group and version of its kind.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Whether it is the one that manages the object; at most one is.
    #[serde(deserialize_with = "or_default")]
    pub controller: bool,
}

/// A value, or its default where the field is `null`: Go writes that for empty lists and maps.
pub(super) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
