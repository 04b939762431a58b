//! The pieces of JSON (RFC 8259): strings and numbers, written straight into a buffer.

/// Appends a string with its quotes.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    put_inner(out, text);
    out.push(b'"');
}

/// Appends what stands between a string's quotes. What is not ASCII stays as it is: JSON is UTF-8.
#[inline(always)]
pub(crate) fn put_inner(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        put_escaped(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Section 7: the characters that must be escaped.
fn put_escaped(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            crate::hex::put(out, &[byte]);
        }
    }
}

/// Appends a number.
pub(crate) fn put_integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a number as a string: how JSON carries 64 bits without loss.
pub(crate) fn put_quoted(out: &mut Vec<u8>, value: u64) {
    out.push(b'"');
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    out.push(b'"');
}

/// Appends bytes as a string of hexadecimal digits.
pub(crate) fn put_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    crate::hex::put(out, bytes);
    out.push(b'"');
}

/// Appends each of the items by `put`, with commas between.
pub(crate) fn put_list<T>(out: &mut Vec<u8>, items: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        put(out, item);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_must_be_escaped_is() {
        let rows = [
            ("", r#""""#),
            ("é→", r#""é→""#),
            ("a\"\\/\n\r\t\u{0}\u{1f}\u{7f}", "\"a\\\"\\\\/\\n\\r\\t\\u0000\\u001f\u{7f}\""),
        ];
        for (text, expected) in rows {
            let mut out = Vec::new();
            put_string(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_string_comes_back(text: String) {
            let mut out = Vec::new();
            put_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }

        #[test]
        fn any_number_comes_back(value: i64) {
            let mut out = Vec::new();
            put_integer(&mut out, value);
            prop_assert_eq!(serde_json::from_slice::<i64>(&out).unwrap(), value);
        }
    }
}
