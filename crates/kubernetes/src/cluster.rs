//! What is known of the cluster, where it comes in. One owner writes; everybody may read the [`View`].

mod gone;
mod nodes;
mod others;
mod pods;
mod policies;
mod references;
mod services;
mod slices;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::quality::RandomState;

use crate::intern::Texts;
use crate::object::{Metadata, Object};
use crate::options::Options;
use crate::time::Time;
use crate::{Kind, View};
use flowtrace_flow::workload::{Entity, Pairs};

use gone::Gone;
use references::References;

/// A table whose keys strangers choose.
type Table<K, V> = HashMap<K, V, RandomState>;

/// What is known of the cluster.
///
/// Objects come in with [`apply`](Self::apply) and go with [`delete`](Self::delete); all of a kind come between
/// [`begin_list`](Self::begin_list) and [`end_list`](Self::end_list), page by page. Times are nanoseconds since the Unix
/// epoch, when the event came; they never run backwards.
#[derive(Debug)]
pub struct Cluster {
    options: Options,
    view: Arc<View>,
    texts: Texts,
    references: References,
    /// Which list of its kind an object was last seen in.
    lists: [u32; Kind::ALL.len()],
    pods: pods::Pods,
    services: Table<Arc<str>, Listed<services::Entry>>,
    slices: slices::Slices,
    nodes: Table<Arc<str>, Listed<nodes::Entry>>,
    others: Table<Arc<str>, Listed<others::Entry>>,
    policies: Table<Arc<str>, Listed<policies::Entry>>,
    gone: Gone,
}

/// What is kept of an object, and the list in which it was last seen.
#[derive(Debug)]
struct Listed<T> {
    list: u32,
    kept: T,
}

impl Cluster {
    /// One of which nothing is known.
    pub fn new(options: Options) -> Self {
        let view = Arc::new(View::new(options.cluster_name.as_deref()));
        Self {
            options,
            view,
            texts: Texts::default(),
            references: References::default(),
            lists: [0; Kind::ALL.len()],
            pods: pods::Pods::default(),
            services: Table::default(),
            slices: slices::Slices::default(),
            nodes: Table::default(),
            others: Table::default(),
            policies: Table::default(),
            gone: Gone::default(),
        }
    }

    /// For those who ask.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    /// An object came, or changed. Objects without a uid are passed over: the server gives one to each.
    pub fn apply(&mut self, kind: Kind, object: &Object, at: Time) {
        let metadata = object.metadata();
        if metadata.uid.is_empty() {
            return;
        }
        match object {
            Object::Pod(pod) => self.apply_pod(pod, at),
            Object::Service(service) => self.apply_service(service),
            Object::EndpointSlice(slice) => self.apply_slice(slice),
            Object::Node(node) => self.apply_node(node),
            Object::NetworkPolicy(policy) => self.apply_policy(policy),
            Object::Metadata(metadata) => self.apply_other(kind, metadata),
        }
    }

    /// An object went.
    pub fn delete(&mut self, kind: Kind, metadata: &Metadata, at: Time) {
        self.delete_uid(kind, &metadata.uid, at);
    }

    /// All objects of a kind follow, each by [`apply`](Self::apply).
    pub fn begin_list(&mut self, kind: Kind) {
        self.lists[kind as usize] = self.lists[kind as usize].wrapping_add(1);
    }

    /// All objects of a kind have come since [`begin_list`](Self::begin_list): those that have not are gone, and the kind
    /// is synced.
    pub fn end_list(&mut self, kind: Kind, at: Time) {
        for uid in self.unlisted(kind) {
            self.delete_uid(kind, &uid, at);
        }
        self.view.synced.fetch_or(1 << kind as u16, Ordering::Release);
    }

    /// Replaces all objects of a kind.
    pub fn replace<'a>(&mut self, kind: Kind, objects: impl IntoIterator<Item = &'a Object>, at: Time) {
        self.begin_list(kind);
        for object in objects {
            self.apply(kind, object, at);
        }
        self.end_list(kind, at);
    }

    /// Forgets what went longer ago than [`Options::retention`]. To be called every few seconds.
    pub fn expire(&mut self, now: Time) {
        self.forget_gone(now);
        self.references.sweep();
        self.texts.sweep();
    }

    fn delete_uid(&mut self, kind: Kind, uid: &str, at: Time) {
        match kind {
            Kind::Pod => self.delete_pod(uid, at),
            Kind::Service => self.delete_service(uid),
            Kind::EndpointSlice => self.delete_slice(uid),
            Kind::Node => self.delete_node(uid),
            Kind::NetworkPolicy => self.delete_policy(uid),
            _ => self.delete_other(kind, uid),
        }
    }

    /// The objects of a kind that the last list did not have.
    fn unlisted(&self, kind: Kind) -> Vec<Arc<str>> {
        fn of<T>(table: &Table<Arc<str>, Listed<T>>, list: u32) -> Vec<Arc<str>> {
            table.iter().filter(|(_, entry)| entry.list != list).map(|(uid, _)| Arc::clone(uid)).collect()
        }
        let list = self.lists[kind as usize];
        match kind {
            Kind::Pod => of(&self.pods.by_uid, list),
            Kind::Service => of(&self.services, list),
            Kind::EndpointSlice => of(&self.slices.by_uid, list),
            Kind::Node => of(&self.nodes, list),
            Kind::NetworkPolicy => of(&self.policies, list),
            _ => {
                let others = self.others.iter().filter(|(_, entry)| entry.kept.kind == kind && entry.list != list);
                others.map(|(uid, _)| Arc::clone(uid)).collect()
            }
        }
    }

    /// What answers say of an object.
    fn entity(&mut self, metadata: &Metadata) -> Entity {
        Entity {
            name: self.texts.get(&metadata.name),
            namespace: (!metadata.namespace.is_empty()).then(|| self.texts.get(&metadata.namespace)),
            uid: Some(metadata.uid.as_str().into()),
            labels: self.texts.pairs(&metadata.labels, &self.options.labels),
            annotations: self.texts.pairs(&metadata.annotations, &self.options.annotations),
        }
    }

    /// All labels of an object, if policies are asked for.
    fn selectable(&mut self, metadata: &Metadata) -> Pairs {
        if !self.options.has_policies {
            return Pairs::default();
        }
        metadata.labels.iter().map(|(key, value)| (self.texts.get(key), self.texts.get(value))).collect()
    }
}
