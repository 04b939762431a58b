//! One request over a Unix socket. Answers are bounded; whoever calls bounds the time.

use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

/// More bytes are not taken: a container that is told in full has some ten thousand.
const LIMIT: usize = 4 << 20;

/// An answer with what stood before and behind its body.
#[derive(Debug)]
pub struct Answer {
    /// Of HTTP.
    pub status: StatusCode,
    /// Before the body.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Behind the body.
    pub trailers: HeaderMap,
}

/// What moves a connection's bytes; it ends with the request.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The body of what HTTP/1 gets from a path, if the status is 200.
pub async fn get(socket: &Path, path: &str) -> Option<Bytes> {
    let stream = TokioIo::new(UnixStream::connect(socket).await.ok()?);
    let (mut sender, connection) = http1::handshake(stream).await.ok()?;
    let _driver = Driver(tokio::spawn(async { drop(connection.await) }));
    let request = Request::get(path).header("host", "localhost").body(Full::<Bytes>::default()).ok()?;
    let answer = take(sender.send_request(request).await.ok()?).await?;
    (answer.status == StatusCode::OK).then_some(answer.body)
}

/// What HTTP/2 answers to a request.
pub async fn send(socket: &Path, request: Request<Full<Bytes>>) -> Option<Answer> {
    let stream = TokioIo::new(UnixStream::connect(socket).await.ok()?);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.ok()?;
    let _driver = Driver(tokio::spawn(async { drop(connection.await) }));
    take(sender.send_request(request).await.ok()?).await
}

async fn take(response: http::Response<Incoming>) -> Option<Answer> {
    let (head, body) = response.into_parts();
    let collected = Limited::new(body, LIMIT).collect().await.ok()?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Some(Answer { status: head.status, headers: head.headers, body: collected.to_bytes(), trailers })
}
