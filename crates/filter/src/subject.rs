//! What is asked about: an attribute, or of a map one key.

use std::fmt;

use flowtrace_span::{Attribute, Type};

/// An attribute, or one of those that a map is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub attribute: Attribute,
    /// The key, of a [`Type::Template`] and of no other.
    pub key: Option<Box<str>>,
}

impl Subject {
    /// By the name under which it is written: that of an attribute, or that of a map, a dot, and the key. A map alone is
    /// none yet.
    pub fn named(word: &str) -> Option<Self> {
        if let Some(attribute) = Attribute::from_name(word) {
            return Some(Self { attribute, key: None });
        }
        Attribute::ALL.into_iter().filter(|attribute| is_map(*attribute)).find_map(|attribute| {
            let key = word.strip_prefix(attribute.name())?.strip_prefix('.')?;
            Some(Self { attribute, key: Some(key.into()) })
        })
    }
}

/// Whether it has keys.
pub fn is_map(attribute: Attribute) -> bool {
    attribute.definition().value_type == Type::Template
}

/// The attribute's name; keys are whatever was written, and are left out of messages.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.attribute.name())?;
        f.write_str(if self.key.is_some() { "[…]" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_written() {
        use Attribute::{DestinationK8sServiceAnnotations as Annotations, SourceK8sPodLabels as Labels, SourcePort};
        for (word, expected) in [
            ("source.port", Some((SourcePort, None))),
            ("source.port.80", None),
            ("source.k8s.pod.labels", Some((Labels, None))),
            ("source.k8s.pod.labels.app", Some((Labels, Some("app")))),
            ("source.k8s.pod.labels.app.kubernetes.io/name", Some((Labels, Some("app.kubernetes.io/name")))),
            ("source.k8s.pod.labels.", Some((Labels, Some("")))),
            ("source.k8s.pod.labelsapp", None),
            ("destination.k8s.service.annotations.labels", Some((Annotations, Some("labels")))),
        ] {
            let expected = expected.map(|(attribute, key)| Subject { attribute, key: key.map(Into::into) });
            assert_eq!(Subject::named(word), expected, "{word}");
        }
    }
}
