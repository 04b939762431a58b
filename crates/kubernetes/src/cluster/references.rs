//! References between objects: one for all that refer to the same.

use std::sync::Arc;

use super::{Cluster, Table};
use crate::Kind;
use crate::intern::Texts;
use crate::known::{OwnerReference, Reference};
use crate::object::Metadata;
use flowtrace_flow::workload::{Entity, Pairs};

/// All references.
#[derive(Debug, Default)]
pub(super) struct References {
    nodes: Table<Arc<str>, Arc<Reference>>,
    namespaces: Table<Arc<str>, Arc<Reference>>,
    /// By `namespace/name`.
    services: Table<Arc<str>, Arc<Reference>>,
    /// By uid.
    owners: Table<Arc<str>, Arc<Reference>>,
    /// How many there were when those out of use were last thrown away.
    swept: usize,
}

impl References {
    pub fn node(&mut self, texts: &mut Texts, name: &str) -> Arc<Reference> {
        get(&mut self.nodes, name, || Reference::new(bare(texts.get(name), None, None), None))
    }

    pub fn namespace(&mut self, texts: &mut Texts, name: &str) -> Arc<Reference> {
        get(&mut self.namespaces, name, || Reference::new(bare(texts.get(name), None, None), None))
    }

    pub fn service(&mut self, texts: &mut Texts, namespace: &str, name: &str) -> Arc<Reference> {
        let within = self.namespace(texts, namespace);
        get(&mut self.services, &format!("{namespace}/{name}"), || {
            Reference::new(bare(texts.get(name), Some(texts.get(namespace)), None), Some(within))
        })
    }

    pub fn owner(&mut self, texts: &mut Texts, name: &str, namespace: &str, uid: &str) -> Arc<Reference> {
        get(&mut self.owners, uid, || {
            let namespace = (!namespace.is_empty()).then(|| texts.get(namespace));
            Reference::new(bare(texts.get(name), namespace, Some(uid.into())), None)
        })
    }

    /// Throws away those that nobody has, once there are twice as many as were left the last time.
    pub fn sweep(&mut self) {
        if self.len() <= 1_024 + 2 * self.swept {
            return;
        }
        for table in [&mut self.services, &mut self.owners, &mut self.nodes, &mut self.namespaces] {
            table.retain(|_, reference| Arc::strong_count(reference) > 1);
            table.shrink_to_fit();
        }
        self.swept = self.len();
    }

    fn len(&self) -> usize {
        self.nodes.len() + self.namespaces.len() + self.services.len() + self.owners.len()
    }
}

fn get(table: &mut Table<Arc<str>, Arc<Reference>>, key: &str, new: impl FnOnce() -> Reference) -> Arc<Reference> {
    if let Some(known) = table.get(key) {
        return Arc::clone(known);
    }
    let new = Arc::new(new());
    table.insert(key.into(), Arc::clone(&new));
    new
}

fn bare(name: Arc<str>, namespace: Option<Arc<str>>, uid: Option<Arc<str>>) -> Entity {
    Entity { name, namespace, uid, labels: Pairs::default(), annotations: Pairs::default() }
}

impl Cluster {
    /// What manages an object: the one of its owners that says so.
    pub(super) fn owner(&mut self, metadata: &Metadata) -> Option<OwnerReference> {
        let owner = metadata.owner_references.iter().find(|owner| owner.controller && !owner.uid.is_empty())?;
        let kind = Kind::of_owner(&owner.api_version, &owner.kind);
        // Owners are of the same namespace, or, as nodes, of none.
        let namespace = if kind == Some(Kind::Node) { "" } else { &metadata.namespace };
        Some(OwnerReference {
            kind,
            api_version: self.texts.get(&owner.api_version),
            kind_name: self.texts.get(&owner.kind),
            to: self.references.owner(&mut self.texts, &owner.name, namespace, &owner.uid),
        })
    }
}
