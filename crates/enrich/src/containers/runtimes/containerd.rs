//! containerd's own interface, for containers that Kubernetes does not know
//! (<https://github.com/containerd/containerd/tree/main/api/services>, `containers/v1`, `namespaces/v1`).

use std::collections::HashMap;
use std::path::Path;

use prost::Message;

use super::{Facts, grpc, image, name};

/// More namespaces are not searched: there are one or two.
const MAX_NAMESPACES: usize = 32;
/// Docker's containers, which have no name here: Docker itself knows more.
const OF_DOCKER: [&str; 2] = ["moby", "plugins.moby"];
/// Labels that are names: nerdctl's, and Kubernetes'.
const NAMES: [&str; 2] = ["nerdctl/name", "io.kubernetes.container.name"];

/// `ListNamespacesRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ListRequest {}

/// `ListNamespacesResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) namespaces: Vec<Namespace>,
}

/// `Namespace`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Namespace {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

/// `GetContainerRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GetRequest {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

/// `GetContainerResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GetResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) container: Option<Container>,
}

/// `Container`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(map = "string, string", tag = "2")]
    pub(super) labels: HashMap<String, String>,
    #[prost(string, tag = "3")]
    pub(super) image: String,
}

pub(super) const LIST: &str = "containerd.services.namespaces.v1.Namespaces/List";
pub(super) const GET: &str = "containerd.services.containers.v1.Containers/Get";
/// The header that says in which namespace.
pub(super) const NAMESPACE: &str = "containerd-namespace";

/// What containerd knows of a container.
pub async fn find(socket: &Path, id: &str) -> Option<Facts> {
    let list: ListResponse = grpc::call(socket, LIST, &[], &ListRequest {}).await.ok()?;
    let names = list.namespaces.iter().map(|namespace| namespace.name.as_str());
    for namespace in names.filter(|name| !OF_DOCKER.contains(name)).take(MAX_NAMESPACES) {
        let request = GetRequest { id: id.to_owned() };
        let response = grpc::call::<GetResponse>(socket, GET, &[(NAMESPACE, namespace)], &request).await;
        let container = response.ok().and_then(|response| response.container);
        if let Some(container) = container.filter(|container| container.id == id) {
            return Some(facts(&container));
        }
    }
    None
}

fn facts(container: &Container) -> Facts {
    let name = NAMES.iter().find_map(|label| name(container.labels.get(*label)?));
    Facts { runtime: None, name, image: image(&container.image) }
}
