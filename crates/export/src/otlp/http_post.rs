//! OTLP/HTTP: a POST with the request in protocol buffers or JSON
//! (<https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use prost::Message;

use super::answer::{Answer, partial, partial_json};
use super::destination::Compression;
use super::outcome::{Cause, Outcome};
use super::rpc_status::RpcStatus;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The headers of a request.
pub(super) fn set_headers(headers: &mut HeaderMap, json: bool, compression: Compression) {
    headers.insert("content-type", HeaderValue::from_static(if json { JSON } else { PROTOBUF }));
    if compression != Compression::None {
        headers.insert("content-encoding", HeaderValue::from_static(compression.name()));
    }
}

/// The specification's table of status codes.
pub(super) fn judge(answer: &Answer, now: SystemTime) -> Outcome {
    let number = answer.status.as_u16();
    let json = answer.header("content-type").is_some_and(|kind| kind.starts_with(JSON));
    if answer.status.is_success() {
        let partial = if json { partial_json(&answer.body) } else { partial(&answer.body[..]) };
        return Outcome::Delivered(partial);
    }
    let cause = Cause::new(format!("HTTP {number}"), message(answer, json));
    match number {
        429 | 502 | 503 | 504 => {
            let asked = answer.header("retry-after").and_then(|text| retry_after(text, now));
            Outcome::TryAgain(asked.unwrap_or_default(), cause)
        }
        413 => Outcome::TooLarge(cause),
        _ => Outcome::Refused(cause),
    }
}

/// A number of seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The sentence in a `Status`, or what else came as text.
fn message(answer: &Answer, json: bool) -> String {
    let is_protobuf = answer.header("content-type").is_some_and(|kind| kind.starts_with(PROTOBUF));
    if is_protobuf {
        return RpcStatus::decode(&answer.body[..]).map(|status| status.message).unwrap_or_default();
    }
    let value: Option<serde_json::Value> = if json { serde_json::from_slice(&answer.body).ok() } else { None };
    let sentence = value.as_ref().and_then(|value| value["message"].as_str()).map(str::to_owned);
    sentence.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;

    fn answer(status: u16, fields: &[(&'static str, &str)], body: &[u8]) -> Answer {
        let fields = fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: fields.collect(), body: Bytes::copy_from_slice(body), trailers: None }
    }

    #[test]
    fn the_table_of_the_specification() {
        for number in 200..600 {
            let outcome = judge(&answer(number, &[("retry-after", "7")], b""), SystemTime::now());
            match (number, outcome) {
                (200..300, Outcome::Delivered(_)) => {}
                (429 | 502 | 503 | 504, Outcome::TryAgain(asked, _)) => assert_eq!(asked.as_secs(), 7),
                (413, Outcome::TooLarge(_)) => {}
                (300..429 | 430..502 | 505.., Outcome::Refused(cause)) => {
                    assert_eq!(cause.code, format!("HTTP {number}"))
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Fri, 31 Dec 1999 23:59:50 GMT").unwrap();
        let rows = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(9)),
            ("Fri, 31 Dec 1999 23:59:40 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("99999999999999999999999", None),
        ];
        for (text, seconds) in rows {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn the_receiver_s_words_are_found() {
        let status = b"\x12\x07too old";
        let rows: [(&[_], &[u8], &str); 4] = [
            (&[("content-type", PROTOBUF)], status, "too old"),
            (&[("content-type", "application/json; charset=utf-8")], br#"{"code":3,"message":"bad"}"#, "bad"),
            (&[("content-type", "text/plain")], b"no such page", "no such page"),
            (&[("content-type", PROTOBUF)], b"\xff", ""),
        ];
        for (fields, body, expected) in rows {
            match judge(&answer(400, fields, body), SystemTime::now()) {
                Outcome::Refused(cause) => assert_eq!(cause.message, expected),
                other => panic!("{other:?}"),
            }
        }
    }
}
