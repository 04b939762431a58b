//! The JSON Schema of the file, for editors and for whoever writes files by program.

use serde_json::{Map, Value, json};

use super::defaults::Keys;
use super::keys::{self, ENDPOINT, KEYS, Key, RECEIVERS, Shape};
use super::words::takes_number;

/// The schema.
pub fn schema() -> Value {
    let keys = Keys::new();
    let mut properties = properties(&keys, "", false);
    let mut receiver = object(self::properties(&keys, "", true));
    receiver["required"] = json!([ENDPOINT]);
    let receivers =
        json!({ "description": "OTLP receivers.", "type": ["array", "null"], "items": receiver, "default": [] });
    properties.insert(RECEIVERS.to_owned(), receivers);
    let mut schema = object(properties);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("Configuration of flowtrace");
    schema
}

/// An object with these properties and no others.
fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": ["object", "null"], "additionalProperties": false, "properties": properties })
}

/// The names below a path.
fn properties(keys: &Keys, path: &str, receiver: bool) -> Map<String, Value> {
    let names = keys::names_below(path, receiver).into_iter().filter(|name| !path.is_empty() || *name != RECEIVERS);
    let property = |name: &str| {
        let path = keys::join(path, name);
        let key = KEYS.iter().find(|key| key.is_of(receiver) && key.path == path);
        let schema = key.map_or_else(|| object(properties(keys, &path, receiver)), |key| property(keys, key));
        (name.to_owned(), schema)
    };
    names.map(property).collect()
}

fn property(keys: &Keys, key: &Key) -> Value {
    let value = value(keys, key);
    let list = |items: &Value| json!({ "type": "array", "items": items });
    let mut schema = match key.shape {
        Shape::One => value,
        Shape::Many | Shape::Joined => json!({ "type": ["array", "null"], "items": value }),
        Shape::Named(known) | Shape::Lists(known) => {
            let each = if matches!(key.shape, Shape::Lists(_)) { list(&value) } else { value };
            object(known().into_iter().map(|known| (known.name, each.clone())).collect())
        }
        Shape::Pairs => json!({ "type": ["object", "null"], "additionalProperties": value }),
    };
    schema["description"] = json!(keys.help(key));
    if let (Shape::One, Some(default)) = (key.shape, keys.default(key).filter(|_| key.path != ENDPOINT)) {
        let number = default.parse::<u64>().ok().filter(|_| is_number(keys, key));
        schema["default"] = number.map_or_else(|| json!(default), |number| json!(number));
    }
    schema
}

/// What one value may be. Each may be a text with `${NAME}` in it.
fn value(keys: &Keys, key: &Key) -> Value {
    let is_nullable = matches!(key.shape, Shape::One) && keys.default(key).is_none();
    let types = |own: &[&str]| {
        let null = is_nullable.then_some("null");
        json!({ "type": own.iter().copied().chain(null).collect::<Vec<_>>() })
    };
    let possible = keys.possible(key);
    if !possible.is_empty() {
        let mut values: Vec<_> = possible.iter().flat_map(|name| as_read(name)).collect();
        values.extend(is_nullable.then_some(Value::Null));
        return json!({ "anyOf": [{ "enum": values }, { "type": "string", "pattern": "\\$\\{" }] });
    }
    match key.shape {
        Shape::Lists(_) => types(&["integer", "string"]),
        _ if is_number(keys, key) => types(&["integer", "string"]),
        _ if takes_any_number(keys, key) => types(&["number", "string"]),
        _ => types(&["string"]),
    }
}

/// A name, and what readers of YAML may take it for.
fn as_read(name: &str) -> Vec<Value> {
    let other = match name {
        "on" | "true" => Some(json!(true)),
        "off" | "false" => Some(json!(false)),
        number => number.parse::<f64>().ok().map(|number| json!(number)),
    };
    [json!(name)].into_iter().chain(other).collect()
}

fn is_number(keys: &Keys, key: &Key) -> bool {
    keys.option(key).is_some_and(takes_number)
}

/// Whether what it takes may be written as a number: bytes, or a share of nothing.
fn takes_any_number(keys: &Keys, key: &Key) -> bool {
    let names = keys.option(key).and_then(|arg| arg.get_value_names()).unwrap_or_default();
    names.iter().any(|name| ["SIZE", "PERCENT"].contains(&name.as_str())) || matches!(key.shape, Shape::Pairs)
}
