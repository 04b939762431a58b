//! How two sets of manifests differ, as lines that are easy to read.

use std::collections::BTreeMap;

use serde_json::Value;

/// The places of all plain values: `DaemonSet.spec.template.spec.containers[flowtrace].image`.
fn flat(objects: &[Value]) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for object in objects {
        let text = |name: &str| object[name].as_str().unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let place = if name.ends_with("-test") { "test".to_owned() } else { text("kind").to_owned() };
        note(place, object, &mut places);
    }
    places
}

fn note(place: String, value: &Value, places: &mut BTreeMap<String, String>) {
    match value {
        // Those that are empty say something, too.
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| note(format!("{place}.{key}"), value, places))
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                note(format!("{place}[{}]", key(number, item)), item, places);
            }
        }
        Value::String(text) => {
            places.insert(place, text.clone());
        }
        other => {
            places.insert(place, other.to_string());
        }
    }
}

/// What an item of a list is known by: its name, a plain value by itself, others by their place.
fn key(number: usize, item: &Value) -> String {
    let name = item["name"].as_str().or(item.as_str());
    name.map_or_else(|| number.to_string(), str::to_owned)
}

/// The lines that went (`-`) and came (`+`), in the order of their places.
pub fn between(before: &[Value], after: &[Value]) -> Vec<String> {
    let (before, after) = (flat(before), flat(after));
    let mut lines = Vec::new();
    let gone = before.iter().filter(|(place, value)| after.get(*place) != Some(value));
    lines.extend(gone.map(|(place, value)| (place, format!("- {place} = {value}"))));
    let new = after.iter().filter(|(place, value)| before.get(*place) != Some(value));
    lines.extend(new.map(|(place, value)| (place, format!("+ {place} = {value}"))));
    lines.sort_by_key(|(place, _)| *place);
    lines.into_iter().map(|(_, line)| line).collect()
}
