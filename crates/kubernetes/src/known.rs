//! What objects refer to, and what is known of it. References are made before what they refer to has come.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::Kind;
use flowtrace_flow::workload::{Entity, Owner, Pairs};

/// Owners beyond this depth are not followed. Three are usual; a ring of owners would have no end.
pub const DEEPEST_OWNER: usize = 8;

/// A reference to an object.
#[derive(Debug)]
pub(crate) struct Reference {
    /// What the reference itself says.
    pub bare: Arc<Entity>,
    /// The namespace that it is in, for services.
    pub namespace: Option<Arc<Reference>>,
    /// What the object says, once it has come.
    known: ArcSwapOption<Known>,
}

/// What an object says that others refer to.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its name, uid, labels and annotations.
    pub entity: Arc<Entity>,
    /// All labels, where policies ask for them.
    pub selectable: Pairs,
    /// What owns it.
    pub owner: Option<OwnerReference>,
}

/// A reference to an owner.
#[derive(Clone, Debug)]
pub(crate) struct OwnerReference {
    pub kind: Option<Kind>,
    pub api_version: Arc<str>,
    pub kind_name: Arc<str>,
    pub to: Arc<Reference>,
}

impl Reference {
    /// A reference to an object of which nothing else has come yet.
    pub fn new(bare: Entity, namespace: Option<Arc<Self>>) -> Self {
        Self { bare: Arc::new(bare), namespace, known: ArcSwapOption::empty() }
    }

    /// What is known of the object.
    pub fn entity(&self) -> Arc<Entity> {
        self.known.load().as_ref().map_or_else(|| Arc::clone(&self.bare), |known| Arc::clone(&known.entity))
    }

    /// What the object says, if it has come.
    pub fn known(&self) -> Option<Arc<Known>> {
        self.known.load_full()
    }

    /// The object has come, or changed, or gone.
    pub fn set(&self, known: Option<Known>) {
        self.known.store(known.map(Arc::new));
    }
}

/// All owners, the nearest first.
pub(crate) fn owners(first: Option<&OwnerReference>) -> Vec<Owner> {
    let Some(first) = first else { return Vec::new() };
    let mut owners = Vec::with_capacity(2);
    let mut next = Some(first.clone());
    while let Some(reference) = next.take() {
        if owners.len() == DEEPEST_OWNER {
            break;
        }
        let known = reference.to.known.load();
        let entity = known.as_ref().map_or(&reference.to.bare, |known| &known.entity);
        next = known.as_ref().and_then(|known| known.owner.clone());
        let entity = Arc::clone(entity);
        let OwnerReference { kind, api_version, kind_name, .. } = &reference;
        owners.push(Owner {
            kind: kind.and_then(Kind::as_owner),
            api_version: Arc::clone(api_version),
            kind_name: Arc::clone(kind_name),
            entity,
        });
    }
    owners
}
