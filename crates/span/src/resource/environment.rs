//! `OTEL_RESOURCE_ATTRIBUTES`: `name=value` pairs with commas between, reserved characters percent-encoded.

/// What is wrong with `OTEL_RESOURCE_ATTRIBUTES`. The specification wants the whole variable ignored then; the caller
/// decides between that and refusing to start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A pair without `=`.
    #[error("OTEL_RESOURCE_ATTRIBUTES: pair {position} `{pair}` has no `=`; write name=value,name=value")]
    NoEquals {
        /// Which pair, from 1.
        position: usize,
        /// Its text.
        pair: String,
    },
    /// A pair with nothing before `=`.
    #[error("OTEL_RESOURCE_ATTRIBUTES: pair {position} `{pair}` has no name before `=`")]
    NoName {
        /// Which pair, from 1.
        position: usize,
        /// Its text.
        pair: String,
    },
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    #[error(
        "OTEL_RESOURCE_ATTRIBUTES: pair {position} `{pair}` is not percent-encoded UTF-8; \
         write % as %25, a comma as %2C and = as %3D"
    )]
    Encoding {
        /// Which pair, from 1.
        position: usize,
        /// Its text.
        pair: String,
    },
}

/// The pairs in order. Space around names and values does not count.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, EnvironmentError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    text.split(',').enumerate().map(|(index, pair)| parse_pair(index + 1, pair.trim())).collect()
}

fn parse_pair(position: usize, pair: &str) -> Result<(String, String), EnvironmentError> {
    let at = || (position, pair.to_owned());
    let Some((name, value)) = pair.split_once('=') else {
        let (position, pair) = at();
        return Err(EnvironmentError::NoEquals { position, pair });
    };
    let (Some(name), Some(value)) = (decode(name.trim()), decode(value.trim())) else {
        let (position, pair) = at();
        return Err(EnvironmentError::Encoding { position, pair });
    };
    if name.is_empty() {
        let (position, pair) = at();
        return Err(EnvironmentError::NoName { position, pair });
    }
    Ok((name, value))
}

/// Percent-decoding (RFC 3986, section 2.1).
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_at_checked(2)?;
        bytes.push(digit(digits[0])? << 4 | digit(digits[1])?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded() {
        let rows: [(&str, &[(&str, &str)]); 6] = [
            ("", &[]),
            (" ", &[]),
            ("a=b", &[("a", "b")]),
            (" a = b , c=d ", &[("a", "b"), ("c", "d")]),
            ("a=", &[("a", "")]),
            ("k%2Ce=v=%C3%a4%3D%25", &[("k,e", "v=ä=%")]),
        ];
        for (text, expected) in rows {
            let pairs = parse(text).unwrap();
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(pairs, expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let rows = [
            ("a=b,c", "pair 2 `c` has no `=`"),
            ("a=b,", "pair 2 `` has no `=`"),
            ("=b", "pair 1 `=b` has no name"),
            ("a=%", "pair 1 `a=%` is not percent-encoded"),
            ("a=%4", "not percent-encoded"),
            ("a=%+1", "not percent-encoded"),
            ("a=%ff", "not percent-encoded"),
        ];
        for (text, expected) in rows {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
