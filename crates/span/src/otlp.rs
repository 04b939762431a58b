//! OTLP as protocol buffers: records are written straight into the bytes of an `ExportTraceServiceRequest`.
//! Field numbers: opentelemetry/proto/{collector/trace,trace,resource,common}/v1.
//!
//! Lengths stand before what they measure. Those of attributes are computed; that of a span gets two bytes (right from
//! 128 to 16,383 bytes) and is moved in the rare other case; those around the spans are written when the batch is
//! finished, into room left before the first span. All are exact: no padded varints.

use bytes::Bytes;
use flowtrace_flow::Record;

use crate::protobuf::{field_length, put_bytes, put_fixed64, put_head, put_integer, put_varint, varint_length};
use crate::resource::{Resource, ResourceValue};
use crate::{Attribute, Options, SCHEMA_URL, Value, attributes, keys, kind, scope, span_name, status};

/// `ExportTraceServiceRequest.resource_spans`.
const RESOURCE_SPANS: u8 = 1;
/// `ResourceSpans.resource`.
const RESOURCE: u8 = 1;
/// `ResourceSpans.scope_spans`.
const SCOPE_SPANS: u8 = 2;
/// `ScopeSpans.scope`.
const SCOPE: u8 = 1;
/// `ScopeSpans.spans`.
const SPANS: u8 = 2;
/// `schema_url` of `ResourceSpans` and `ScopeSpans`.
const SCHEMA: u8 = 3;
/// Fields of `Span`.
mod span {
    pub(super) const TRACE_ID: u8 = 1;
    pub(super) const SPAN_ID: u8 = 2;
    pub(super) const PARENT_SPAN_ID: u8 = 4;
    pub(super) const NAME: u8 = 5;
    pub(super) const KIND: u8 = 6;
    pub(super) const START_TIME: u8 = 7;
    pub(super) const END_TIME: u8 = 8;
    pub(super) const ATTRIBUTES: u8 = 9;
    /// The last field with a tag of one byte.
    pub(super) const STATUS: u8 = 15;
}
/// `Status.code`.
const STATUS_CODE: u8 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;
/// `KeyValue.key`, `InstrumentationScope.name` and `Resource.attributes`.
const FIRST: u8 = 1;
/// `KeyValue.value` and `InstrumentationScope.version`.
const SECOND: u8 = 2;
/// Fields of `AnyValue`, and `ArrayValue.values`.
mod any {
    pub(super) const TEXT: u8 = 1;
    pub(super) const INTEGER: u8 = 3;
    pub(super) const ARRAY: u8 = 5;
    pub(super) const ARRAY_VALUES: u8 = 1;
}

/// Tag and length, at most: a length has at most 10 bytes.
const HEAD_MAX: usize = 11;
/// The first allocation of a batch, in bytes.
const CAPACITY: usize = 64 << 10;

/// Records on their way into one `ExportTraceServiceRequest` with one resource and one scope.
#[derive(Clone, Debug)]
pub struct Batch {
    options: Options,
    /// `ResourceSpans.resource`, encoded.
    resource: Vec<u8>,
    /// `ScopeSpans.scope`, encoded.
    scope: Vec<u8>,
    /// The schema URL, encoded; the same field in both messages.
    schema: Vec<u8>,
    /// Room for what comes before the spans, then the spans.
    buffer: Vec<u8>,
    spans: usize,
}

impl Batch {
    /// An empty batch of spans of this resource.
    pub fn new(resource: &Resource, options: Options) -> Self {
        let mut schema = Vec::new();
        put_bytes(&mut schema, SCHEMA, SCHEMA_URL.as_bytes());
        let (resource, scope) = (encode_resource(resource), encode_scope());
        let mut batch = Self { options, resource, scope, schema, buffer: Vec::new(), spans: 0 };
        batch.buffer = batch.room(CAPACITY);
        batch
    }

    /// Adds the record.
    pub fn push(&mut self, record: &Record) {
        // One byte of tag and two of length, the usual case.
        put_head(&mut self.buffer, SPANS, 128);
        let body = self.buffer.len();
        put_span(&mut self.buffer, record, &self.options);
        set_length(&mut self.buffer, body);
        self.spans += 1;
    }

