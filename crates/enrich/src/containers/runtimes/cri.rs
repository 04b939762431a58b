//! Kubernetes' interface of container runtimes
//! (<https://github.com/kubernetes/cri-api/blob/master/pkg/apis/runtime/v1/api.proto>). The messages have the fields
//! that are needed; their numbers are the same in `v1alpha2`, which runtimes had before `v1`.

use std::path::Path;

use prost::Message;

use super::{Facts, grpc, image, name};

/// `ContainerStatusRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StatusRequest {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
}

/// `ContainerStatusResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<Status>,
}

/// `ContainerStatus`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, optional, tag = "2")]
    pub(super) metadata: Option<Metadata>,
    #[prost(message, optional, tag = "8")]
    pub(super) image: Option<ImageSpec>,
}

/// `ContainerMetadata`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

/// `ImageSpec`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ImageSpec {
    #[prost(string, tag = "1")]
    pub(super) image: String,
    /// The image's name in the pod's specification, where the runtime tells it.
    #[prost(string, tag = "18")]
    pub(super) user_specified_image: String,
}

/// Newer first.
pub(super) const METHODS: [&str; 2] =
    ["runtime.v1.RuntimeService/ContainerStatus", "runtime.v1alpha2.RuntimeService/ContainerStatus"];

/// What a runtime knows of a container of Kubernetes.
pub async fn find(socket: &Path, id: &str) -> Option<Facts> {
    let request = StatusRequest { container_id: id.to_owned() };
    for method in METHODS {
        match grpc::call::<StatusResponse>(socket, method, &[], &request).await {
            Ok(response) => return response.status.filter(|status| status.id == id).map(|status| facts(&status)),
            Err(grpc::Failure::Unimplemented) => {}
            Err(grpc::Failure::Other) => return None,
        }
    }
    None
}

fn facts(status: &Status) -> Facts {
    let spec = status.image.as_ref();
    let by_spec = spec.and_then(|spec| image(&spec.image).or_else(|| image(&spec.user_specified_image)));
    let name = status.metadata.as_ref().and_then(|metadata| name(&metadata.name));
    Facts { runtime: None, name, image: by_spec }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let rows = [
            ("web", "docker.io/library/nginx:1.21", "", Some("docker.io/library/nginx:1.21")),
            ("web", "sha256:0123", "nginx:1.21", Some("nginx:1.21")),
            ("web", "sha256:0123", "", None),
            ("", "", "", None),
        ];
        for (name, image, specified, expected) in rows {
            let status = Status {
                id: String::new(),
                metadata: Some(Metadata { name: name.to_owned() }),
                image: Some(ImageSpec { image: image.to_owned(), user_specified_image: specified.to_owned() }),
            };
            let found = facts(&status);
            assert_eq!(
                (found.name.as_deref(), found.image.as_deref()),
                (Some(name).filter(|name| !name.is_empty()), expected)
            );
        }
        assert_eq!(facts(&Status::default()), Facts::default());
    }
}
