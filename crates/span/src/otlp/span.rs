//! One span as protocol buffers.

use flowtrace_flow::Record;

use super::room::Room;
use super::{Any, FIRST, SECOND, any, array_length, put_pair};
use crate::keys::{self, ProtobufKey};
use crate::protobuf::{field_length, fixed64_tag, length_tag, small_varint, varint_tag};
use crate::values::{Visit, visit};
use crate::{Attribute, Options, Value, kind, span_name, status};

/// Fields of `Span`.
const TRACE_ID: u8 = 1;
const SPAN_ID: u8 = 2;
const PARENT_SPAN_ID: u8 = 4;
const NAME: u8 = 5;
const KIND: u8 = 6;
const START_TIME: u8 = 7;
const END_TIME: u8 = 8;
const ATTRIBUTES: u8 = 9;
/// The last field with a tag of one byte.
const STATUS: u8 = 15;
/// `Status.code`.
const STATUS_CODE: u8 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The bytes of a text, or of an array, with which every length of an attribute is one byte, however long its name.
const SHORT: usize = 127 - 4 - (ProtobufKey::ROOM - ProtobufKey::HEAD);
/// What an attribute adds to its key where the value is an integer of at most 56 bits: tag and length of `AnyValue`, the
/// integer's tag, a varint; as much as two words.
const INTEGER_ROOM: usize = 16;

/// Puts spans together, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct SpanWriter(Room);

impl SpanWriter {
    /// The record's `Span`, without tag and length.
    pub(super) fn write(&mut self, record: &Record, options: &Options) -> &[u8] {
        self.0.clear();
        put_head(&mut self.0, record, options);
        visit(record, options, self);
        if status(record).is_some() {
            self.0.put(&[length_tag(STATUS), 2, varint_tag(STATUS_CODE), ERROR]);
        }
        self.0.filled()
    }
}

fn put_head(out: &mut Room, record: &Record, options: &Options) {
    put_id(out, TRACE_ID, &record.trace_id);
    put_id(out, SPAN_ID, &record.span_id);
    if let Some(parent) = &record.parent_span_id {
        put_id(out, PARENT_SPAN_ID, parent);
    }
    // Of at most 32 bytes.
    let name = span_name(record);
    out.put(&[length_tag(NAME), name.len() as u8]);
    out.put(name.as_bytes());
    out.put(&[varint_tag(KIND), kind(record, options.selection.profile()).number()]);
    put_time(out, START_TIME, record.start);
    put_time(out, END_TIME, record.end);
}

#[inline]
fn put_id<const N: usize>(out: &mut Room, field: u8, id: &[u8; N]) {
    out.put(&[length_tag(field), N as u8]);
    out.put(id);
}

#[inline]
fn put_time(out: &mut Room, field: u8, time: u64) {
    out.put(&[fixed64_tag(field)]);
    out.put(&time.to_le_bytes());
}

impl Visit for SpanWriter {
    /// Nearly all attributes are so short that each of their lengths is one byte: these are put together from pieces of
    /// fixed sizes.
    #[inline(always)]
    fn visit(&mut self, attribute: Attribute, value: Value<'_>) {
        let key = keys::protobuf(attribute);
        match value {
            // Asked here, once for each attribute, which the processor foresees: most are always small, or never.
            Value::Integer(value @ 0..=0x7f) => put_byte(&mut self.0, key, value as u8),
            Value::Integer(value) => put_integer(&mut self.0, key, value),
            Value::Text(text) => put_text(&mut self.0, key, text),
            Value::Texts(texts) => put_texts(&mut self.0, key, texts),
            Value::Names(names) => put_texts(&mut self.0, key, names),
            Value::Pairs(pairs) => pairs.iter().for_each(|(name, text)| put_of_map(&mut self.0, key, name, text)),
        }
    }
}

/// An integer below 128.
#[inline(never)]
fn put_byte(out: &mut Room, key: &ProtobufKey, value: u8) {
    let at = put_key(out, key, ProtobufKey::ROOM + 4, 4, |rest| {
        rest[..4].copy_from_slice(&[length_tag(SECOND), 2, varint_tag(any::INTEGER), value]);
    });
    out.fill(at + 4);
}

