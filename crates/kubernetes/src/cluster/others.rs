//! Kinds of which only the metadata is used: namespaces, and what owns pods.

use std::sync::Arc;

use super::{Cluster, Listed};
use crate::Kind;
use crate::known::{Known, Reference};
use crate::object::Metadata;
use flowtrace_flow::workload::ClusterName;

/// An object with its metadata alone.
#[derive(Debug)]
pub(super) struct Entry {
    pub kind: Kind,
    reference: Arc<Reference>,
}

/// The namespace whose uid is the cluster's.
const CLUSTER: &str = "kube-system";

impl Cluster {
    pub(super) fn apply_other(&mut self, kind: Kind, metadata: &Metadata) {
        let reference = if kind == Kind::Namespace {
            self.references.namespace(&mut self.texts, &metadata.name)
        } else {
            self.references.owner(&mut self.texts, &metadata.name, &metadata.namespace, &metadata.uid)
        };
        let selectable = if kind == Kind::Namespace { self.selectable(metadata) } else { Default::default() };
        let known = Known { entity: Arc::new(self.entity(metadata)), selectable, owner: self.owner(metadata) };
        reference.set(Some(known));
        if kind == Kind::Namespace && metadata.name == CLUSTER {
            let name = self.options.cluster_name.as_deref().map(Arc::from);
            let uid = Some(metadata.uid.as_str().into());
            self.view.cluster.store(Some(Arc::new(ClusterName { name, uid })));
        }
        let list = self.lists[kind as usize];
        self.others.insert(metadata.uid.as_str().into(), Listed { list, kept: Entry { kind, reference } });
    }

    /// Owners are known by their uids, which no other gets: what refers to one that is gone still has its name. Of
    /// namespaces, another may have the name.
    pub(super) fn delete_other(&mut self, kind: Kind, uid: &str) {
        let Some(entry) = self.others.remove(uid) else { return };
        if kind == Kind::Namespace && entry.kept.reference.entity().uid.as_deref() == Some(uid) {
            entry.kept.reference.set(None);
        }
    }
}
