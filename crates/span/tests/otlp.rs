//! OTLP against an independent decoder: the protobuf and the JSON, field by field with the record.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod records;

use std::collections::BTreeMap;

use flowtrace_flow::Record;
use flowtrace_span::{
    Attribute, Batch, Environment, Facts, Options, OtlpJson, Profile, Resource, ResourceValue, SCHEMA_URL, Selection,
    Value, attributes, kind, span_name, status,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as OtlpValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;

fn resource() -> Resource {
    let facts = Facts { host_name: Some("knoten-ä".into()), os_type: Some("linux".into()), ..Facts::default() };
    let mut resource = Resource::new(&facts, Environment::default()).unwrap();
    resource.set("a.number", ResourceValue::Integer(-7));
    resource.set("host.ip", ResourceValue::Texts(vec!["192.0.2.1".into(), String::new(), "x".repeat(200)]));
    resource
}

/// All attributes, so that there are values of all types.
fn options() -> Options {
    Options { selection: Selection::all(), ..Options::default() }
}

/// Encodes and decodes; checks the frame around the spans; returns the spans.
fn decode(batch: &mut Batch) -> Vec<Span> {
    let expected = batch.len();
    let bound = batch.bytes();
    let bytes = batch.finish();
    assert!(bytes.len() <= bound, "{} bytes, said {bound}", bytes.len());
    assert!(batch.is_empty());
    let request = ExportTraceServiceRequest::decode(&bytes[..]).unwrap();
    // The oracle writes fields in the order of their numbers and with exact lengths. So do we: every byte is equal.
    assert_eq!(request.encode_to_vec(), bytes, "canonical");
    frame(request, expected)
}

fn frame(mut request: ExportTraceServiceRequest, expected: usize) -> Vec<Span> {
    let mut of_resource = request.resource_spans.pop().unwrap();
    assert!(request.resource_spans.is_empty());
    let mut of_scope = of_resource.scope_spans.pop().unwrap();
    assert!(of_resource.scope_spans.is_empty());
    let scope = of_scope.scope.take().unwrap();
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("flowtrace", env!("CARGO_PKG_VERSION")));
    assert_eq!((of_resource.schema_url.as_str(), of_scope.schema_url.as_str()), (SCHEMA_URL, SCHEMA_URL));
    let attributes = of_resource.resource.take().unwrap().attributes;
    let expected_attributes: Vec<_> =
        resource().attributes().iter().map(|(name, value)| pair(name, resource_value(value))).collect();
    assert_eq!(attributes, expected_attributes);
    assert_eq!(of_scope.spans.len(), expected);
    of_scope.spans
}

fn pair(name: &str, value: OtlpValue) -> KeyValue {
    KeyValue { key: name.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(text: &str) -> OtlpValue {
    OtlpValue::StringValue(text.into())
}

fn texts<T: AsRef<str>>(texts: &[T]) -> OtlpValue {
    let values = texts.iter().map(|item| AnyValue { value: Some(text(item.as_ref())) }).collect();
    OtlpValue::ArrayValue(ArrayValue { values })
}

fn resource_value(value: &ResourceValue) -> OtlpValue {
    match value {
        ResourceValue::Text(value) => text(value),
        ResourceValue::Integer(value) => OtlpValue::IntValue(*value),
        ResourceValue::Texts(value) => texts(value),
    }
}

/// The span that the oracle's types make of the record.
fn expected(record: &Record) -> Span {
    let mut span = Span {
        trace_id: record.trace_id.to_vec(),
        span_id: record.span_id.to_vec(),
        parent_span_id: record.parent_span_id.map(|id| id.to_vec()).unwrap_or_default(),
        name: span_name(record).to_string(),
        kind: kind(record, Profile::Reference).number().into(),
        start_time_unix_nano: record.start,
        end_time_unix_nano: record.end,
        ..Span::default()
    };
    if status(record).is_some() {
        let error = opentelemetry_proto::tonic::trace::v1::status::StatusCode::Error;
        span.status = Some(opentelemetry_proto::tonic::trace::v1::Status { code: error.into(), ..Default::default() });
    }
    attributes(record, &options(), &mut |attribute: Attribute, value: Value<'_>| {
        let value = match value {
            Value::Text(value) => text(value),
            Value::Integer(value) => OtlpValue::IntValue(value),
            Value::Texts(value) => texts(value),
            Value::Names(value) => texts(value),
            Value::Pairs(pairs) => {
                let name = attribute.name();
                return span
                    .attributes
                    .extend(pairs.iter().map(|(key, value)| pair(&format!("{name}.{key}"), text(value))));
            }
        };
        span.attributes.push(pair(attribute.name(), value));
    });
    span
}

fn check(records: &[Record]) {
    let mut batch = Batch::new(&resource(), options());
    let json = OtlpJson::new(&resource(), options());
    // The second round shows that an emptied batch is as good as new.
    for _ in 0..2 {
        for record in records {
            batch.push(record);
        }
        assert_eq!(batch.len(), records.len());
        let spans = decode(&mut batch);
        for (span, record) in spans.iter().zip(records) {
            assert_eq!(*span, expected(record));
        }
    }
    for record in records {
        let mut line = Vec::new();
        json.write(record, &mut line);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let request: ExportTraceServiceRequest = serde_json::from_slice(&line).unwrap();
        assert_eq!(frame(request, 1), [expected(record)]);
    }
}

#[test]
fn the_oracle_reads_what_was_written() {
    check(&records::table());
}

#[test]
fn an_empty_batch_is_a_request_without_spans() {
    assert!(decode(&mut Batch::new(&resource(), Options::default())).is_empty());
}

#[test]
fn facts_of_the_record_arrive_as_written_by_hand() {
    let mut batch = Batch::new(&resource(), Options::default());
    batch.push(&records::refused());
    let span = &decode(&mut batch)[0];
    let attributes: BTreeMap<_, _> =
        span.attributes.iter().map(|pair| (pair.key.as_str(), pair.value.clone().unwrap().value.unwrap())).collect();
    assert_eq!(attributes.len(), span.attributes.len(), "each name once");
    let rows = [
        ("flow.end_reason", text("end_of_flow_detected")),
        ("error.type", text("connection_refused")),
        ("source.address", text("192.0.2.1")),
        ("source.port", OtlpValue::IntValue(51_234)),
        ("flow.bytes.delta", OtlpValue::IntValue(60)),
        ("flow.reverse.bytes.delta", OtlpValue::IntValue(40)),
        ("flow.tcp.flags.tags", texts(&["SYN"])),
    ];
    for (name, value) in rows {
        assert_eq!(attributes.get(name), Some(&value), "{name}");
    }
    assert_eq!(span.name, "flow_ipv4_tcp");
    assert_eq!(span.kind, 3, "CLIENT");
    assert_eq!(span.status.as_ref().unwrap().code, 2, "ERROR");
}

proptest! {
    #[test]
    fn any_records_arrive(records in proptest::collection::vec(records::any_record(), 0..8)) {
        check(&records);
    }
}