#[inline(never)]
fn put_integer(out: &mut Room, key: &ProtobufKey, value: i64) {
    if value >> 56 != 0 {
        return put_long(out, key, Any::Integer(value));
    }
    let (varint, length) = small_varint(value.cast_unsigned());
    let head = [length_tag(SECOND), 1 + length as u8, varint_tag(any::INTEGER)];
    let tail = u128::from(varint) << 24 | u128::from(u32::from_le_bytes([head[0], head[1], head[2], 0]));
    let at = put_key(out, key, ProtobufKey::ROOM + INTEGER_ROOM, 3 + length, |rest| {
        rest[..INTEGER_ROOM].copy_from_slice(&tail.to_le_bytes());
    });
    out.fill(at + 3 + length);
}

#[inline(never)]
fn put_text(out: &mut Room, key: &ProtobufKey, text: &str) {
    let length = text.len();
    if length > SHORT {
        return put_long(out, key, Any::Text(text));
    }
    let at = put_key(out, key, ProtobufKey::ROOM + 4 + SHORT, 4 + length, |rest| {
        rest[..4].copy_from_slice(&head(any::TEXT, length));
        rest[4..4 + length].copy_from_slice(text.as_bytes());
    });
    out.fill(at + 4 + length);
}

#[inline(never)]
fn put_texts<T: AsRef<str>>(out: &mut Room, key: &ProtobufKey, texts: &[T]) {
    let length = array_length(texts);
    if length > SHORT {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        return put_long(out, key, Any::Texts(&texts));
    }
    let at = put_key(out, key, ProtobufKey::ROOM + 4, 4 + length, |rest| {
        rest[..4].copy_from_slice(&head(any::ARRAY, length));
    });
    out.fill(at + 4);
    for text in texts {
        put_item(out, text.as_ref());
    }
}

/// A text of an array, of at most [`SHORT`] bytes.
#[inline(always)]
fn put_item(out: &mut Room, text: &str) {
    let length = text.len() as u8;
    let [a, b, c, d] = [length_tag(any::ARRAY_VALUES), 2 + length, length_tag(any::TEXT), length];
    if let [x, y, z] = *text.as_bytes() {
        // The name of a TCP flag.
        return out.put(&[a, b, c, d, x, y, z]);
    }
    out.put(&[a, b, c, d]);
    out.put(text.as_bytes());
}

/// Tag and length of `AnyValue`, then of the field in it, which has `length` bytes, at most [`SHORT`].
const fn head(field: u8, length: usize) -> [u8; 4] {
    let length = length as u8;
    [length_tag(SECOND), 2 + length, length_tag(field), length]
}

/// Writes the beginning of an attribute, `count` bytes of which are to follow, and by `put` the first of these; `room` is
/// for both. Says where those begin.
#[inline(always)]
fn put_key(out: &mut Room, key: &ProtobufKey, room: usize, count: usize, put: impl FnOnce(&mut [u8])) -> usize {
    let (room, length) = (out.next(room), usize::from(key.length));
    room[..ProtobufKey::ROOM].copy_from_slice(&key.bytes);
    room[ProtobufKey::LENGTH_AT] = (length - ProtobufKey::HEAD + count) as u8;
    put(&mut room[length..]);
    length
}

/// One attribute of a map, of any length: its name is the map's, a dot, and its own.
#[inline(never)]
fn put_of_map(out: &mut Room, map: &ProtobufKey, name: &str, text: &str) {
    let value = field_length(text.len());
    let key = map.name().len() + 1 + name.len();
    out.put_head(ATTRIBUTES, field_length(key) + field_length(value));
    out.put_head(FIRST, key);
    out.put(map.name());
    out.put(b".");
    out.put(name.as_bytes());
    out.put_head(SECOND, value);
    out.put_head(any::TEXT, text.len());
    out.put(text.as_bytes());
}

/// Any attribute, of any length.
#[cold]
fn put_long(out: &mut Room, key: &ProtobufKey, value: Any<'_>) {
    out.append(|out| put_pair(out, ATTRIBUTES, key.key(), value));
}
