//! What the server sends: pages of lists, and events.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::Failure;

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    pub(super) metadata: PageMetadata,
    /// Its items, unread. Go writes `null` for none.
    #[serde(borrow)]
    pub(super) items: Option<Vec<&'a RawValue>>,
}

/// `ListMeta`: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/list-meta/>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    pub(super) resource_version: String,
    /// Names the next page; of the last page empty.
    #[serde(default, rename = "continue")]
    pub(super) token: String,
}

impl<'a> Page<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        let page: Self = serde_json::from_slice(bytes).map_err(|error| Failure::Garbled(error.to_string()))?;
        if page.metadata.resource_version.is_empty() {
            return Err(Failure::Garbled("a list without a version".to_owned()));
        }
        Ok(page)
    }
}

/// An event of a watch.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(rename = "type")]
    pub(super) what: What,
    /// The object, unread.
    #[serde(borrow)]
    pub(super) object: &'a RawValue,
}

/// What an event says: <https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum What {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

impl<'a> Event<'a> {
    pub(super) fn read(line: &'a [u8]) -> Result<Self, Failure> {
        serde_json::from_slice(line).map_err(|error| Failure::Garbled(error.to_string()))
    }
}

/// The least that is known of an object that cannot be read.
#[derive(Deserialize)]
pub(super) struct Partial {
    pub(super) metadata: crate::object::Metadata,
}

impl Partial {
    pub(super) fn read(json: &str) -> Result<Self, Failure> {
        let partial: Self = serde_json::from_str(json).map_err(|error| Failure::Garbled(error.to_string()))?;
        if partial.metadata.resource_version.is_empty() {
            return Err(Failure::Garbled("an object without a version".to_owned()));
        }
        Ok(partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        for (text, expected) in [
            (r#"{"metadata":{"resourceVersion":"7"},"items":[{"a":1},{}]}"#, Some(("7", "", 2))),
            (r#"{"metadata":{"resourceVersion":"7","continue":"x"},"items":null}"#, Some(("7", "x", 0))),
            (r#"{"metadata":{"resourceVersion":""},"items":[]}"#, None),
            (r#"{"metadata":{},"items":[]}"#, None),
            (r#"{"metadata":{"resourceVersion":"7"},"items":[{}"#, None),
            ("\u{fffd}", None),
            ("", None),
        ] {
            let page = Page::read(text.as_bytes()).ok();
            let found = page.as_ref().map(|page| {
                let items = page.items.as_ref().map_or(0, Vec::len);
                (page.metadata.resource_version.as_str(), page.metadata.token.as_str(), items)
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn events() {
        for (text, expected) in [
            (r#"{"type":"ADDED","object":{}}"#, Some(What::Added)),
            (r#"{"object":{},"type":"BOOKMARK","new":1}"#, Some(What::Bookmark)),
            (r#"{"type":"SOMETHING","object":{}}"#, None),
            (r#"{"type":"ADDED"}"#, None),
            ("\u{0}\u{1}", None),
        ] {
            assert_eq!(Event::read(text.as_bytes()).ok().map(|event| event.what), expected, "{text}");
        }
    }
}
