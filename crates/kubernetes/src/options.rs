//! What is to be kept of objects.

use crate::Kind;
use crate::time::{SECOND, Time};

/// What is to be kept of objects, and for how long.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cluster's name; nothing tells it but configuration.
    pub cluster_name: Option<String>,
    /// The keys of the labels that answers have.
    pub labels: KeyPatterns,
    /// The keys of the annotations that answers have.
    pub annotations: KeyPatterns,
    /// Whether network policies are asked for: then all labels of pods and namespaces are kept.
    pub has_policies: bool,
    /// Which pods come in.
    pub scope: Scope,
    /// For how long it is known who had an address, and what a pod was, after they went, nanoseconds.
    ///
    /// The default is 5 minutes: a record is written at the latest one active timeout (1 minute) after its first packet,
    /// and then waits for the export of those before it.
    pub retention: Time,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cluster_name: None,
            labels: KeyPatterns::default(),
            annotations: KeyPatterns::default(),
            has_policies: false,
            scope: Scope::Cluster,
            retention: 300 * SECOND,
        }
    }
}

impl Options {
    /// The kinds that have to be watched: network policies only where they are asked for. Of one node's pods the rest is
    /// wanted as well: services and endpoint slices name those at the other ends.
    pub fn kinds(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| *kind != Kind::NetworkPolicy || self.has_policies).collect()
    }
}

/// Which pods come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those of all nodes.
    #[default]
    Cluster,
    /// Those of one node. Of others it is known what endpoint slices say: name, namespace, uid and node.
    Node,
}

/// Patterns of keys, in which `*` stands for any text. What one with `!` before it has is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPatterns(Vec<String>);

impl KeyPatterns {
    /// From patterns.
    pub fn new<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }

    /// Whether a key has one of them, and none with `!`.
    pub fn has(&self, key: &str) -> bool {
        let mut has = false;
        for pattern in &self.0 {
            match pattern.strip_prefix('!') {
                Some(without) if is_match(without, key) => return false,
                Some(_) => {}
                None => has = has || is_match(pattern, key),
            }
        }
        has
    }

    /// Whether no key has one of them.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|pattern| pattern.starts_with('!'))
    }
}

/// Whether a text is of a pattern: the parts between the stars are found one after the other, the first at the begin
/// and the last at the end.
fn is_match(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_patterns() {
        for (pattern, key, expected) in [
            ("app", "app", true),
            ("app", "apps", false),
            ("*", "", true),
            ("*", "app.kubernetes.io/name", true),
            ("app.kubernetes.io/*", "app.kubernetes.io/name", true),
            ("app.kubernetes.io/*", "kubernetes.io/name", false),
            ("*/name", "app.kubernetes.io/name", true),
            ("*/name", "app.kubernetes.io/names", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("a**a", "aa", true),
            ("*é*", "café!", true),
        ] {
            assert_eq!(KeyPatterns::new([pattern]).has(key), expected, "{pattern} {key}");
        }
        assert!(!KeyPatterns::default().has("app"));
    }

    #[test]
    fn keys_are_left_out() {
        let patterns = KeyPatterns::new(["!kubectl.kubernetes.io/*", "*", "!b"]);
        for (key, expected) in [("a", true), ("b", false), ("kubectl.kubernetes.io/last-applied-configuration", false)]
        {
            assert_eq!(patterns.has(key), expected, "{key}");
        }
        assert!(!patterns.is_empty() && KeyPatterns::new(["!a"]).is_empty());
    }
}
