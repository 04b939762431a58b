//! OTLP as protocol buffers: records are written straight into the bytes of an `ExportTraceServiceRequest`.
//! Field numbers: opentelemetry/proto/{collector/trace,trace,resource,common}/v1.
//!
//! Lengths stand before what they measure. Those of attributes are computed; that of a span is known when it is put into
//! the batch; those around the spans are written when the batch is finished, into room left before the first span. All
//! are exact: no padded varints.

mod room;
mod span;

use bytes::Bytes;
use flowtrace_flow::Record;

use crate::protobuf::{field_length, put_bytes, put_head, put_integer, varint_length};
use crate::resource::{Resource, ResourceValue};
use crate::{Options, SCHEMA_URL, scope};
use span::SpanWriter;

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
    /// Where a span is put together.
    span: SpanWriter,
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
        let mut batch =
            Self { options, resource, scope, schema, span: SpanWriter::default(), buffer: Vec::new(), spans: 0 };
        batch.buffer = batch.room(CAPACITY);
        batch
    }

    /// Adds the record.
    pub fn push(&mut self, record: &Record) {
        let span = self.span.write(record, &self.options);
        put_bytes(&mut self.buffer, SPANS, span);
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
                put_array(out, texts);
            }
        }
    }
}

/// Bytes of an `ArrayValue` of texts.
fn array_length<T: AsRef<str>>(texts: &[T]) -> usize {
    texts.iter().map(|text| field_length(field_length(text.as_ref().len()))).sum()
}

/// Appends the values of an `ArrayValue` of texts.
fn put_array(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        put_head(out, any::ARRAY_VALUES, field_length(text.len()));
        put_bytes(out, any::TEXT, text.as_bytes());
    }
}

/// Appends a `KeyValue` whose key is encoded.
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
