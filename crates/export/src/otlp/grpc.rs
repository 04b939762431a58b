//! OTLP/gRPC: one message in one frame, and a status behind it
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>,
//! <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-response>).

use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;

use super::answer::{Answer, partial};
use super::destination::Compression;
use super::outcome::{Cause, Outcome};
use super::rpc_status::retry_delay;

/// Before a message: whether it is compressed, and its length.
const FRAME_HEAD: usize = 5;

/// The status codes, by number (<https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>), and whether the OTLP
/// specification has them tried again.
const CODES: [(&str, bool); 17] = [
    ("OK", false),
    ("CANCELLED", true),
    ("UNKNOWN", false),
    ("INVALID_ARGUMENT", false),
    ("DEADLINE_EXCEEDED", true),
    ("NOT_FOUND", false),
    ("ALREADY_EXISTS", false),
    ("PERMISSION_DENIED", false),
    // Only with RetryInfo.
    ("RESOURCE_EXHAUSTED", false),
    ("FAILED_PRECONDITION", false),
    ("ABORTED", true),
    ("OUT_OF_RANGE", true),
    ("UNIMPLEMENTED", false),
    ("INTERNAL", false),
    ("UNAVAILABLE", true),
    ("DATA_LOSS", true),
    ("UNAUTHENTICATED", false),
];
const OK: usize = 0;
const UNKNOWN: usize = 2;
const RESOURCE_EXHAUSTED: usize = 8;
const OUT_OF_RANGE: usize = 11;

/// How libraries say that a message is too long: Go, C++ and Python; Java; Rust; Node.
const TOO_LARGE: [&str; 6] =
    ["larger than max", "exceeds maximum size", "length too large", "message too large", "size exceeds", "too big"];

/// The message in its frame.
pub(super) fn frame(message: &Bytes, compression: Compression) -> Bytes {
    let mut frame = BytesMut::with_capacity(FRAME_HEAD + message.len());
    frame.put_u8(u8::from(compression != Compression::None));
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.extend_from_slice(message);
    frame.freeze()
}

/// The headers of a request.
pub(super) fn set_headers(headers: &mut HeaderMap, compression: Compression, timeout: Duration) {
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("te", HeaderValue::from_static("trailers"));
    if compression != Compression::None {
        headers.insert("grpc-encoding", HeaderValue::from_static(compression.name()));
    }
    // At most eight digits.
    let milliseconds = timeout.as_millis().clamp(1, 99_999_999) as u32;
    if let Ok(value) = HeaderValue::from_str(&format!("{milliseconds}m")) {
        headers.insert("grpc-timeout", value);
    }
}

/// What the response means.
pub(super) fn judge(answer: &Answer) -> Outcome {
    // Without a body, the status is among the headers.
    let trailers = answer.trailers.as_ref().filter(|trailers| trailers.contains_key("grpc-status"));
    let fields = trailers.unwrap_or(&answer.headers);
    let Some(status) = fields.get("grpc-status").and_then(|value| value.to_str().ok()) else {
        return judge_http(answer.status);
    };
    let number = status.parse().ok().filter(|number| *number < CODES.len()).unwrap_or(UNKNOWN);
    if number == OK {
        return Outcome::Delivered(partial(answer.body.get(FRAME_HEAD..).unwrap_or_default()));
    }
    let field = |name: &str| fields.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
    let message = percent_decode_str(&String::from_utf8_lossy(field("grpc-message"))).decode_utf8_lossy().into_owned();
    let details = decode_base64(field("grpc-status-details-bin"));
    judge_status(number, message, retry_delay(&details))
}

/// The specification's table of status codes. Some servers say `OUT_OF_RANGE` of a message that is too long, which
/// would be no better the next time.
fn judge_status(number: usize, message: String, asked: Option<Duration>) -> Outcome {
    let (name, again) = CODES[number];
    let is_size = TOO_LARGE.iter().any(|words| message.to_ascii_lowercase().contains(words));
    let cause = Cause::new(name, message);
    match asked {
        None if is_size && matches!(number, RESOURCE_EXHAUSTED | OUT_OF_RANGE) => Outcome::TooLarge(cause),
        Some(asked) if again || number == RESOURCE_EXHAUSTED => Outcome::TryAgain(asked, cause),
        None if again => Outcome::TryAgain(Duration::ZERO, cause),
        _ => Outcome::Refused(cause),
    }
}

