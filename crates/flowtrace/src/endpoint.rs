//! The endpoint of metrics and health: HTTP/1.1 on a thread of its own, read-only, everything about it bounded.

mod answer;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{io, thread};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use crate::cli::http::{DEFAULT, Http};
use crate::metrics::Published;

/// Connections at once. One more closes the oldest, so that nobody is kept out by those who only hold connections.
const CONNECTIONS: usize = 64;
/// How long a connection may last, from the first byte to the last: each is for one request.
const LIFETIME: Duration = Duration::from_secs(10);
/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a request, at most.
const REQUEST: usize = 16 << 10;
/// How much less the thread may run than others, where there are not enough CPUs.
const NICE: i32 = 10;

/// Why there is no endpoint, though it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("--http {address}: {source}")]
pub struct Error {
    address: SocketAddr,
    source: io::Error,
}

/// Starts the endpoint where it is to be; answers where it is. Nobody asked for the usual place: if it is not to be had,
/// that is said and gone without.
///
/// # Errors
/// When an address that was asked for cannot be listened at.
pub fn start(wish: Option<Http>, published: &Arc<Published>) -> Result<Option<SocketAddr>, Error> {
    let address = match wish {
        Some(Http::Off) => return Ok(None),
        Some(Http::At(address)) => address,
        None => DEFAULT,
    };
    match listen(address, Arc::clone(published)) {
        Ok(address) => Ok(Some(address)),
        Err(error) if wish.is_none() => {
            tracing::warn!("no metrics and health at http://{address}: {error} (--http ADDRESS:PORT, or --http off)");
            Ok(None)
        }
        Err(source) => Err(Error { address, source }),
    }
}

fn listen(address: SocketAddr, published: Arc<Published>) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        // The capture goes before. On Linux this is the thread's own; where it is refused, it goes on as it is.
        let _ = rustix::process::nice(NICE);
        if let Err(error) = runtime.block_on(serve(listener, published)) {
            tracing::warn!("no metrics and health at http://{address}: {error}");
        }
    };
    thread::Builder::new().name("http".into()).spawn(run)?;
    Ok(address)
}

/// Accepts connections as long as the program runs.
async fn serve(listener: TcpListener, published: Arc<Published>) -> io::Result<()> {
    /// What cannot be accepted now (no descriptors are left) may be later.
    const PAUSE: Duration = Duration::from_millis(100);
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
            published.connections_closed.fetch_add(1, Ordering::Relaxed);
        }
        let connection = tokio::spawn(connection(stream, Arc::clone(&published)));
        connections.push_back(connection.abort_handle());
    }
}

/// One request and its answer.
async fn connection(stream: TcpStream, published: Arc<Published>) {
    let service = service_fn(move |request| {
        let answer = answer::answer(&request, &published);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_buf_size(REQUEST);
    // Whatever goes wrong is between the client and its connection.
    let _ = tokio::time::timeout(LIFETIME, http.serve_connection(TokioIo::new(stream), service)).await;
}
