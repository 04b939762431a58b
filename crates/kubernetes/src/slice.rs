//! Endpoint slices as they are kept.

use std::net::IpAddr;
use std::sync::Arc;

use crate::known::Reference;
use crate::object;
use crate::protocol::{Port, Protocol};
use flowtrace_flow::workload::Entity;

/// The label that names the service of a slice.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The service of a slice and the ports of its endpoints.
#[derive(Debug)]
pub(crate) struct SlicePorts {
    pub service: Arc<Reference>,
    pub ports: Box<[SlicePort]>,
}

/// A port of a slice.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SlicePort {
    /// The name of the service's port; absent where it has none.
    pub name: Option<Arc<str>>,
    pub protocol: Protocol,
    /// The endpoint's port; absent means any.
    pub number: Option<u16>,
}

impl SlicePorts {
    /// The port of the service that leads to an endpoint's port.
    pub fn find(&self, port: Port) -> Option<&SlicePort> {
        let is_it = |known: &&SlicePort| known.protocol == port.protocol;
        self.ports.iter().filter(is_it).find(|known| known.number.is_none_or(|number| number == port.number))
    }
}

/// The only service that leads to a port, and the port of the slice. Of one service there may be several slices.
pub(crate) fn service_of(slices: &[Arc<SlicePorts>], port: Port) -> Option<(&Arc<Reference>, &SlicePort)> {
    let mut found: Option<(&Arc<Reference>, &SlicePort)> = None;
    for slice in slices {
        let Some(known) = slice.find(port) else { continue };
        match found {
            Some((service, _)) if !Arc::ptr_eq(service, &slice.service) => return None,
            _ => found = Some((&slice.service, known)),
        }
    }
    found
}

/// What is behind an address by a slice, where no pod is known that has it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub ports: Arc<SlicePorts>,
    /// The pod that the slice names.
    pub pod: Option<Arc<PointPod>>,
}

/// A pod as a slice names it.
#[derive(Debug)]
pub(crate) struct PointPod {
    pub entity: Arc<Entity>,
    pub namespace: Arc<Reference>,
    pub node: Option<Arc<Reference>>,
}

/// The pod behind an address, where all slices name the same.
pub(crate) fn pod_of(points: &[Point]) -> Option<&Arc<PointPod>> {
    let first = points.first()?.pod.as_ref()?;
    let is_same = |point: &Point| point.pod.as_ref().is_some_and(|pod| pod.entity.uid == first.entity.uid);
    points.iter().all(is_same).then_some(first)
}

/// The address of an endpoint.
pub(crate) fn address(endpoint: &object::Endpoint) -> Option<IpAddr> {
    endpoint.addresses.first()?.parse().ok()
}

/// The pod that an endpoint names.
pub(crate) fn target(endpoint: &object::Endpoint) -> Option<&object::TargetRef> {
    endpoint.target_ref.as_ref().filter(|target| target.kind == "Pod" && !target.uid.is_empty())
}
