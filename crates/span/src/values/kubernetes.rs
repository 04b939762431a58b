//! What Kubernetes says of an end. Source and destination have the same attributes in the same order: each has one line
//! here, for both.

use flowtrace_flow::workload::{Entity, Owner, OwnerKind, Pairs, Workload};
use flowtrace_flow::{Record, Who};

use super::{Visit, text};
use crate::selection::Available;
use crate::{Attribute, Value};

/// The ends, as places in [`FIRST`] and [`PREFIXES`].
const SOURCE: usize = 0;
const DESTINATION: usize = 1;
/// The first attribute of each end: all that follow are Kubernetes', too.
const FIRST: [Attribute; 2] = [Attribute::SourceK8sClusterName, Attribute::DestinationK8sClusterName];
/// What stands before the names of each end.
const PREFIXES: [&str; 2] = ["source.k8s.", "destination.k8s."];

/// Makes [`visit_end`] and [`VALUES`] of a line for each attribute.
macro_rules! attributes {
    ($workload:ident; $($name:literal => $value:expr;)+) => {
        /// The names without what stands before them, in the order of [`Attribute::ALL`].
        const NAMES: [&str; [$($name),+].len()] = [$($name),+];

        /// The values, in the same order.
        static VALUES: [fn(&Workload) -> Option<Value<'_>>; NAMES.len()] = [$(|$workload| $value),+];

        /// Shows every attribute of the end that is known and selected.
        #[inline(never)]
        fn visit_end<const END: usize>(workload: &Workload, available: &Available, visit: &mut impl Visit) {
            $(
                if available.has(const { attribute(END, $name) })
                    && let Some(value) = of(workload, |$workload| $value)
                {
                    visit.visit(const { attribute(END, $name) }, value);
                }
            )+
        }
    };
}

attributes! { of;
    "cluster.name" => text(of.cluster.as_ref()?.name.as_deref()?);
    "cluster.uid" => text(of.cluster.as_ref()?.uid.as_deref()?);
    "node.name" => name(of.node.as_deref());
    "node.uid" => uid(of.node.as_deref());
    "node.annotations" => annotations(of.node.as_deref());
    "node.labels" => labels(of.node.as_deref());
    "namespace.name" => name(of.namespace.as_deref());
    "namespace.labels" => labels(of.namespace.as_deref());
    "pod.name" => name(of.pod.as_deref());
    "pod.uid" => uid(of.pod.as_deref());
    "pod.annotations" => annotations(of.pod.as_deref());
    "pod.labels" => labels(of.pod.as_deref());
    "container.name" => text(&of.container.as_ref()?.name);
    "deployment.name" => name(owner(of, OwnerKind::Deployment));
    "deployment.uid" => uid(owner(of, OwnerKind::Deployment));
    "deployment.annotations" => annotations(owner(of, OwnerKind::Deployment));
    "deployment.labels" => labels(owner(of, OwnerKind::Deployment));
    "replicaset.name" => name(owner(of, OwnerKind::ReplicaSet));
    "replicaset.uid" => uid(owner(of, OwnerKind::ReplicaSet));
    "replicaset.annotations" => annotations(owner(of, OwnerKind::ReplicaSet));
    "replicaset.labels" => labels(owner(of, OwnerKind::ReplicaSet));
    "statefulset.name" => name(owner(of, OwnerKind::StatefulSet));
    "statefulset.uid" => uid(owner(of, OwnerKind::StatefulSet));
    "statefulset.annotations" => annotations(owner(of, OwnerKind::StatefulSet));
    "statefulset.labels" => labels(owner(of, OwnerKind::StatefulSet));
    "daemonset.name" => name(owner(of, OwnerKind::DaemonSet));
    "daemonset.uid" => uid(owner(of, OwnerKind::DaemonSet));
    "daemonset.annotations" => annotations(owner(of, OwnerKind::DaemonSet));
    "daemonset.labels" => labels(owner(of, OwnerKind::DaemonSet));
    "job.name" => name(owner(of, OwnerKind::Job));
    "job.uid" => uid(owner(of, OwnerKind::Job));
    "job.annotations" => annotations(owner(of, OwnerKind::Job));
    "job.labels" => labels(owner(of, OwnerKind::Job));
    "cronjob.name" => name(owner(of, OwnerKind::CronJob));
    "cronjob.uid" => uid(owner(of, OwnerKind::CronJob));
    "cronjob.annotations" => annotations(owner(of, OwnerKind::CronJob));
    "cronjob.labels" => labels(owner(of, OwnerKind::CronJob));
    "owner.kind" => text(&other_owner(of)?.kind_name);
    "owner.name" => text(&other_owner(of)?.entity.name);
    "service.name" => name(of.service.as_deref());
    "service.uid" => uid(of.service.as_deref());
    "service.annotations" => annotations(of.service.as_deref());
    "service.labels" => labels(of.service.as_deref());
}

const _: () = assert!(are_lines_of_the_registry(), "not the attributes of Kubernetes in the order of Attribute::ALL");

/// Shows what Kubernetes says of both ends; ends of which it says nothing cost a branch.
#[inline]
pub fn visit(who: &Who, available: &Available, visit: &mut impl Visit) {
    if let Some(workload) = &who.source.workload {
        visit_end::<SOURCE>(workload, available, visit);
    }
    if let Some(workload) = &who.destination.workload {
        visit_end::<DESTINATION>(workload, available, visit);
    }
}

/// The value of an attribute of Kubernetes; `None` where it is not known, or the attribute is another.
pub fn value_of(record: &Record, attribute: Attribute) -> Option<Value<'_>> {
    let who = record.who.as_ref()?;
    let (party, first) = if attribute < FIRST[DESTINATION] {
        (&who.source, FIRST[SOURCE])
    } else {
        (&who.destination, FIRST[DESTINATION])
    };
    let row = (attribute as usize).checked_sub(first as usize)?;
    VALUES.get(row)?(party.workload.as_deref()?)
}

