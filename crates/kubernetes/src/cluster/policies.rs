//! Network policies, by namespace.

use std::sync::Arc;

use super::nodes::{join, leave};
use super::{Cluster, Listed};
use crate::Kind;
use crate::object::NetworkPolicy;
use crate::policy::Policy;

/// A policy.
#[derive(Debug)]
pub(super) struct Entry {
    namespace: Arc<str>,
    policy: Arc<Policy>,
}

impl Cluster {
    pub(super) fn apply_policy(&mut self, from: &NetworkPolicy) {
        if !self.options.has_policies {
            return;
        }
        self.delete_policy(&from.metadata.uid);
        let name = self.texts.get(&from.metadata.name);
        let namespace = self.texts.get(&from.metadata.namespace);
        let policy = Arc::new(Policy::new(name, Arc::clone(&namespace), &from.spec));
        join(&self.view.policies, Arc::clone(&namespace), Arc::clone(&policy));
        let list = self.lists[Kind::NetworkPolicy as usize];
        self.policies.insert(from.metadata.uid.as_str().into(), Listed { list, kept: Entry { namespace, policy } });
    }

    pub(super) fn delete_policy(&mut self, uid: &str) {
        let Some(entry) = self.policies.remove(uid) else { return };
        leave(&self.view.policies, entry.kept.namespace, |policy| Arc::ptr_eq(policy, &entry.kept.policy));
    }
}
