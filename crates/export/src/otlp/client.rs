//! One request: an encoded `ExportTraceServiceRequest` goes out, what became of it comes back.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http_body_util::Full;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::answer::Answer;
use super::compression::compress;
use super::connector::{Connector, Way};
use super::destination::{Destination, Protocol};
use super::endpoint::{self, EndpointError, Target};
use super::headers::{HeaderError, headers, secrets};
use super::outcome::{Cause, Outcome};
use super::tls::TlsError;
use super::watched::Watched;
use super::{grpc, http_post, json, proxy, tls};

/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent>.
const USER: &str =
    concat!("flowtrace/", env!("CARGO_PKG_VERSION"), " OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));
/// How often an HTTP/2 connection is tried, and how long the other end may take to answer that.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// How long a connection that nobody uses stays.
const IDLE: Duration = Duration::from_secs(90);

type Pool = legacy::Client<Connector, Full<Bytes>>;

/// What is wrong with a destination.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// The URL.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Certificates and keys.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Sends requests to one receiver. Connections are made when first needed and again when lost.
pub(super) struct Client {
    destination: Destination,
    target: Target,
    timeout: Duration,
    state: Mutex<State>,
}

struct State {
    pool: Pool,
    headers: HeaderMap,
    watched: Watched,
}

/// A request's body, ready to be sent as often as it takes.
#[derive(Clone, Debug)]
pub(super) struct Body(Bytes);

impl Client {
    /// Reads certificates and secrets; connects to nobody yet.
    pub(super) fn new(destination: Destination, timeout: Duration) -> Result<Self, DestinationError> {
        let target = endpoint::parse(&destination)?;
        let timeout = destination.timeout.unwrap_or(timeout);
        if destination.tls.skip_verify {
            tracing::warn!(
                "the OTLP receiver's certificate is not verified: anyone on the way can read and change spans"
            );
        }
        if destination.authorization.is_some() && in_the_clear(&target) {
            tracing::warn!("credentials go to the OTLP receiver in the clear: use https://");
        }
        let state = Mutex::new(open(&destination, &target)?);
        Ok(Self { destination, target, timeout, state })
    }

    /// Requests on the way at once.
    pub(super) fn concurrency(&self) -> usize {
        self.destination.concurrency.unwrap_or(1).max(1)
    }

    /// The body for the bytes of an `ExportTraceServiceRequest`.
    pub(super) fn body(&self, bytes: &Bytes) -> Result<Body, Cause> {
        let message = match self.target.protocol {
            Protocol::HttpJson => json::from_protobuf(bytes).map_err(|why| Cause::new("encoding", why))?,
            Protocol::Grpc | Protocol::HttpProtobuf => bytes.clone(),
        };
        let compression = self.destination.compression;
        let message = compress(&message, compression).map_err(|error| Cause::of("compression", &error))?;
        Ok(Body(match self.target.protocol {
            Protocol::Grpc => grpc::frame(&message, compression),
            Protocol::HttpProtobuf | Protocol::HttpJson => message,
        }))
    }

    /// Sends it once.
    pub(super) async fn send(&self, body: &Body) -> Outcome {
        let (pool, headers) = self.current();
        let mut request = http::Request::new(Full::new(body.0.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.target.uri.clone();
        *request.headers_mut() = headers;
        let call = async {
            let response = pool.request(request).await.map_err(|error| Cause::of("connection", &error))?;
            Answer::read(response).await.map_err(|error| Cause::of("connection", &error))
        };
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(answer)) => self.judge(&answer),
            Ok(Err(cause)) => Outcome::TryAgain(Duration::ZERO, cause),
            Err(_elapsed) => {
                self.forget_connections();
                let message = format!("no answer within {:?}", self.timeout);
                Outcome::TryAgain(Duration::ZERO, Cause::new("timeout", message))
            }
        }
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        match self.target.protocol {
            Protocol::Grpc => grpc::judge(answer),
            Protocol::HttpProtobuf | Protocol::HttpJson => http_post::judge(answer, SystemTime::now()),
        }
    }

    /// What the next request is sent with: certificates and secrets as they are now. While they cannot be read (a file
    /// half written), as they were.
    fn current(&self) -> (Pool, HeaderMap) {
        let mut state = self.lock();
        if state.watched.changed(Instant::now()) {
            match open(&self.destination, &self.target) {
                Ok(fresh) => {
                    tracing::info!("certificates or secrets of the OTLP receiver have changed; connecting anew");
                    *state = fresh;
                }
                Err(error) => {
                    tracing::warn!(%error, "the changed certificates or secrets cannot be used; keeping the old")
                }
            }
        }
        let mut headers = state.headers.clone();
        self.set_headers(&mut headers);
        (state.pool.clone(), headers)
    }

    fn set_headers(&self, headers: &mut HeaderMap) {
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(USER));
        let compression = self.destination.compression;
        match self.target.protocol {
            Protocol::Grpc => grpc::set_headers(headers, compression, self.timeout),
            Protocol::HttpProtobuf => http_post::set_headers(headers, false, compression),
            Protocol::HttpJson => http_post::set_headers(headers, true, compression),
        }
    }

    /// A connection on which no answer came may be dead without anyone having said so: the next request has a new one.
    fn forget_connections(&self) {
        match open(&self.destination, &self.target) {
            Ok(fresh) => *self.lock() = fresh,
            Err(error) => {
                tracing::warn!(%error, "cannot set up a new connection to the OTLP receiver; keeping the old")
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destination {
    /// Whether requests could be made: reads the URL, certificates, keys and secrets; connects to nobody.
    ///
    /// # Errors
    /// As for [`super::Exporter::new`].
    pub fn check(&self) -> Result<(), DestinationError> {
        open(self, &endpoint::parse(self)?).map(drop)
    }
}

/// Whether others on the network can read what is sent.
fn in_the_clear(target: &Target) -> bool {
    let leaves_the_host = target.socket.is_none() && !proxy::is_local(target.uri.host().unwrap_or_default());
    target.uri.scheme_str() == Some("http") && leaves_the_host
}

/// Reads the files and describes connections.
fn open(destination: &Destination, target: &Target) -> Result<State, DestinationError> {
    let settings = &destination.tls;
    let files = tls::files(settings).chain(secrets(destination).filter_map(|secret| secret.path()));
    // Before they are read: a change in between is seen later.
    let watched = Watched::new(files.map(Into::into).collect());
    let http2 = target.protocol == Protocol::Grpc;
    let secure = match target.uri.scheme_str() {
        Some("https") => {
            let name = tls::server_name(settings, target.uri.host().unwrap_or_default())?;
            Some((tls::config(settings, http2)?.into(), name))
        }
        _ => None,
    };
    let way = Way { socket: target.socket.clone(), proxy: proxy::matcher(&destination.proxy), tls: secure };
    let pool = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_only(http2)
        .http2_keep_alive_interval(PING.0)
        .http2_keep_alive_timeout(PING.1)
        .build(Connector(Arc::new(way)));
    Ok(State { pool, headers: headers(destination)?, watched })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("target", &self.target).finish_non_exhaustive()
    }
}
