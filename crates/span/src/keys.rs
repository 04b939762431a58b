//! The names of all attributes as each encoding writes them, made once.

use std::sync::LazyLock;

use crate::{Attribute, json_text, protobuf};

/// Field `key` of `KeyValue` (opentelemetry/proto/common/v1/common.proto).
const KEY: u8 = 1;

/// `KeyValue.key`, tag and length included, of the attribute.
#[inline]
pub(crate) fn protobuf(attribute: Attribute) -> &'static [u8] {
    static KEYS: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| all(|out, name| protobuf::put_bytes(out, KEY, name.as_bytes())));
    &KEYS[attribute as usize]
}

/// The name in quotes.
#[inline]
pub(crate) fn json(attribute: Attribute) -> &'static [u8] {
    static KEYS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| all(json_text::put_string));
    &KEYS[attribute as usize]
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
            assert_eq!(&protobuf(attribute)[2..], name.as_bytes());
            assert_eq!(json(attribute), format!("\"{name}\"").as_bytes());
        }
    }
}