    /// How many records are in it.
    pub fn len(&self) -> usize {
        self.spans
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// How many bytes it has, the frame around the spans included; a few more than it will have in the end.
    pub fn bytes(&self) -> usize {
        self.buffer.len() + 2 * self.schema.len()
    }

    /// The encoded request. The batch is empty afterwards and can be filled again.
    pub fn finish(&mut self) -> Bytes {
        let next = self.room(self.buffer.len());
        let mut buffer = std::mem::replace(&mut self.buffer, next);
        self.spans = 0;

        let room = self.room_length();
        buffer.extend_from_slice(&self.schema);
        let scope_spans = self.scope.len() + buffer.len() - room;
        buffer.extend_from_slice(&self.schema);
        let resource_spans = self.resource.len() + field_length(scope_spans) + self.schema.len();

        let mut head = Vec::with_capacity(room);
        put_head(&mut head, RESOURCE_SPANS, resource_spans);
        head.extend_from_slice(&self.resource);
        put_head(&mut head, SCOPE_SPANS, scope_spans);
        head.extend_from_slice(&self.scope);
        let start = room - head.len();
        buffer[start..room].copy_from_slice(&head);
        Bytes::from(buffer).slice(start..)
    }

    /// Bytes left free before the first span.
    fn room_length(&self) -> usize {
        self.resource.len() + self.scope.len() + 2 * HEAD_MAX
    }

    /// A buffer with the room, and memory for as much as the last one needed.
    fn room(&self, capacity: usize) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(capacity + 2 * self.schema.len());
        buffer.resize(self.room_length(), 0);
        buffer
    }
}

/// Puts the length of what follows `body` into the two bytes before it, or more or fewer where it needs them.
fn set_length(out: &mut Vec<u8>, body: usize) {
    let length = out.len() - body;
    if varint_length(length as u64) == 2 {
        out[body - 2] = length as u8 | 0x80;
        out[body - 1] = (length >> 7) as u8;
    } else {
        let mut head = Vec::new();
        put_varint(&mut head, length as u64);
        out.splice(body - 2..body, head);
    }
}

fn put_span(out: &mut Vec<u8>, record: &Record, options: &Options) {
    put_bytes(out, span::TRACE_ID, &record.trace_id);
    put_bytes(out, span::SPAN_ID, &record.span_id);
    if let Some(parent) = &record.parent_span_id {
        put_bytes(out, span::PARENT_SPAN_ID, parent);
    }
    put_bytes(out, span::NAME, span_name(record).as_bytes());
    put_integer(out, span::KIND, kind(record, options.selection.profile()).number().into());
    put_fixed64(out, span::START_TIME, record.start);
    put_fixed64(out, span::END_TIME, record.end);
    attributes(record, options, &mut |attribute, value| put_attribute(out, attribute, value));
    if status(record).is_some() {
        put_head(out, span::STATUS, 2);
        put_integer(out, STATUS_CODE, ERROR);
    }
}

fn put_attribute(out: &mut Vec<u8>, attribute: Attribute, value: Value<'_>) {
    let key = keys::protobuf(attribute);
    let value = match value {
        Value::Text(text) => Any::Text(text),
        Value::Integer(value) => Any::Integer(value),
        Value::Texts(texts) => Any::Texts(texts),
    };
    put_pair(out, span::ATTRIBUTES, key, value);
}

/// An `AnyValue`.
#[derive(Clone, Copy)]
enum Any<'a> {
    Text(&'a str),
    Integer(i64),
    Texts(&'a [&'a str]),
}

impl Any<'_> {
    fn length(self) -> usize {
        match self {
            Self::Text(text) => field_length(text.len()),
            Self::Integer(value) => 1 + varint_length(value.cast_unsigned()),
            Self::Texts(texts) => field_length(array_length(texts)),
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => put_bytes(out, any::TEXT, text.as_bytes()),
            Self::Integer(value) => put_integer(out, any::INTEGER, value.cast_unsigned()),
            Self::Texts(texts) => {
                put_head(out, any::ARRAY, array_length(texts));
                for text in texts {
                    put_head(out, any::ARRAY_VALUES, field_length(text.len()));
                    put_bytes(out, any::TEXT, text.as_bytes());
                }
            }
        }
    }
}

/// Bytes of an `ArrayValue` of texts.
fn array_length(texts: &[&str]) -> usize {
    texts.iter().map(|text| field_length(field_length(text.len()))).sum()
}

/// Appends a `KeyValue` whose key is encoded.
#[inline]
fn put_pair(out: &mut Vec<u8>, field: u8, key: &[u8], value: Any<'_>) {
    let length = value.length();
    put_head(out, field, key.len() + field_length(length));
    out.extend_from_slice(key);
    put_head(out, SECOND, length);
    value.put(out);
}

fn encode_resource(resource: &Resource) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in resource.attributes() {
        let mut key = Vec::new();
        put_bytes(&mut key, FIRST, name.as_bytes());
        match value {
            ResourceValue::Text(text) => put_pair(&mut body, FIRST, &key, Any::Text(text)),
            ResourceValue::Integer(value) => put_pair(&mut body, FIRST, &key, Any::Integer(*value)),
            ResourceValue::Texts(texts) => {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                put_pair(&mut body, FIRST, &key, Any::Texts(&texts));
            }
        }
    }
    let mut out = Vec::new();
    put_bytes(&mut out, RESOURCE, &body);
    out
}

fn encode_scope() -> Vec<u8> {
    let mut body = Vec::new();
    put_bytes(&mut body, FIRST, scope::NAME.as_bytes());
    put_bytes(&mut body, SECOND, scope::VERSION.as_bytes());
    let mut out = Vec::new();
    put_bytes(&mut out, SCOPE, &body);
    out
}
