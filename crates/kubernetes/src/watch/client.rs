//! Requests to one API server. Certificates and tokens are read again while the program runs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::ServerName;

use super::access::{Access, AccessError, Text};
use super::failure::Failure;
use super::request::Get;
use super::tls;

const USER: &str = concat!("flowtrace/", env!("CARGO_PKG_VERSION"));
/// A connection that takes longer is none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often an idle TCP connection is tried.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often an HTTP/2 connection is tried, and how long the other end may take to answer that (client-go: 30 s, 15 s).
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(15));
/// How long a token is used before its file is read again: kubelet renews it long before it expires (client-go: 1 min).
const TOKEN: Duration = Duration::from_secs(60);
/// More of a refusal is not read.
const REFUSAL: usize = 64 << 10;

type Pool = legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// Sends requests. Connections are made when first needed and again when lost.
pub(super) struct Client {
    access: Access,
    /// How long the head of an answer may take.
    timeout: Duration,
    state: Mutex<State>,
}

struct State {
    pool: Pool,
    /// What the pool was made of: the files' bytes.
    made_of: Vec<Vec<u8>>,
    token: Option<(HeaderValue, Instant)>,
}

impl Client {
    /// Reads certificates; connects to nobody yet.
    pub(super) fn new(access: Access, timeout: Duration) -> Result<Self, AccessError> {
        if access.skip_verify {
            tracing::warn!("the API server's certificate is not verified: anyone on the way can pretend to be it");
        }
        let made_of = material(&access)?;
        let state = State { pool: pool(&access)?, made_of, token: None };
        Ok(Self { access, timeout, state: Mutex::new(state) })
    }

    /// The answer to a request, if its status is 200.
    pub(super) async fn get(&self, get: &Get) -> Result<Response<Incoming>, Failure> {
        let request = self.request(get)?;
        let pool = self.state().pool.clone();
        let answer = match tokio::time::timeout(self.timeout, pool.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                self.renew(false);
                return Err(Failure::connection(&error));
            }
            Err(_elapsed) => {
                self.renew(true);
                return Err(Failure::Silent(self.timeout));
            }
        };
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let failure = self.refusal(answer).await;
        if failure.is_unauthorized() {
            self.state().token = None;
            self.renew(false);
        }
        Err(failure)
    }

    async fn refusal(&self, answer: Response<Incoming>) -> Failure {
        let seconds = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let code = answer.status();
        let body = tokio::time::timeout(self.timeout, Limited::new(answer.into_body(), REFUSAL).collect()).await;
        let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
        Failure::of_status(code, seconds.map(Duration::from_secs), &body)
    }

    fn request(&self, get: &Get) -> Result<Request<Empty<Bytes>>, Failure> {
        let server = self.access.server.to_string();
        let uri: Uri = format!("{}{}", server.trim_end_matches('/'), get.path)
            .parse()
            .map_err(|error: http::uri::InvalidUri| Failure::Garbled(error.to_string()))?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(get.accept));
        headers.insert(USER_AGENT, HeaderValue::from_static(USER));
        if let Some(token) = self.token() {
            headers.insert(AUTHORIZATION, token);
        }
        Ok(request)
    }

    /// The header with the token, from a file that was read not long ago; an old token if the file cannot be read.
    fn token(&self) -> Option<HeaderValue> {
        let text = self.access.token.as_ref()?;
        let mut state = self.state();
        if let Some((header, at)) = &state.token
            && at.elapsed() < TOKEN
        {
            return Some(header.clone());
        }
        match text.read().map_err(|error| error.to_string()).and_then(|bytes| bearer(&bytes)) {
            Ok(header) => state.token = Some((header, Instant::now())),
            Err(why) => tracing::warn!(why, "the token for the API server"),
        }
        state.token.as_ref().map(|(header, _)| header.clone())
    }

    /// After a failure: new connections, if certificates are other ones than those that were read, or in any case.
    fn renew(&self, in_any_case: bool) {
        let Ok(made_of) = material(&self.access) else { return };
        let mut state = self.state();
        if !in_any_case && made_of == state.made_of {
            return;
        }
        match pool(&self.access) {
            Ok(pool) => (state.pool, state.made_of) = (pool, made_of),
            Err(error) => tracing::warn!(%error, "certificates for the API server"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bearer(token: &[u8]) -> Result<HeaderValue, String> {
    let value = [b"Bearer ", token.trim_ascii()].concat();
    let mut header = HeaderValue::from_bytes(&value).map_err(|_invalid| "it is no token".to_owned())?;
    header.set_sensitive(true);
    Ok(header)
}

/// What the files hold of which connections are made.
fn material(access: &Access) -> Result<Vec<Vec<u8>>, AccessError> {
    let certificate = access.certificate.iter().flat_map(|(certificate, key)| [certificate, key]);
    access.authorities.iter().chain(certificate).map(Text::read).collect()
}

fn pool(access: &Access) -> Result<Pool, AccessError> {
    // Both families, as RFC 8305 has it; names are resolved for each connection anew.
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_keepalive(Some(KEEP_ALIVE));
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls::config(access)?).https_or_http();
    let builder = match &access.server_name {
        Some(name) => {
            let name = ServerName::try_from(name.clone()).map_err(|_invalid| AccessError::Server(name.clone()))?;
            builder.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
        None => builder,
    };
    let connector = builder.enable_http1().enable_http2().wrap_connector(tcp);
    Ok(legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(2)
        .http2_keep_alive_interval(PING.0)
        .http2_keep_alive_timeout(PING.1)
        .build(connector))
}
