//! The headers of every request.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::destination::{Authorization, Destination};
use super::secret::{Secret, SecretError};

/// Set by the protocol, so that nobody else may.
const OWN: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "grpc-encoding",
    "host",
    "te",
    "transfer-encoding",
];

/// What is wrong with a header. Never says its value.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The name.
    #[error("`{0}` cannot be the name of a header")]
    Name(String),
    /// One of the protocol's own.
    #[error("the header `{0}` is set by the protocol; leave it out")]
    Own(String),
    /// The value.
    #[error("the value of the header `{0}` has characters that no header may have (a line end?)")]
    Value(String),
    /// It is nowhere.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// The headers that the user wants, secrets read.
pub(super) fn headers(destination: &Destination) -> Result<HeaderMap, HeaderError> {
    let mut map = HeaderMap::new();
    for (name, secret) in &destination.headers {
        let lower = name.trim().to_ascii_lowercase();
        let key: HeaderName = lower.parse().map_err(|_invalid| HeaderError::Name(name.clone()))?;
        if OWN.contains(&key.as_str()) {
            return Err(HeaderError::Own(lower));
        }
        map.insert(key, value(name, &secret.read()?)?);
    }
    if let Some(authorization) = &destination.authorization {
        map.insert(AUTHORIZATION, value(AUTHORIZATION.as_str(), &credentials(authorization)?)?);
    }
    Ok(map)
}

fn credentials(authorization: &Authorization) -> Result<String, SecretError> {
    Ok(match authorization {
        Authorization::Bearer(token) => format!("Bearer {}", token.read()?),
        Authorization::Basic(pair) => format!("Basic {}", BASE64_STANDARD.encode(pair.read()?)),
    })
}

/// Marked so that it is shown nowhere and not put into HPACK's table.
fn value(name: &str, text: &str) -> Result<HeaderValue, HeaderError> {
    let mut value = HeaderValue::from_str(text).map_err(|_invalid| HeaderError::Value(name.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// All secrets of a destination.
pub(super) fn secrets(destination: &Destination) -> impl Iterator<Item = &Secret> {
    let authorization = destination.authorization.as_ref().map(|authorization| match authorization {
        Authorization::Bearer(secret) | Authorization::Basic(secret) => secret,
    });
    destination.headers.iter().map(|(_, secret)| secret).chain(authorization)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<HeaderMap, HeaderError> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::Text((*value).to_owned())));
        headers(&Destination { headers: pairs.collect(), ..Destination::from("http://x") })
    }

    #[test]
    fn the_last_of_a_name_counts_and_none_is_shown() {
        let map = of(&[("X-Key", "one"), ("x-key", "two")]).unwrap();
        assert_eq!(map["x-key"], "two");
        assert_eq!(map.len(), 1);
        assert!(!format!("{map:?}").contains("two"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        let rows = [
            (("a b", "sesame"), "`a b` cannot be the name"),
            (("Content-Type", "sesame"), "`content-type` is set by the protocol"),
            (("x", "sesame\n"), "the value of the header `x`"),
        ];
        for (pair, expected) in rows {
            let text = of(&[pair]).unwrap_err().to_string();
            assert!(text.contains(expected) && !text.contains("sesame"), "{text}");
        }
    }

    #[test]
    fn credentials_have_their_form() {
        let with = |authorization| {
            let destination = Destination { authorization: Some(authorization), ..Destination::from("http://x") };
            headers(&destination).unwrap()[AUTHORIZATION].to_str().unwrap().to_owned()
        };
        assert_eq!(with(Authorization::Bearer(Secret::Text("t".into()))), "Bearer t");
        // The example of RFC 7617, section 2.
        let pair = Secret::Text("Aladdin:open sesame".into());
        assert_eq!(with(Authorization::Basic(pair)), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
