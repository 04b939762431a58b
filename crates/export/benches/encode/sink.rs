//! A receiver of OTLP/gRPC that looks at nothing: it counts the bytes of requests and says that all is well.

use std::convert::Infallible;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;

use crate::{Result, say};

/// Bytes that a request may send before it is read.
const WINDOW: u32 = 4 << 20;

/// Says its URL, receives until standard input ends, then says how many bytes came.
pub fn run() -> Result<()> {
    let bytes = Arc::new(AtomicU64::new(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    say(&format!("http://{}", listener.local_addr()?))?;
    runtime.spawn(accept(listener, Arc::clone(&bytes)));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    say(&bytes.load(Ordering::Relaxed).to_string())
}

async fn accept(listener: TcpListener, bytes: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        let bytes = Arc::clone(&bytes);
        tokio::spawn(async move {
            let answer = service_fn(|request| answer(request, Arc::clone(&bytes)));
            let mut server = Builder::new(TokioExecutor::new()).http2_only();
            // Wide open: it is the sender that is measured.
            server.http2().initial_stream_window_size(WINDOW).initial_connection_window_size(8 * WINDOW);
            // How the connection ends is no news: the sender says whether all arrived.
            let _ = server.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    bytes: Arc<AtomicU64>,
) -> std::result::Result<Response<impl Body<Data = Bytes, Error = Infallible> + use<>>, hyper::Error> {
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    // An empty message, not compressed.
    let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(trailers)];
    let mut response = Response::new(StreamBody::new(tokio_stream::iter(frames.map(Ok))));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    Ok(response)
}
