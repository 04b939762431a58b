//! The usual way: the messages of opentelemetry-proto, encoded by prost.

use std::sync::Arc;

use flowtrace_flow::Record;
use flowtrace_span::{
    Options, Profile, Resource, ResourceValue, SCHEMA_URL, Value, attributes, kind, span_name, status,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource as ResourceMessage;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

/// The records as a request.
pub fn encode(records: &[Record], resource: &Resource, options: &Options) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: "flowtrace".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    };
    let spans = ScopeSpans {
        scope: Some(scope),
        spans: records.iter().map(|record| span(record, options)).collect(),
        schema_url: SCHEMA_URL.into(),
    };
    let attributes = resource.attributes().iter().map(|(name, value)| pair(name, resource_value(value))).collect();
    let spans = ResourceSpans {
        resource: Some(ResourceMessage { attributes, ..ResourceMessage::default() }),
        scope_spans: vec![spans],
        schema_url: SCHEMA_URL.into(),
    };
    ExportTraceServiceRequest { resource_spans: vec![spans] }.encode_to_vec()
}

fn span(record: &Record, options: &Options) -> Span {
    let mut pairs = Vec::with_capacity(64);
    attributes(record, options, &mut |attribute, value| {
        let value = match value {
            Value::Text(text) => Any::StringValue(text.into()),
            Value::Integer(number) => Any::IntValue(number),
            Value::Texts(texts) => array(texts),
            Value::Names(names) => array(names),
            Value::Pairs(of_map) => {
                let pair = |(key, text): &(Arc<str>, Arc<str>)| {
                    pair(&format!("{}.{key}", attribute.name()), Any::StringValue(text.to_string()))
                };
                return pairs.extend(of_map.iter().map(pair));
            }
        };
        pairs.push(pair(attribute.name(), value));
    });
    Span {
        trace_id: record.trace_id.to_vec(),
        span_id: record.span_id.to_vec(),
        parent_span_id: record.parent_span_id.map(Vec::from).unwrap_or_default(),
        name: span_name(record).to_string(),
        kind: kind(record, Profile::Reference).number().into(),
        start_time_unix_nano: record.start,
        end_time_unix_nano: record.end,
        attributes: pairs,
        status: status(record).map(|_| Status { code: 2, ..Status::default() }),
        ..Span::default()
    }
}

fn resource_value(value: &ResourceValue) -> Any {
    match value {
        ResourceValue::Text(text) => Any::StringValue(text.clone()),
        ResourceValue::Integer(number) => Any::IntValue(*number),
        ResourceValue::Texts(texts) => array(texts),
    }
}

fn array<T: AsRef<str>>(texts: &[T]) -> Any {
    let text = |text: &T| AnyValue { value: Some(Any::StringValue(text.as_ref().into())) };
    Any::ArrayValue(ArrayValue { values: texts.iter().map(text).collect() })
}

fn pair(name: &str, value: Any) -> KeyValue {
    KeyValue { key: name.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
