//! Which network policies a flow meets.

use std::net::IpAddr;
use std::sync::Arc;

use super::View;
use crate::pod::Slot;
use crate::policy::{Depth, Flow, Side, Way};
use crate::protocol::Port;
use flowtrace_flow::workload::Workload;

/// A flow between two ends.
#[derive(Clone, Copy, Debug)]
pub struct Conversation<'a> {
    /// The address of its source, and what is known of that.
    pub source: (IpAddr, Option<&'a Workload>),
    /// The address of its destination, and what is known of that.
    pub destination: (IpAddr, Option<&'a Workload>),
    /// The destination's port; absent for protocols without.
    pub port: Option<Port>,
}

/// The names of the policies that a flow meets, sorted. They are in the namespace of the pod that they select.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Those about what comes in to the destination; absent where that is no pod, is on its node's network, or where the
    /// answer would need the labels of a pod that is not watched.
    pub ingress: Option<Vec<Arc<str>>>,
    /// Those about what goes out of the source; absent likewise.
    pub egress: Option<Vec<Arc<str>>>,
}

impl View {
    /// The policies that a flow meets. Empty unless [`Options::has_policies`](crate::Options::has_policies).
    pub fn policies(&self, flow: &Conversation<'_>, depth: Depth) -> Policies {
        let slots = [self.slot(flow.source.1), self.slot(flow.destination.1)];
        let [source_pod, destination_pod] = slots.each_ref().map(|slot| slot.as_ref().map(|slot| slot.now.load_full()));
        let networked = |pod: &Option<Arc<crate::pod::Pod>>| pod.as_ref().is_some_and(|pod| !pod.is_host_network);
        let side = |(address, workload): (IpAddr, Option<&Workload>), pod| Side {
            address,
            pod,
            is_inside: workload.is_some_and(|workload| workload.service.is_some()) || pod.is_some(),
        };
        let source = side(flow.source, source_pod.as_deref().filter(|_| networked(&source_pod)));
        let destination = side(flow.destination, destination_pod.as_deref().filter(|_| networked(&destination_pod)));
        let is_open = |(_, workload): (IpAddr, Option<&Workload>), slot: &Option<Arc<Slot>>| {
            depth != Depth::Selecting && slot.is_none() && workload.is_some_and(|workload| workload.pod.is_some())
        };
        let port = flow.port;
        let ingress = Flow { way: Way::Ingress, peer: &source, destination: &destination, port };
        let egress = Flow { way: Way::Egress, peer: &destination, destination: &destination, port };
        Policies {
            ingress: if is_open(flow.source, &slots[0]) { None } else { self.of(&destination, &ingress, depth) },
            egress: if is_open(flow.destination, &slots[1]) { None } else { self.of(&source, &egress, depth) },
        }
    }

    fn of(&self, selected: &Side<'_>, flow: &Flow<'_>, depth: Depth) -> Option<Vec<Arc<str>>> {
        let pod = selected.pod?;
        let policies = self.policies.get(&*pod.namespace.bare.name).unwrap_or_default();
        let found = policies.iter().filter(|policy| policy.applies(pod, flow, depth));
        let mut names: Vec<_> = found.map(|policy| Arc::clone(&policy.name)).collect();
        names.sort_unstable();
        Some(names)
    }

    fn slot(&self, workload: Option<&Workload>) -> Option<Arc<Slot>> {
        self.pods.get(&**workload?.pod.as_ref()?.uid.as_ref()?)
    }
}
