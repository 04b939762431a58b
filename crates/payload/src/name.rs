//! What a name may look like.

use std::sync::Arc;

/// Characters of a name without its last dot (RFC 1035 section 2.3.4, of which 255 count two bytes more).
const LONGEST_NAME: usize = 253;
/// Characters of a label (RFC 1035 section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// The name of these labels, lower case, with dots between them. None where it is no name of a host: longer than 253
/// characters, a label empty or longer than 63, other characters than letters, digits, hyphens and underscores, or a last
/// label of digits, which makes it a number or an IPv4 address.
pub fn of_labels<'a>(labels: impl Iterator<Item = &'a [u8]>) -> Option<Arc<str>> {
    let mut name = String::new();
    let mut is_number = true;
    for label in labels {
        if label.is_empty() || label.len() > LONGEST_LABEL || name.len() + 1 + label.len() > LONGEST_NAME + 1 {
            return None;
        }
        if !label.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        if !name.is_empty() {
            name.push('.');
        }
        is_number = label.iter().all(u8::is_ascii_digit);
        name.extend(label.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
    }
    (!is_number && name.len() <= LONGEST_NAME).then(|| name.into())
}

/// The name that this text is, by the same rules; a dot at its end does not count.
pub fn of_text(text: &[u8]) -> Option<Arc<str>> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    of_labels(text.split(|&byte| byte == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_none() {
        let long = |labels: usize, last: usize| format!("{}{}", "a23456789.".repeat(labels), "b".repeat(last));
        let rows: [(&str, Option<&str>); 17] = [
            ("example.com", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("WWW.Example.COM", Some("www.example.com")),
            ("localhost", Some("localhost")),
            ("_dmarc.a-b.example", Some("_dmarc.a-b.example")),
            ("1.2.3.4.example", Some("1.2.3.4.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("", None),
            (".", None),
            ("a..b", None),
            (".a", None),
            ("192.0.2.1", None),
            ("1234", None),
            ("2001:db8::1", None),
            ("*.example", None),
            ("exa mple.com", None),
            ("b\u{fc}cher.example", None),
        ];
        for (text, expected) in rows {
            assert_eq!(of_text(text.as_bytes()).as_deref(), expected, "{text}");
        }
        assert_eq!(of_text(long(25, 3).as_bytes()).map(|name| name.len()), Some(253));
        assert_eq!(of_text(long(25, 4).as_bytes()), None);
        assert!(of_text(long(0, 63).as_bytes()).is_some());
        assert_eq!(of_text(long(0, 64).as_bytes()), None);
    }
}
