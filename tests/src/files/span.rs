//! A line of `--output json`.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

/// One flow record as it was written. The order of keys is kept: it is part of the format.
#[derive(Debug)]
pub struct Span {
    /// The line.
    pub line: String,
    /// Keys and values of the object.
    pub fields: Vec<(String, Value)>,
    /// `attributes`.
    pub attributes: Vec<(String, Value)>,
    /// `resource`.
    pub resource: Vec<(String, Value)>,
}

impl Span {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it: not JSON, a key twice, no attributes, no resource.
    pub fn parse(line: &str) -> Result<Self, String> {
        let fields = pairs(line)?;
        let raw: Raw<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let (attributes, resource) = (pairs(raw.attributes.get())?, pairs(raw.resource.get())?);
        Ok(Self { line: line.to_owned(), fields, attributes, resource })
    }

    /// Reads all lines of standard output.
    ///
    /// # Errors
    /// The first line that cannot be read, and why.
    pub fn parse_all(output: &str) -> Result<Vec<Self>, String> {
        output.lines().map(|line| Self::parse(line).map_err(|error| format!("{error} in {line}"))).collect()
    }

    /// A field that is text.
    pub fn field(&self, key: &str) -> Option<&str> {
        find(&self.fields, key)?.as_str()
    }

    /// An attribute.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        find(&self.attributes, key)
    }

    /// An attribute that is text; empty where it is absent.
    pub fn text(&self, key: &str) -> &str {
        self.attribute(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// An attribute that is a number.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.attribute(key)?.as_u64()
    }

    /// An attribute that is a measurement; 0 where it is absent.
    pub fn count(&self, key: &str) -> u64 {
        self.number(key).unwrap_or_default()
    }

    /// A time, nanoseconds since the Unix epoch; 0 where it is absent or no number.
    pub fn time(&self, key: &str) -> u64 {
        self.field(key).and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

#[derive(serde::Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    attributes: &'a serde_json::value::RawValue,
    #[serde(borrow)]
    resource: &'a serde_json::value::RawValue,
}

fn find<'a>(pairs: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    pairs.iter().find_map(|(name, value)| (name == key).then_some(value))
}

/// Keys and values of a JSON object, in their order.
///
/// # Errors
/// Where it is no object, or has a key twice.
fn pairs(text: &str) -> Result<Vec<(String, Value)>, String> {
    struct Pairs;
    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, Value)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let pairs = deserializer.deserialize_map(Pairs).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    for (at, (key, _)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(earlier, _)| earlier == key) {
            return Err(format!("key {key} comes twice"));
        }
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_nothing_comes_twice() {
        let names = |text| pairs(text).map(|pairs| pairs.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        assert_eq!(names(r#"{"b":1,"a":{"z":1}}"#).unwrap(), ["b", "a"]);
        for wrong in [r#"{"b":1,"a":2,"b":3}"#, "[]", r#"{"a":1}{}"#, r#"{"a":1"#] {
            assert!(pairs(wrong).is_err(), "{wrong}");
        }
    }
}
