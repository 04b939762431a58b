//! One call of gRPC (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).

use std::path::Path;

use bytes::{BufMut, Bytes, BytesMut};
use http::Request;
use http_body_util::Full;
use prost::Message;

use super::request::send;

/// Before a message: whether it is compressed, and its length.
const FRAME_HEAD: usize = 5;
/// The status of a method that the server does not have (<https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>).
const UNIMPLEMENTED: &str = "12";

/// Why there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server does not have the method.
    Unimplemented,
    /// Any other.
    Other,
}

/// Calls `method` (`package.Service/Method`), with headers of its own.
pub async fn call<T: Message + Default>(
    socket: &Path,
    method: &str,
    headers: &[(&str, &str)],
    message: &impl Message,
) -> Result<T, Failure> {
    let request = request(method, headers, message).ok_or(Failure::Other)?;
    let answer = send(socket, request).await.ok_or(Failure::Other)?;
    // Without a body, the status is among the headers.
    let status = answer.trailers.get("grpc-status").or_else(|| answer.headers.get("grpc-status"));
    match status.and_then(|status| status.to_str().ok()) {
        Some("0") => T::decode(unframe(&answer.body).ok_or(Failure::Other)?).map_err(|_| Failure::Other),
        Some(UNIMPLEMENTED) => Err(Failure::Unimplemented),
        _ => Err(Failure::Other),
    }
}

fn request(method: &str, headers: &[(&str, &str)], message: &impl Message) -> Option<Request<Full<Bytes>>> {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(FRAME_HEAD + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).ok()?);
    message.encode(&mut frame).ok()?;
    let mut request = Request::post(format!("http://localhost/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(frame.freeze())).ok()
}

/// The message in the first frame, which is not compressed: nothing else was offered.
fn unframe(body: &[u8]) -> Option<&[u8]> {
    let (head, rest) = body.split_first_chunk::<FRAME_HEAD>()?;
    let [0, length @ ..] = *head else { return None };
    rest.get(..u32::from_be_bytes(length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let rows: [(&[u8], Option<&[u8]>); 6] = [
            (&[0, 0, 0, 0, 2, 7, 8], Some(&[7, 8])),
            (&[0, 0, 0, 0, 0], Some(&[])),
            (&[1, 0, 0, 0, 0], None),
            (&[0, 0, 0, 0], None),
            (&[0, 0, 0, 0, 3, 7, 8], None),
            (&[0, 255, 255, 255, 255, 7], None),
        ];
        for (body, expected) in rows {
            assert_eq!(unframe(body), expected);
        }
    }
}
