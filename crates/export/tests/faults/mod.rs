//! A receiver of OTLP in all its forms that answers as it is told: over TCP, TLS and Unix sockets. What it gets, it
//! decompresses and decodes with libraries that the exporter does not use for that.

use std::convert::Infallible;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::runtime::Runtime;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub headers: HeaderMap,
    pub message: ExportTraceServiceRequest,
    /// The how-manieth connection it came on, from 1.
    pub connection: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn spans(&self) -> usize {
        self.message.resource_spans[0].scope_spans[0].spans.len()
    }

    fn is_grpc(&self) -> bool {
        self.header("content-type") == "application/grpc"
    }
}

/// How one request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    Ok,
    Partial(i64, &'static str),
    /// A gRPC status: number, message, details.
    Grpc(u32, &'static str, Vec<u8>),
    /// An HTTP status with headers.
    Http(u16, Vec<(&'static str, String)>),
    /// The connection ends.
    Cut,
    /// Never.
    Silence,
    /// Later.
    Slow(Duration),
}

/// Answers the how-manieth request, from 0.
type Rule = dyn Fn(usize, &Request) -> Reply + Send + Sync;

struct State {
    rule: Box<Rule>,
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
}

/// A running receiver; it ends when dropped.
pub struct Faults {
    state: Arc<State>,
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl Faults {
    pub fn tcp(rule: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0", None, rule)
    }

    /// At this address, perhaps with TLS.
    pub fn at(
        address: &str,
        tls: Option<Arc<rustls::ServerConfig>>,
        rule: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (state, runtime) = (State::new(rule), runtime());
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, state).await,
                        Some(config) => {
                            let Ok(stream) = tokio_rustls::TlsAcceptor::from(config).accept(stream).await else {
                                return;
                            };
                            serve(stream, state).await;
                        }
                    }
                });
            }
        });
        Self { state, address, runtime: Some(runtime) }
    }

    pub fn unix(path: &Path, rule: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let (state, runtime) = (State::new(rule), runtime());
        let _inside = runtime.enter();
        let listener = UnixListener::bind(path).unwrap();
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        drop(_inside);
        Self { state, address: "0.0.0.0:0".parse().unwrap(), runtime: Some(runtime) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests, the ones that were answered with an error, too.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

impl State {
    fn new(rule: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { rule: Box::new(rule), requests: Mutex::default(), connections: AtomicUsize::new(0) })
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let connection = state.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let service = service_fn(move |request| answer(request, Arc::clone(&state), connection));
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(
    request: http::Request<Incoming>,
    state: Arc<State>,
    connection: usize,
) -> Result<Response<Body>, &'static str> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_gone| "the client went away")?.to_bytes();
    let message = decode(&parts.headers, &body);
    let request = Request { path: parts.uri.path().to_owned(), headers: parts.headers, message, connection };
    let index = {
        let mut requests = state.requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    let response = |partial| ExportTraceServiceResponse { partial_success: partial };
    Ok(match (state.rule)(index, &request) {
        Reply::Ok => taken(&request, &response(None)),
        Reply::Partial(rejected_spans, message) => {
            let partial = ExportTracePartialSuccess { rejected_spans, error_message: message.to_owned() };
            taken(&request, &response(Some(partial)))
        }
        Reply::Grpc(status, message, details) => grpc_error(status, message, &details),
        Reply::Http(status, headers) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Full::from("no").boxed()).unwrap()
        }
        Reply::Cut => return Err("cut"),
        Reply::Silence => std::future::pending().await,
        Reply::Slow(time) => {
            tokio::time::sleep(time).await;
            taken(&request, &response(None))
        }
    })
}

fn decode(headers: &HeaderMap, body: &[u8]) -> ExportTraceServiceRequest {
    let header = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
    match header("content-type") {
        "application/grpc" => {
            let length = u32::from_be_bytes(body[1..5].try_into().unwrap());
            assert_eq!(length as usize, body.len() - 5, "one whole message");
            assert_eq!(body[0] == 1, headers.contains_key("grpc-encoding"));
            assert_eq!(header("te"), "trailers");
            ExportTraceServiceRequest::decode(&decompress(header("grpc-encoding"), &body[5..])[..]).unwrap()
        }
        "application/x-protobuf" => {
            ExportTraceServiceRequest::decode(&decompress(header("content-encoding"), body)[..]).unwrap()
        }
        "application/json" => serde_json::from_slice(&decompress(header("content-encoding"), body)).unwrap(),
        other => panic!("content type {other}"),
    }
}

fn decompress(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    match encoding {
        "" => bytes.to_vec(),
        "gzip" => {
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
            out
        }
        "zstd" => zstd::decode_all(bytes).unwrap(),
        other => panic!("encoding {other}"),
    }
}

fn taken(request: &Request, response: &ExportTraceServiceResponse) -> Response<Body> {
    if request.is_grpc() {
        let message = response.encode_to_vec();
        let frame = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
        let body = Full::from(frame).with_trailers(std::future::ready(Some(Ok(trailers)))).boxed();
        return Response::builder().header("content-type", "application/grpc").body(body).unwrap();
    }
    let kind = request.header("content-type");
    let bytes = match kind {
        "application/json" => serde_json::to_vec(response).unwrap(),
        _ => response.encode_to_vec(),
    };
    Response::builder().header("content-type", kind).body(Full::from(bytes).boxed()).unwrap()
}

fn grpc_error(status: u32, message: &str, details: &[u8]) -> Response<Body> {
    use base64::Engine as _;
    let details = base64::prelude::BASE64_STANDARD_NO_PAD.encode(details);
    let response = Response::builder().header("content-type", "application/grpc").header("grpc-status", status);
    let response = response.header("grpc-message", message).header("grpc-status-details-bin", details);
    response.body(Full::default().boxed()).unwrap()
}

/// An HTTP proxy that answers `CONNECT` with this line and connects to `to`, whatever is asked for.
pub struct Proxy {
    pub address: SocketAddr,
    /// What was asked.
    pub heads: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

impl Proxy {
    pub fn start(line: &'static str, to: SocketAddr) -> Self {
        let runtime = runtime();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (address, heads) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&heads);
        runtime.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                log.lock().unwrap().push(String::from_utf8(head).unwrap());
                stream.write_all(format!("{line}\r\n\r\n").as_bytes()).await.unwrap();
                let mut next = TcpStream::connect(to).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut stream, &mut next).await });
            }
        });
        Self { address, heads, runtime: Some(runtime) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}
