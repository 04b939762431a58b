//! The list of containers that Podman and CRI-O keep (<https://github.com/containers/storage>, `containers.json`): it
//! can be read without starting anything.

use std::path::Path;

use serde::Deserialize;

use super::{Facts, image, name};
use crate::text;

/// More bytes are not read: a container takes about a thousand.
const LIMIT: usize = 16 << 20;

/// A container of the list.
#[derive(Deserialize)]
struct Stored {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    /// JSON in a text: what the runtime adds.
    #[serde(default)]
    metadata: String,
}

/// What Podman and CRI-O add.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    #[serde(default)]
    image_name: String,
    /// CRI-O: the name in the pod's specification.
    #[serde(default)]
    metadata_name: String,
    /// CRI-O: the pod's name.
    #[serde(default)]
    pod_name: String,
}

/// What the list says of a container.
pub fn find(path: &Path, id: &str) -> Option<Facts> {
    parse(&text::read_path(path, LIMIT)?, id)
}

fn parse(content: &[u8], id: &str) -> Option<Facts> {
    let list: Vec<Stored> = serde_json::from_slice(content).ok()?;
    let stored = list.into_iter().find(|stored| stored.id == id)?;
    let metadata: Metadata = serde_json::from_str(&stored.metadata).unwrap_or_default();
    let is_of_pod = !metadata.pod_name.is_empty();
    let text = if is_of_pod { Some(&metadata.metadata_name) } else { stored.names.first() };
    let runtime = Some(if is_of_pod { "cri-o" } else { "podman" });
    Some(Facts { runtime, name: text.and_then(|text| name(text)), image: image(&metadata.image_name) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first as Podman 4.3 writes it, the second as CRI-O's code does.
    const LIST: &str = r#"[
        {"id":"a","names":["web"],"image":"0cb8","layer":"4f26","metadata":"{\"image-name\":\"docker.io/library/nginx:latest\",\"image-id\":\"0cb8\",\"name\":\"web\",\"created-at\":1795303471}","created":"2026-11-21T23:24:31.56734852Z","flags":{"MountLabel":"","ProcessLabel":""}},
        {"id":"b","names":["k8s_api_api-0_default_uid_0"],"metadata":"{\"pod-name\":\"api-0\",\"pod-id\":\"c\",\"image-name\":\"quay.io/api:1\",\"container-name\":\"k8s_api\",\"metadata-name\":\"api\"}"},
        {"id":"c","metadata":"x"}
    ]"#;

    #[test]
    fn lists() {
        let facts = |runtime, name: Option<&str>, image: Option<&str>| {
            Some(Facts { runtime: Some(runtime), name: name.map(str::to_owned), image: image.map(str::to_owned) })
        };
        let rows = [
            ("a", facts("podman", Some("web"), Some("docker.io/library/nginx:latest"))),
            ("b", facts("cri-o", Some("api"), Some("quay.io/api:1"))),
            ("c", facts("podman", None, None)),
            ("d", None),
        ];
        for (id, expected) in rows {
            assert_eq!(parse(LIST.as_bytes(), id), expected, "{id}");
        }
        assert_eq!(parse(b"{}", "a"), None);
        assert_eq!(find(Path::new("/nowhere"), "a"), None);
    }
}
