//! Docker's interface, which Podman has, too
//! (<https://docs.docker.com/reference/api/engine/>, `ContainerInspect`).

use std::path::Path;

use serde::Deserialize;

use super::{Facts, image, name, request};

/// What is taken of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    /// With a slash before it.
    #[serde(default)]
    name: String,
    #[serde(default)]
    config: Config,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    /// As it was named when the container was made.
    #[serde(default)]
    image: String,
}

/// What Docker knows of a container.
pub async fn find(socket: &Path, id: &str) -> Option<Facts> {
    parse(&request::get(socket, &format!("/containers/{id}/json")).await?)
}

fn parse(body: &[u8]) -> Option<Facts> {
    let inspected: Inspected = serde_json::from_slice(body).ok()?;
    let text = inspected.name.strip_prefix('/').unwrap_or(&inspected.name);
    Some(Facts { runtime: None, name: name(text), image: image(&inspected.config.image) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let rows = [
            (
                r#"{"Id":"4f","Name":"/web","Image":"sha256:ab","Config":{"Image":"nginx:1.21","Env":[]}}"#,
                Some((Some("web"), Some("nginx:1.21"))),
            ),
            (r#"{"Name":"web","Config":{"Image":"sha256:0123"}}"#, Some((Some("web"), None))),
            (r#"{"Name":"/w\u001b[2J"}"#, Some((None, None))),
            (r#"{"message":"No such container"}"#, Some((None, None))),
            (r#"{"Name":3}"#, None),
            ("", None),
        ];
        for (body, expected) in rows {
            let expected = expected.map(|(name, image)| Facts {
                runtime: None,
                name: name.map(str::to_owned),
                image: image.map(str::to_owned),
            });
            assert_eq!(parse(body.as_bytes()), expected, "{body}");
        }
    }
}
