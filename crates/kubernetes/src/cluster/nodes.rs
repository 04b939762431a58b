//! Nodes and their addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::{Cluster, Listed};
use crate::known::{Known, Reference};
use crate::object::Node;
use crate::shards::Shards;

/// A node.
#[derive(Debug)]
pub(super) struct Entry {
    reference: Arc<Reference>,
    addresses: BTreeSet<IpAddr>,
}

impl Cluster {
    pub(super) fn apply_node(&mut self, node: &Node) {
        let metadata = &node.metadata;
        let reference = self.references.node(&mut self.texts, &metadata.name);
        let known = Known { entity: Arc::new(self.entity(metadata)), selectable: Default::default(), owner: None };
        reference.set(Some(known));
        let own = node.status.addresses.iter();
        let own = own.filter(|own| matches!(own.address_type.as_str(), "InternalIP" | "ExternalIP"));
        let addresses: BTreeSet<IpAddr> = own.filter_map(|own| own.address.parse().ok()).collect();
        let list = self.lists[crate::Kind::Node as usize];
        let entry = Listed { list, kept: Entry { reference: Arc::clone(&reference), addresses: addresses.clone() } };
        let before = self.nodes.insert(metadata.uid.as_str().into(), entry);
        let before = before.map(|entry| entry.kept.addresses).unwrap_or_default();
        for address in before.difference(&addresses) {
            leave(&self.view.nodes, *address, |known| Arc::ptr_eq(known, &reference));
        }
        for address in addresses.difference(&before) {
            join(&self.view.nodes, *address, Arc::clone(&reference));
        }
    }

    /// What refers to a node that is gone still has its name.
    pub(super) fn delete_node(&mut self, uid: &str) {
        let Some(Listed { kept: Entry { reference, addresses }, .. }) = self.nodes.remove(uid) else { return };
        for address in addresses {
            // Of a node with the same name that came in between, the reference is there twice: one of them goes.
            let mut is_first = true;
            leave(&self.view.nodes, address, |known| {
                Arc::ptr_eq(known, &reference) && std::mem::replace(&mut is_first, false)
            });
        }
        if reference.entity().uid.as_deref() == Some(uid) {
            reference.set(None);
        }
    }
}

/// Adds a value to those of a key.
pub(super) fn join<K, V>(shards: &Shards<K, Arc<[V]>>, key: K, value: V)
where
    K: Clone + Eq + std::hash::Hash,
    V: Clone,
{
    let before = shards.get(&key).unwrap_or_default();
    shards.insert(key, before.iter().cloned().chain([value]).collect());
}

/// Takes values from those of a key.
pub(super) fn leave<K, V>(shards: &Shards<K, Arc<[V]>>, key: K, mut goes: impl FnMut(&V) -> bool)
where
    K: Clone + Eq + std::hash::Hash,
    V: Clone,
{
    let Some(before) = shards.get(&key) else { return };
    let after: Arc<[V]> = before.iter().filter(|value| !goes(value)).cloned().collect();
    if after.is_empty() { shards.remove(&key) } else { shards.insert(key, after) }
}
