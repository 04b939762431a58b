//! `--output otlp-json`: one `ExportTraceServiceRequest` a line, in OTLP's JSON mapping: lowerCamelCase names, ids in
//! hexadecimal, 64-bit integers as strings, enumerations as numbers
//! (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>).

use flowtrace_flow::Record;

use crate::json_text::{put_hex, put_integer, put_list, put_quoted, put_string};
use crate::resource::{Resource, ResourceValue};
use crate::{Attribute, Options, Profile, SCHEMA_URL, Value, attributes, keys, kind, scope, span_name, status};

/// Writes records as lines of OTLP/JSON, one request with one span each.
#[derive(Clone, Debug)]
pub struct OtlpJson {
    options: Options,
    /// Every line up to the span's opening brace.
    head: Vec<u8>,
    /// Every line from the span's closing brace.
    tail: Vec<u8>,
}

impl OtlpJson {
    /// A writer of spans of this resource.
    pub fn new(resource: &Resource, options: Options) -> Self {
        let mut head = b"{\"resourceSpans\":[{\"resource\":{\"attributes\":[".to_vec();
        put_list(&mut head, resource.attributes(), |out, (name, value)| {
            out.extend_from_slice(b"{\"key\":");
            put_string(out, name);
            out.extend_from_slice(b",\"value\":");
            put_resource_value(out, value);
            out.push(b'}');
        });
        head.extend_from_slice(b"]},\"scopeSpans\":[{\"scope\":{\"name\":");
        put_string(&mut head, scope::NAME);
        head.extend_from_slice(b",\"version\":");
        put_string(&mut head, scope::VERSION);
        head.extend_from_slice(b"},\"spans\":[{");
        let mut tail = b"}],\"schemaUrl\":".to_vec();
        put_string(&mut tail, SCHEMA_URL);
        tail.extend_from_slice(b"}],\"schemaUrl\":");
        put_string(&mut tail, SCHEMA_URL);
        tail.extend_from_slice(b"}]}\n");
        Self { options, head, tail }
    }

    /// Appends the line of the record.
    pub fn write(&self, record: &Record, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        put_span_head(out, record, self.options.selection.profile());
        out.extend_from_slice(b",\"attributes\":[");
        let mut first = true;
        attributes(record, &self.options, &mut |attribute, value| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            put_attribute(out, attribute, value);
        });
        out.push(b']');
        if status(record).is_some() {
            out.extend_from_slice(b",\"status\":{\"code\":2}");
        }
        out.extend_from_slice(&self.tail);
    }
}

/// Everything before `attributes`.
fn put_span_head(out: &mut Vec<u8>, record: &Record, profile: Profile) {
    out.extend_from_slice(b"\"traceId\":");
    put_hex(out, &record.trace_id);
    out.extend_from_slice(b",\"spanId\":");
    put_hex(out, &record.span_id);
    if let Some(parent) = &record.parent_span_id {
        out.extend_from_slice(b",\"parentSpanId\":");
        put_hex(out, parent);
    }
    out.extend_from_slice(b",\"name\":");
    put_string(out, &span_name(record));
    out.extend_from_slice(b",\"kind\":");
    put_integer(out, kind(record, profile).number().into());
    out.extend_from_slice(b",\"startTimeUnixNano\":");
    put_quoted(out, record.start);
    out.extend_from_slice(b",\"endTimeUnixNano\":");
    put_quoted(out, record.end);
}

/// An attribute, or those of a map. Part of its caller, or that would be copied to every attribute's place.
#[inline(always)]
fn put_attribute(out: &mut Vec<u8>, attribute: Attribute, value: Value<'_>) {
    let put_key = |out: &mut Vec<u8>| out.extend_from_slice(keys::json(attribute));
    match value {
        Value::Text(text) => put_pair(out, put_key, |out| put_text(out, text)),
        Value::Integer(value) => put_pair(out, put_key, |out| put_int_value(out, value)),
        Value::Texts(texts) => put_pair(out, put_key, |out| put_texts(out, texts)),
        Value::Names(names) => put_pair(out, put_key, |out| put_texts(out, names)),
        Value::Pairs(pairs) => put_list(out, pairs, |out, (key, text)| {
            put_pair(out, |out| keys::put_json_of(out, attribute, key), |out| put_text(out, text));
        }),
    }
}

/// A `KeyValue`.
#[inline]
fn put_pair(out: &mut Vec<u8>, put_key: impl FnOnce(&mut Vec<u8>), put_value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"key\":");
    put_key(out);
    out.extend_from_slice(b",\"value\":");
    put_value(out);
    out.push(b'}');
}

fn put_resource_value(out: &mut Vec<u8>, value: &ResourceValue) {
    match value {
        ResourceValue::Text(text) => put_text(out, text),
        ResourceValue::Integer(value) => put_int_value(out, *value),
        ResourceValue::Texts(texts) => put_texts(out, texts),
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"{\"stringValue\":");
    put_string(out, text);
    out.push(b'}');
}

fn put_int_value(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(b"{\"intValue\":\"");
    put_integer(out, value);
    out.extend_from_slice(b"\"}");
}

fn put_texts<T: AsRef<str>>(out: &mut Vec<u8>, texts: &[T]) {
    out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
    put_list(out, texts, |out, text| put_text(out, text.as_ref()));
    out.extend_from_slice(b"]}}");
}
