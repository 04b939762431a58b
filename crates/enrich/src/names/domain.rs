//! Names of hosts as text (RFC 1123, section 2.1; RFC 1035, section 2.3.4).

/// Longest name without the last dot, in bytes.
const MAX_NAME: usize = 253;
/// Longest label, in bytes.
const MAX_LABEL: usize = 63;

/// The name in lower case and without its last dot. Absent where it is none of a host: longer than 253 bytes, a label
/// that is empty or longer than 63 bytes, other characters than letters, digits, hyphens and underscores (which RFC
/// 1123 does not know and many names have), a hyphen at an end of a label, or an address as text.
pub fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() || name.len() > MAX_NAME || !name.split('.').all(is_label) {
        return None;
    }
    // The last label of a name is not a number: an address is (RFC 1123, section 2.1; RFC 3696, section 2).
    let is_number = name.rsplit('.').next()?.bytes().all(|byte| byte.is_ascii_digit());
    (!is_number).then(|| name.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(is_letter)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        let rows = [
            ("example.com", Some("example.com")),
            ("WWW.Example.COM.", Some("www.example.com")),
            ("localhost", Some("localhost")),
            ("_dmarc.a-b.xn--bcher-kva.example", Some("_dmarc.a-b.xn--bcher-kva.example")),
            ("10-0-0-5.ns.pod.cluster.local", Some("10-0-0-5.ns.pod.cluster.local")),
            ("3com.com", Some("3com.com")),
            (&longest, Some(&longest)),
            ("", None),
            (".", None),
            ("a..b", None),
            (".a", None),
            ("a..", None),
            ("-a.b", None),
            ("a-.b", None),
            ("a b", None),
            ("a\u{1b}[2J", None),
            ("a/b", None),
            ("bücher.example", None),
            ("192.0.2.1", None),
            ("host.1", None),
            ("::1", None),
        ];
        for (text, expected) in rows {
            assert_eq!(host_name(text).as_deref(), expected, "{text}");
        }
        assert_eq!(host_name(&format!("{label}a")), None);
        assert_eq!(host_name(&format!("{longest}a")), None);
        assert_eq!(host_name(&format!("{longest}.")), Some(longest));
    }
}
