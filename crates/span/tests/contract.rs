//! Every output says of any record what the definitions say, and follows the published schema.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod definitions;
mod records;

use std::sync::LazyLock;

use flowtrace_flow::{Direction, Record};
use flowtrace_span::{Batch, Environment, Facts, Json, Options, OtlpJson, Resource, Selection};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as OtlpValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Map, Value, json};

/// The schema that the documentation publishes, of profile `reference`.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../docs/reference/flow-span.schema.json");
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
});

/// What `--attributes` may say: nothing, each group, all.
const CHOICES: [&str; 11] = [
    "",
    "tunnel",
    "ipip",
    "ipsec",
    "k8s.uid",
    "k8s.annotations",
    "k8s.labels",
    "network.policy",
    "process.command",
    "debug",
    "all",
];

fn resource() -> Resource {
    Resource::new(&Facts { host_name: Some("host-ä".into()), ..Facts::default() }, Environment::default()).unwrap()
}

fn options(choice: &str) -> Options {
    Options { selection: Selection::parse(choice).unwrap(), ..Options::default() }
}

/// The line that a record should be.
fn expected(record: &Record, choice: &str) -> Value {
    let version = if record.ip_version == 6 { "ipv6" } else { "ipv4" };
    let mut line = json!({
        "trace_id": hex(&record.trace_id),
        "span_id": hex(&record.span_id),
        "name": format!("flow_{version}_{}", definitions::transport(record.protocol)),
        "kind": match record.direction {
            Direction::Forward => "CLIENT",
            Direction::Reverse => "SERVER",
            Direction::Unknown => "INTERNAL",
        },
        "start_time_unix_nano": record.start.to_string(),
        "end_time_unix_nano": record.end.to_string(),
        "attributes": definitions::definitions(record, choice),
        "resource": {
            "service.name": "flowtrace",
            "telemetry.sdk.name": "flowtrace",
            "telemetry.sdk.language": "rust",
            "telemetry.sdk.version": env!("CARGO_PKG_VERSION"),
            "host.name": "host-ä",
        },
    });
    if let Some(parent) = record.parent_span_id {
        line["parent_span_id"] = json!(hex(&parent));
    }
    if record.failure.is_some() {
        line["status"] = json!({"code": 2});
    }
    line
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request with one span as a line, by the decoder's types alone.
fn line_of(request: ExportTraceServiceRequest) -> Value {
    let [group] = &request.resource_spans[..] else { panic!("{request:?}") };
    let [scope] = &group.scope_spans[..] else { panic!("{group:?}") };
    let [span] = &scope.spans[..] else { panic!("{scope:?}") };
    let Span { trace_id, span_id, parent_span_id, name, kind, start_time_unix_nano: start, .. } = span;
    let mut line = json!({
        "trace_id": hex(trace_id),
        "span_id": hex(span_id),
        "name": name,
        "kind": (["", "INTERNAL", "SERVER", "CLIENT"][*kind as usize]),
        "start_time_unix_nano": start.to_string(),
        "end_time_unix_nano": span.end_time_unix_nano.to_string(),
        "attributes": object(&span.attributes),
        "resource": object(&group.resource.as_ref().unwrap().attributes),
    });
    if !parent_span_id.is_empty() {
        line["parent_span_id"] = json!(hex(parent_span_id));
    }
    if let Some(status) = &span.status {
        line["status"] = json!({"code": status.code});
    }
    line
}

fn object(pairs: &[KeyValue]) -> Map<String, Value> {
    let object: Map<_, _> = pairs.iter().map(|pair| (pair.key.clone(), value(pair.value.as_ref()))).collect();
    assert_eq!(object.len(), pairs.len(), "each name once");
    object
}

fn value(any: Option<&AnyValue>) -> Value {
    match any.and_then(|any| any.value.as_ref()) {
        Some(OtlpValue::StringValue(text)) => json!(text),
        Some(OtlpValue::IntValue(number)) => json!(number),
        Some(OtlpValue::ArrayValue(list)) => list.values.iter().map(|item| value(Some(item))).collect(),
        other => panic!("flows have no such values: {other:?}"),
    }
}

/// The outputs of a record: JSON, OTLP, OTLP/JSON, each as a line.
fn outputs(record: &Record, options: &Options) -> [Value; 3] {
    let (mut json, mut otlp_json) = (Vec::new(), Vec::new());
    Json::new(&resource(), options.clone()).write(record, &mut json);
    OtlpJson::new(&resource(), options.clone()).write(record, &mut otlp_json);
    let mut batch = Batch::new(&resource(), options.clone());
    batch.push(record);
    [
        serde_json::from_slice(&json).unwrap(),
        line_of(ExportTraceServiceRequest::decode(&batch.finish()[..]).unwrap()),
        line_of(serde_json::from_slice(&otlp_json).unwrap()),
    ]
}

fn check(record: &Record, choice: &str) {
    for (output, name) in outputs(record, &options(choice)).into_iter().zip(["JSON", "OTLP", "OTLP/JSON"]) {
        SCHEMA.validate(&output).unwrap_or_else(|error| panic!("{name}: {}: {error}", error.instance_path()));
        let mut output = output;
        // It has test vectors of its own.
        let community_id = output["attributes"].as_object_mut().unwrap().remove("flow.community_id").unwrap();
        assert!(community_id.as_str().unwrap().starts_with("1:"));
        assert_eq!(output, expected(record, choice), "{name} {choice}");
    }
}

#[test]
fn every_output_says_what_the_definitions_say() {
    for record in records::table() {
        CHOICES.iter().for_each(|choice| check(&record, choice));
    }
}

#[test]
fn the_choices_are_all_there_are() {
    let names = flowtrace_span::Group::all().iter().map(|definition| definition.name);
    assert_eq!(names.chain(["", "all"]).filter(|name| !CHOICES.contains(name)).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_schema_refuses_what_no_output_says() {
    for (path, value) in [
        ("/attributes/flow.bytse.delta", json!(1)),
        ("/attributes/flow.bytes.delta", json!("1")),
        ("/attributes/flow.bytes.delta", json!(-1)),
        ("/attributes/flow.direction", json!("backward")),
        ("/attributes/source.address", json!("")),
        ("/trace_id", json!("0123")),
        ("/kind", json!("PRODUCER")),
        ("/status", json!({"code": 1})),
        ("/more", json!(1)),
    ] {
        let mut line = outputs(&records::tcp(), &options(""))[0].clone();
        assert!(SCHEMA.is_valid(&line));
        let (parent, name) = path.rsplit_once('/').unwrap();
        line.pointer_mut(parent).unwrap()[name] = value;
        assert!(!SCHEMA.is_valid(&line), "{path}");
    }
}

/// Any record that a host can have: interfaces have names, and hostile ones, but never empty ones. Every fourth is one
/// of ICMP.
fn any_record() -> impl Strategy<Value = Record> {
    let protocol = prop_oneof![6 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(58))];
    (records::any_record(), protocol).prop_map(|(mut record, protocol)| {
        record.protocol = protocol.unwrap_or(record.protocol);
        if let Some(interface) = &mut record.interface {
            interface.name.take_if(|name| name.is_empty());
        }
        record
    })
}

proptest! {
    #[test]
    fn every_output_of_any_record_says_what_the_definitions_say(
        record in any_record(),
        choice in prop::sample::select(&CHOICES),
    ) {
        check(&record, choice);
    }
}
