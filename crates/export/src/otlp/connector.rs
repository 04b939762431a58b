//! Connections: TCP or a Unix socket, perhaps through a proxy, perhaps with TLS. Names are resolved for each anew.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::proxy;

/// A connection that takes longer is none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes connections to one receiver.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Arc<Way>);

/// How a receiver is reached.
pub(super) struct Way {
    pub(super) socket: Option<PathBuf>,
    pub(super) proxy: Matcher,
    /// For `https://`.
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move {
            let connecting = tokio::time::timeout(CONNECT_TIMEOUT, way.connect(uri));
            connecting.await.unwrap_or_else(|_elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection")))
        })
    }
}

impl Way {
    async fn connect(&self, uri: Uri) -> io::Result<Stream> {
        let plain: Box<dyn Duplex> = match &self.socket {
            Some(path) => Box::new(UnixStream::connect(path).await?),
            None => self.connect_tcp(&uri).await?,
        };
        let Some((tls, name)) = &self.tls else {
            return Ok(Stream { io: TokioIo::new(plain), http2: false });
        };
        let stream = tls.connect(name.clone(), plain).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Stream { io: TokioIo::new(Box::new(stream)), http2 })
    }

    async fn connect_tcp(&self, uri: &Uri) -> io::Result<Box<dyn Duplex>> {
        // Both families, as RFC 8305 has it.
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let Some(proxy) = proxy::of(&self.proxy, uri) else {
            return Ok(Box::new(tcp.call(uri.clone()).await.map_err(io::Error::other)?.into_inner()));
        };
        if proxy.uri().scheme_str() != Some("http") {
            return Err(io::Error::other("only proxies with http:// are supported"));
        }
        let mut stream = tcp.call(proxy.uri().clone()).await.map_err(io::Error::other)?.into_inner();
        proxy::connect(&mut stream, uri, &proxy).await?;
        Ok(Box::new(stream))
    }
}

/// A stream of bytes both ways.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection.
pub(super) struct Stream {
    io: TokioIo<Box<dyn Duplex>>,
    /// Both ends agreed on HTTP/2 (ALPN).
    http2: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        if self.http2 { Connected::new().negotiated_h2() } else { Connected::new() }
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buf)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
