//! `--output json` against serde_json: keys, their order, and every value.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod records;

use flowtrace_flow::Record;
use flowtrace_span::{
    Environment, Facts, Json, Options, Profile, Resource, ResourceValue, Selection, Value, attributes, kind, span_name,
};
use proptest::prelude::*;
use serde_json::json;

fn resource() -> Resource {
    let mut resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    resource.set("host.name", "a \"name\"\n".into());
    resource.set("host.ip", ResourceValue::Texts(vec!["192.0.2.1".into(), "::1".into()]));
    resource.set("a.number", ResourceValue::Integer(i64::MIN));
    resource
}

/// All attributes, so that there are values of all types.
fn options() -> Options {
    Options { selection: Selection::all(), ..Options::default() }
}

fn line(record: &Record) -> String {
    let mut out = Vec::new();
    Json::new(&resource(), options()).write(record, &mut out);
    String::from_utf8(out).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The object that serde makes of the record.
fn expected(record: &Record) -> serde_json::Value {
    let mut attributes_object = json!({});
    attributes(record, &options(), &mut |attribute, value| {
        attributes_object[attribute.name()] = match value {
            Value::Text(value) => json!(value),
            Value::Integer(value) => json!(value),
            Value::Texts(value) => json!(value),
            Value::Names(value) => value.iter().map(|name| &**name).collect(),
            Value::Pairs(pairs) => {
                for (key, value) in pairs {
                    attributes_object[format!("{}.{key}", attribute.name())] = json!(**value);
                }
                return;
            }
        };
    });
    let mut object = json!({
        "trace_id": hex(&record.trace_id),
        "span_id": hex(&record.span_id),
        "name": &*span_name(record),
        "kind": kind(record, Profile::Reference).name(),
        "start_time_unix_nano": record.start.to_string(),
        "end_time_unix_nano": record.end.to_string(),
        "attributes": attributes_object,
        "resource": {
            "service.name": "flowtrace",
            "telemetry.sdk.name": "flowtrace",
            "telemetry.sdk.language": "rust",
            "telemetry.sdk.version": env!("CARGO_PKG_VERSION"),
            "host.name": "a \"name\"\n",
            "host.ip": ["192.0.2.1", "::1"],
            "a.number": i64::MIN,
        },
    });
    if let Some(parent) = record.parent_span_id {
        object["parent_span_id"] = json!(hex(&parent));
    }
    if record.failure.is_some() {
        object["status"] = json!({"code": 2});
    }
    object
}

fn check(record: &Record) {
    let line = line(record);
    assert_eq!(line.find('\n'), Some(line.len() - 1), "one line");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), expected(record));
}

#[test]
fn values_are_the_records() {
    for record in records::table() {
        check(&record);
    }
}

#[test]
fn keys_stand_in_their_order() {
    for record in records::table() {
        let line = line(&record);
        let names = [
            "trace_id",
            "span_id",
            "parent_span_id",
            "name",
            "kind",
            "start_time_unix_nano",
            "end_time_unix_nano",
            "status",
            "attributes",
            "resource",
        ];
        let places: Vec<_> = names.iter().filter_map(|name| line.find(&format!("\"{name}\":"))).collect();
        assert!(places.is_sorted(), "{line}");
        let absent = usize::from(record.parent_span_id.is_none()) + usize::from(record.failure.is_none());
        assert_eq!(places.len(), names.len() - absent, "{line}");
        assert!(line.starts_with("{\"trace_id\":\"0123456789abcdeffedcba9876543210\",\"span_id\":\""), "{line}");
    }
}

/// The schema that the documentation publishes.
fn schema() -> jsonschema::Validator {
    let schema = include_str!("../../../docs/reference/flow-span.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
}

#[test]
fn lines_follow_the_published_schema() {
    let schema = schema();
    let mut damaged = serde_json::from_str::<serde_json::Value>(&line(&records::tcp())).unwrap();
    damaged["attributes"]["flow.bytse.delta"] = json!(1);
    assert!(!schema.is_valid(&damaged), "a schema that takes anything checks nothing");
    for record in records::table() {
        let line = serde_json::from_str(&line(&record)).unwrap();
        schema.validate(&line).unwrap_or_else(|error| panic!("{}: {error}", error.instance_path()));
    }
}

proptest! {
    #[test]
    fn any_record_arrives(record in records::any_record()) {
        check(&record);
    }
}
