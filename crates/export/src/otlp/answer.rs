//! What comes back for a request, and the response message in it.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use prost::Message;

use super::outcome::Partial;

/// As much as clients of gRPC take unless told otherwise (`GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH`,
/// <https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h>). What is longer is cut.
const MAX: usize = 4 << 20;

/// A whole response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: Option<HeaderMap>,
}

impl Answer {
    /// Waits for all of it, or for as much as is read.
    pub(super) async fn read(response: http::Response<Incoming>) -> Result<Self, hyper::Error> {
        let (parts, mut incoming) = response.into_parts();
        let (mut body, mut trailers) = (BytesMut::new(), None);
        while let Some(frame) = incoming.frame().await.transpose()? {
            match frame.into_data() {
                Ok(data) if body.len() + data.len() > MAX => break,
                Ok(data) => body.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        Ok(Self { status: parts.status, headers: parts.headers, body: body.freeze(), trailers })
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `ExportTracePartialSuccess`.
#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// What an encoded response says. One that is damaged says nothing: the request was taken all the same.
pub(super) fn partial(response: impl Buf) -> Partial {
    let PartialSuccess { rejected_spans, error_message } =
        Response::decode(response).ok().and_then(|response| response.partial_success).unwrap_or_default();
    Partial { rejected: u64::try_from(rejected_spans).unwrap_or(0), message: error_message }
}

/// The same of a response in JSON, where a 64-bit number may be a string.
pub(super) fn partial_json(response: &[u8]) -> Partial {
    let value: serde_json::Value = serde_json::from_slice(response).unwrap_or_default();
    let partial = &value["partialSuccess"];
    let rejected = match &partial["rejectedSpans"] {
        serde_json::Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    };
    Partial { rejected: rejected.unwrap_or(0), message: partial["errorMessage"].as_str().unwrap_or("").to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_numbers_may_be_strings() {
        let rows = [
            (r#"{"partialSuccess":{"rejectedSpans":"5","errorMessage":"old"}}"#, 5, "old"),
            (r#"{"partialSuccess":{"rejectedSpans":7}}"#, 7, ""),
            (r#"{"partialSuccess":{"rejectedSpans":-7}}"#, 0, ""),
            (r#"{"partialSuccess":null}"#, 0, ""),
            ("{}", 0, ""),
            ("OK", 0, ""),
            ("", 0, ""),
        ];
        for (text, rejected, message) in rows {
            assert_eq!(partial_json(text.as_bytes()), Partial { rejected, message: message.into() }, "{text}");
        }
    }

    #[test]
    fn a_damaged_response_says_nothing() {
        for bytes in [&b""[..], b"\xff\xff\xff", b"\x0a\xff"] {
            assert_eq!(partial(bytes), Partial::default());
        }
    }
}
