//! A tunnel through an HTTP proxy (RFC 9110, section 9.3.6), for gRPC and HTTP alike.

use std::io;
use std::net::IpAddr;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::destination::Proxy;

/// An answer with more has nothing to say to us.
const HEAD_MAX: usize = 8 << 10;

pub(super) fn matcher(proxy: &Proxy) -> Matcher {
    Matcher::builder().http(proxy.http.as_str()).https(proxy.https.as_str()).no(proxy.no.as_str()).build()
}

/// The proxy for this receiver. None for one on this host, which a proxy elsewhere would not find.
pub(super) fn of(matcher: &Matcher, uri: &Uri) -> Option<Intercept> {
    if is_local(uri.host()?) { None } else { matcher.intercept(uri) }
}

/// Whether it is this host, without asking a name server.
pub(super) fn is_local(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Asks the proxy at the other end for a connection to the URI's host and port.
pub(super) async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    uri: &Uri,
    proxy: &Intercept,
) -> io::Result<()> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n").into_bytes();
    if let Some(credentials) = proxy.basic_auth() {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await?;
    // Byte by byte: what follows the answer is the receiver's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_MAX {
            return Err(io::Error::other("the proxy's answer is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    judge(&String::from_utf8_lossy(&head))
}

fn judge(head: &str) -> io::Result<()> {
    let line = head.lines().next().unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|status| status.parse().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(407) => Err(io::Error::other("the proxy wants other credentials (status 407)")),
        Some(status) => Err(io::Error::other(format!("the proxy refused the connection with status {status}"))),
        None => Err(io::Error::other("what answered is no HTTP proxy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_on_this_host_have_no_proxy() {
        let proxy = Proxy { http: "http://p:1".into(), https: "http://q:2".into(), no: "in.example,10.0.0.0/8".into() };
        let rows = [
            ("http://collector.example:4317", Some("http://p:1/")),
            ("https://collector.example:4317", Some("http://q:2/")),
            ("http://a.in.example:4317", None),
            ("http://10.1.2.3:4317", None),
            ("http://localhost:4317", None),
            ("http://127.0.0.9:4317", None),
            ("http://[::1]:4317", None),
        ];
        for (url, expected) in rows {
            let found = of(&matcher(&proxy), &url.parse().unwrap()).map(|proxy| proxy.uri().to_string());
            assert_eq!(found.as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn answers_of_proxies() {
        let rows = [
            ("HTTP/1.1 200 Connection established\r\n\r\n", None),
            ("HTTP/1.0 200\r\n\r\n", None),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Some("credentials")),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", Some("status 403")),
            ("HTTP/1.1 2\r\n\r\n", Some("no HTTP proxy")),
            ("\r\n\r\n", Some("no HTTP proxy")),
            ("HTTP/1.é\u{fffd}\u{fffd}", Some("no HTTP proxy")),
        ];
        for (head, expected) in rows {
            let error = judge(head).err().map(|error| error.to_string());
            assert_eq!(error.is_none(), expected.is_none(), "{head}");
            assert!(error.is_none_or(|error| error.contains(expected.unwrap_or_default())), "{head}");
        }
    }
}