/// What a proxy or a server that is none for gRPC says
/// (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>).
fn judge_http(status: StatusCode) -> Outcome {
    let cause = Cause::new(format!("HTTP {}", status.as_u16()), "the answer is none of gRPC");
    match status.as_u16() {
        429 | 502 | 503 | 504 => Outcome::TryAgain(Duration::ZERO, cause),
        413 => Outcome::TooLarge(cause),
        _ => Outcome::Refused(cause),
    }
}

/// With or without padding: servers differ.
fn decode_base64(text: &[u8]) -> Vec<u8> {
    let either = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, either).decode(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::super::rpc_status::with_delay;
    use super::*;

    fn answer(status: u16, fields: &[(&'static str, &str)]) -> Answer {
        let fields = fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: fields.collect(), body: Bytes::new(), trailers: None }
    }

    #[test]
    fn the_table_of_the_specification() {
        let again = ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"];
        for (number, (name, _)) in CODES.iter().enumerate().skip(1) {
            let cause = Cause::new(*name, "no");
            let plain = judge_status(number, "no".into(), None);
            let with_info = judge_status(number, "no".into(), Some(Duration::from_secs(2)));
            let asked = Outcome::TryAgain(Duration::from_secs(2), cause.clone());
            if again.contains(name) {
                assert_eq!((plain, with_info), (Outcome::TryAgain(Duration::ZERO, cause), asked), "{name}");
            } else if *name == "RESOURCE_EXHAUSTED" {
                assert_eq!((plain, with_info), (Outcome::Refused(cause), asked), "{name}");
            } else {
                assert_eq!((plain, with_info), (Outcome::Refused(cause.clone()), Outcome::Refused(cause)), "{name}");
            }
        }
    }

    #[test]
    fn a_message_too_long_is_known_by_its_words() {
        let rows = [
            (8, "grpc: received message larger than max (5000000 vs. 4194304)"),
            (8, "gRPC message exceeds maximum size 4194304: 5000000"),
            (11, "Error, decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes"),
        ];
        for (number, message) in rows {
            assert!(matches!(judge_status(number, message.into(), None), Outcome::TooLarge(_)), "{message}");
            assert!(!matches!(judge_status(14, message.into(), None), Outcome::TooLarge(_)), "{message}");
        }
    }

    #[test]
    fn messages_are_percent_encoded_and_details_base64() {
        let details = BASE64_STANDARD.encode(with_delay(1, 0));
        let fields = [("grpc-status", "14"), ("grpc-message", "a%20b%0A"), ("grpc-status-details-bin", &details)];
        let expected = Outcome::TryAgain(Duration::from_secs(1), Cause::new("UNAVAILABLE", "a b\n"));
        assert_eq!(judge(&answer(200, &fields)), expected);
        let unpadded = details.trim_end_matches('=').to_owned();
        assert_eq!(judge(&answer(200, &[fields[0], fields[1], ("grpc-status-details-bin", &unpadded)])), expected);
    }

    #[test]
    fn strange_statuses_are_refusals() {
        for status in ["17", "-1", "x", ""] {
            let outcome = judge(&answer(200, &[("grpc-status", status)]));
            assert!(matches!(outcome, Outcome::Refused(Cause { ref code, .. }) if code == "UNKNOWN"), "{outcome:?}");
        }
    }

    #[test]
    fn an_answer_without_grpc_is_judged_by_its_status() {
        for (status, expected) in
            [(503, "again"), (429, "again"), (413, "large"), (404, "no"), (401, "no"), (200, "no")]
        {
            let found = match judge(&answer(status, &[])) {
                Outcome::TryAgain(..) => "again",
                Outcome::TooLarge(_) => "large",
                Outcome::Refused(_) => "no",
                Outcome::Delivered(_) => "taken",
            };
            assert_eq!(found, expected, "{status}");
        }
    }
}
