//! Pods of flowtrace on other nodes: those with whose spans this one's may be joined.

use crate::object::Pod;

/// The annotation by which a pod of flowtrace says how it is configured: a hash of its configuration.
pub const CONFIGURATION: &str = "flowtrace.io/configuration";

/// How a pod of flowtrace is configured, if it is one and ready. Only pods of a daemon set are believed.
pub(crate) fn configuration(pod: &Pod) -> Option<&str> {
    let is_ready =
        pod.status.conditions.iter().any(|condition| condition.r#type == "Ready" && condition.status == "True");
    let is_agent = pod.metadata.owner_references.iter().any(|owner| owner.kind == "DaemonSet" && owner.controller);
    let configuration = pod.metadata.annotations.get(CONFIGURATION).filter(|hash| (1..=128).contains(&hash.len()))?;
    (is_ready && is_agent && pod.metadata.deletion_timestamp.is_none()).then_some(configuration)
}
