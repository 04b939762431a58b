//! The names of all attributes as each encoding writes them, made once.

use std::sync::LazyLock;

use crate::{Attribute, json_text, protobuf};

/// Field `key` of `KeyValue` (opentelemetry/proto/common/v1/common.proto).
const KEY: u8 = 1;
/// Field `attributes` of `Span` (opentelemetry/proto/trace/v1/trace.proto).
const ATTRIBUTES: u8 = 9;

/// An attribute up to its value, as every span that has it begins it: tag and length of the `KeyValue`, then its key. In
/// one line of the cache.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct ProtobufKey {
    /// The length of the `KeyValue`, [`Self::LENGTH_AT`], is not known yet; what is behind `length` has no meaning.
    /// Always as many bytes as the longest name needs: copying a fixed number is a few instructions, copying a number
    /// that only the run knows is a call.
    pub(crate) bytes: [u8; Self::ROOM],
    /// How many of the bytes count.
    pub(crate) length: u8,
}

impl ProtobufKey {
    /// Bytes of the longest.
    pub(crate) const ROOM: usize = 48;
    /// Where the length of the `KeyValue` belongs, a single byte.
    pub(crate) const LENGTH_AT: usize = 1;
    /// Bytes before those that the length of the `KeyValue` counts.
    pub(crate) const HEAD: usize = 2;

    const fn new(name: &str) -> Self {
        let name = name.as_bytes();
        assert!(name.len() + 4 <= Self::ROOM, "the name of an attribute is too long for ROOM");
        let mut bytes = [0; Self::ROOM];
        bytes[0] = protobuf::length_tag(ATTRIBUTES);
        bytes[2] = protobuf::length_tag(KEY);
        bytes[3] = name.len() as u8;
        let mut at = 0;
        while at < name.len() {
            bytes[4 + at] = name[at];
            at += 1;
        }
        Self { bytes, length: name.len() as u8 + 4 }
    }

    /// The attribute's name.
    pub(crate) fn name(&self) -> &[u8] {
        &self.bytes[4..usize::from(self.length)]
    }

    /// `KeyValue.key`, tag and length included.
    pub(crate) fn key(&self) -> &[u8] {
        &self.bytes[Self::HEAD..usize::from(self.length)]
    }
}

/// The beginning of the attribute.
#[inline]
pub(crate) fn protobuf(attribute: Attribute) -> &'static ProtobufKey {
    static KEYS: [ProtobufKey; Attribute::COUNT] = {
        let mut keys = [ProtobufKey::new(""); Attribute::COUNT];
        let mut at = 0;
        while at < keys.len() {
            keys[at] = ProtobufKey::new(Attribute::ALL[at].name());
            at += 1;
        }
        keys
    };
    &KEYS[attribute as usize]
}

/// The name in quotes.
#[inline]
pub(crate) fn json(attribute: Attribute) -> &'static [u8] {
    static KEYS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| all(json_text::put_string));
    &KEYS[attribute as usize]
}

/// Appends the name of one attribute of a map, in quotes: the map's name, a dot, the key.
pub(crate) fn put_json_of(out: &mut Vec<u8>, map: Attribute, key: &str) {
    out.push(b'"');
    out.extend_from_slice(map.name().as_bytes());
    out.push(b'.');
    json_text::put_inner(out, key);
    out.push(b'"');
}

/// One entry an attribute, at the place of its number.
fn all(put: impl Fn(&mut Vec<u8>, &str)) -> Vec<Vec<u8>> {
    let encode = |attribute: &Attribute| {
        let mut out = Vec::new();
        put(&mut out, attribute.name());
        out
    };
    Attribute::ALL.iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_finds_its_own_name() {
        for attribute in Attribute::ALL {
            let name = attribute.name();
            assert_eq!(&protobuf(attribute).key()[2..], name.as_bytes());
            assert_eq!(protobuf(attribute).name(), name.as_bytes());
            assert_eq!(json(attribute), format!("\"{name}\"").as_bytes());
        }
    }
}
