//! What is asked for: paths of the API, and the forms of answers.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::Kind;

/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources>: nothing but
/// metadata, where the server can do that; every server since 1.15 can.
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
const METADATA_EVENT: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const JSON: &str = "application/json";
/// All but RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One request: what stands behind the server's address, and `Accept`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Get {
    pub(super) path: String,
    pub(super) accept: &'static str,
}

/// A page of a list, the first without a token.
pub(super) fn list(kind: Kind, node: Option<&str>, limit: usize, token: Option<&str>) -> Get {
    let mut path = format!("{}?limit={limit}{}", collection(kind), selector(kind, node));
    if let Some(token) = token {
        path.push_str("&continue=");
        path.extend(utf8_percent_encode(token, ESCAPED));
    }
    Get { path, accept: if kind.is_metadata_only() { METADATA_LIST } else { JSON } }
}

/// What changes after a version, for so long.
pub(super) fn watch(kind: Kind, node: Option<&str>, version: &str, time: Duration) -> Get {
    let version = utf8_percent_encode(version, ESCAPED);
    let path = format!(
        "{}?watch=1&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds={}{}",
        collection(kind),
        time.as_secs().max(1),
        selector(kind, node)
    );
    Get { path, accept: if kind.is_metadata_only() { METADATA_EVENT } else { JSON } }
}

fn collection(kind: Kind) -> String {
    match kind.group() {
        "" => format!("/api/v1/{}", kind.plural()),
        group => format!("/apis/{group}/v1/{}", kind.plural()),
    }
}

fn selector(kind: Kind, node: Option<&str>) -> String {
    match node {
        Some(name) if kind == Kind::Pod => {
            format!("&fieldSelector=spec.nodeName%3D{}", utf8_percent_encode(name, ESCAPED))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let node = Some("node-a");
        let time = Duration::from_secs(300);
        let watched = "?watch=1&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=300";
        for (get, path, accept) in [
            (list(Kind::Pod, None, 500, None), "/api/v1/pods?limit=500".to_owned(), JSON),
            (
                list(Kind::Pod, node, 2, Some("a=")),
                "/api/v1/pods?limit=2&fieldSelector=spec.nodeName%3Dnode-a&continue=a%3D".to_owned(),
                JSON,
            ),
            (list(Kind::CronJob, node, 1, None), "/apis/batch/v1/cronjobs?limit=1".to_owned(), METADATA_LIST),
            (watch(Kind::Job, node, "7", time), format!("/apis/batch/v1/jobs{watched}"), METADATA_EVENT),
            (
                watch(Kind::NetworkPolicy, node, "7", time),
                format!("/apis/networking.k8s.io/v1/networkpolicies{watched}"),
                JSON,
            ),
        ] {
            assert_eq!((get.path, get.accept), (path, accept));
        }
    }
}
