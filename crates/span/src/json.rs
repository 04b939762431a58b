//! `--output json`: one flat object a line.

use flowtrace_flow::Record;

use crate::json_text::{put_hex, put_integer, put_list, put_quoted, put_string};
use crate::resource::{Resource, ResourceValue};
use crate::{Attribute, Options, Profile, Value, attributes, keys, kind, span_name, status};

/// Writes records as lines of JSON.
///
/// Keys, in this order: `trace_id`, `span_id`, `parent_span_id` (absent for a root), `name`, `kind` (`CLIENT`,
/// `SERVER`, `INTERNAL`), `start_time_unix_nano` and `end_time_unix_nano` (decimal strings), `status` (absent when
/// unset, otherwise `{"code":2}` as in OTLP/JSON), `attributes` and `resource` (flat objects).
#[derive(Clone, Debug)]
pub struct Json {
    options: Options,
    /// The end of every line, from the comma before `"resource"`.
    tail: Vec<u8>,
}

impl Json {
    /// A writer of spans of this resource.
    pub fn new(resource: &Resource, options: Options) -> Self {
        let mut tail = b",\"resource\":{".to_vec();
        put_list(&mut tail, resource.attributes(), |out, (name, value)| {
            put_string(out, name);
            out.push(b':');
            put_resource_value(out, value);
        });
        tail.extend_from_slice(b"}}\n");
        Self { options, tail }
    }

    /// Appends the line of the record.
    pub fn write(&self, record: &Record, out: &mut Vec<u8>) {
        put_head(out, record, self.options.selection.profile());
        out.extend_from_slice(b",\"attributes\":{");
        let mut first = true;
        attributes(record, &self.options, &mut |attribute, value| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            put_attribute(out, attribute, value);
        });
        out.push(b'}');
        out.extend_from_slice(&self.tail);
    }
}

/// Everything before `attributes`.
fn put_head(out: &mut Vec<u8>, record: &Record, profile: Profile) {
    out.extend_from_slice(b"{\"trace_id\":");
    put_hex(out, &record.trace_id);
    out.extend_from_slice(b",\"span_id\":");
    put_hex(out, &record.span_id);
    if let Some(parent) = &record.parent_span_id {
        out.extend_from_slice(b",\"parent_span_id\":");
        put_hex(out, parent);
    }
    out.extend_from_slice(b",\"name\":");
    put_string(out, &span_name(record));
    out.extend_from_slice(b",\"kind\":");
    put_string(out, kind(record, profile).name());
    out.extend_from_slice(b",\"start_time_unix_nano\":");
    put_quoted(out, record.start);
    out.extend_from_slice(b",\"end_time_unix_nano\":");
    put_quoted(out, record.end);
    if status(record).is_some() {
        out.extend_from_slice(b",\"status\":{\"code\":2}");
    }
}

/// An attribute, or those of a map. Part of its caller, or that would be copied to every attribute's place.
#[inline(always)]
fn put_attribute(out: &mut Vec<u8>, attribute: Attribute, value: Value<'_>) {
    match value {
        Value::Text(text) => put_string(put_key(out, attribute), text),
        Value::Integer(value) => put_integer(put_key(out, attribute), value),
        Value::Texts(texts) => put_texts(put_key(out, attribute), texts),
        Value::Names(names) => put_texts(put_key(out, attribute), names),
        Value::Pairs(pairs) => put_list(out, pairs, |out, (key, text)| {
            keys::put_json_of(out, attribute, key);
            out.push(b':');
            put_string(out, text);
        }),
    }
}

#[inline(always)]
fn put_key(out: &mut Vec<u8>, attribute: Attribute) -> &mut Vec<u8> {
    out.extend_from_slice(keys::json(attribute));
    out.push(b':');
    out
}

fn put_texts<T: AsRef<str>>(out: &mut Vec<u8>, texts: &[T]) {
    out.push(b'[');
    put_list(out, texts, |out, text| put_string(out, text.as_ref()));
    out.push(b']');
}

fn put_resource_value(out: &mut Vec<u8>, value: &ResourceValue) {
    match value {
        ResourceValue::Text(text) => put_string(out, text),
        ResourceValue::Integer(value) => put_integer(out, *value),
        ResourceValue::Texts(texts) => put_texts(out, texts),
    }
}