/// Whether the attribute is one of Kubernetes'.
pub const fn has(attribute: Attribute) -> bool {
    attribute as usize >= FIRST[SOURCE] as usize
}

/// The value that a line gives.
#[inline(always)]
fn of<'a>(workload: &'a Workload, value: impl FnOnce(&'a Workload) -> Option<Value<'a>>) -> Option<Value<'a>> {
    value(workload)
}

fn name(entity: Option<&Entity>) -> Option<Value<'_>> {
    text(&entity?.name)
}

fn uid(entity: Option<&Entity>) -> Option<Value<'_>> {
    text(entity?.uid.as_deref()?)
}

fn annotations(entity: Option<&Entity>) -> Option<Value<'_>> {
    pairs(&entity?.annotations)
}

fn labels(entity: Option<&Entity>) -> Option<Value<'_>> {
    pairs(&entity?.labels)
}

fn pairs(pairs: &Pairs) -> Option<Value<'_>> {
    (!pairs.is_empty()).then_some(Value::Pairs(pairs))
}

fn owner(workload: &Workload, kind: OwnerKind) -> Option<&Entity> {
    workload.owner(kind).map(|entity| &**entity)
}

/// What owns the pod in the end, where it is of a kind that has no attributes of its own.
fn other_owner(workload: &Workload) -> Option<&Owner> {
    workload.owners.last().filter(|owner| owner.kind.is_none())
}

/// The attribute of this end that has this name.
const fn attribute(end: usize, name: &str) -> Attribute {
    let mut row = 0;
    while !is(NAMES[row], "", name) {
        row += 1;
    }
    Attribute::ALL[FIRST[end] as usize + row]
}

/// Whether the lines of both ends are all attributes from the first one of Kubernetes on.
const fn are_lines_of_the_registry() -> bool {
    let mut at = 0;
    while at < 2 * NAMES.len() {
        let (end, row) = (at / NAMES.len(), at % NAMES.len());
        let definition = Attribute::ALL[FIRST[SOURCE] as usize + at].definition();
        if !definition.written || !is(definition.name, PREFIXES[end], NAMES[row]) {
            return false;
        }
        at += 1;
    }
    FIRST[SOURCE] as usize + at == Attribute::COUNT
}

/// Whether the text is these two, one after the other; as constants are compared.
const fn is(text: &str, first: &str, second: &str) -> bool {
    let (text, first, second) = (text.as_bytes(), first.as_bytes(), second.as_bytes());
    if text.len() != first.len() + second.len() {
        return false;
    }
    let mut at = 0;
    while at < text.len() {
        let expected = if at < first.len() { first[at] } else { second[at - first.len()] };
        if text[at] != expected {
            return false;
        }
        at += 1;
    }
    true
}
