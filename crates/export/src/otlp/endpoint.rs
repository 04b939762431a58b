//! The URL of a receiver.

use std::path::PathBuf;

use http::Uri;

use super::destination::{Destination, Protocol, UrlPath};

/// What is wrong with the URL of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No `http://`.
    #[error("`{url}` has no scheme; did you mean `http://{url}`?")]
    NoScheme {
        /// As given.
        url: String,
    },
    /// Another scheme.
    #[error("`{url}`: the scheme must be http, https or unix, not {scheme}")]
    Scheme {
        /// As given.
        url: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// A user or password, which the text therefore does not repeat.
    #[error("a user or password does not belong in the URL (before `@`); use --otlp-basic")]
    Credentials,
    /// A path or query.
    #[error("`{url}`: OTLP/gRPC takes no path; leave out `{path}` (and use the gRPC port, usually 4317)")]
    Path {
        /// As given.
        url: String,
        /// What stands behind host and port.
        path: String,
    },
    /// A Unix socket without an absolute path.
    #[error("`{url}`: write unix:/PATH, with the socket's whole path")]
    Socket {
        /// As given.
        url: String,
    },
    /// No URL.
    #[error("`{url}` is not a URL; write http://HOST:PORT, IPv6 addresses in brackets")]
    Malformed {
        /// As given.
        url: String,
    },
}

/// OTLP/gRPC's port (<https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port>).
const GRPC_PORT: u16 = 4317;
/// OTLP/HTTP's port, by which it is known where no protocol is named.
const HTTP_PORT: u16 = 4318;
/// opentelemetry/proto/collector/trace/v1/trace_service.proto.
const GRPC_PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// <https://opentelemetry.io/docs/specs/otlp/#otlphttp-request>.
const HTTP_PATH: &str = "/v1/traces";

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Of every request: scheme, host, port and path.
    pub(super) uri: Uri,
    pub(super) protocol: Protocol,
    /// The Unix socket that is connected to instead of the host.
    pub(super) socket: Option<PathBuf>,
}

/// Where requests to this destination go.
pub(super) fn parse(destination: &Destination) -> Result<Target, EndpointError> {
    let url = destination.url.as_str();
    if let Some(socket) = url.strip_prefix("unix:") {
        return unix(url, socket, destination.protocol.unwrap_or(Protocol::Grpc));
    }
    let given = || url.to_owned();
    if url.contains('@') {
        return Err(EndpointError::Credentials);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(EndpointError::NoScheme { url: given() });
    };
    let lower = scheme.to_ascii_lowercase();
    let secure = match lower.as_str() {
        "http" => false,
        "https" => true,
        _ => return Err(EndpointError::Scheme { url: given(), scheme: scheme.to_owned() }),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let malformed = || EndpointError::Malformed { url: given() };
    let authority: http::uri::Authority = authority.parse().map_err(|_malformed| malformed())?;
    let host = authority.host();
    let port = match authority.as_str().strip_prefix(host) {
        Some("") => None,
        _ => Some(authority.port_u16().ok_or_else(malformed)?),
    };
    if host.is_empty() || path.contains('#') {
        return Err(malformed());
    }
    let protocol = destination.protocol.unwrap_or_else(|| told_by(port, path));
    if protocol == Protocol::Grpc && !matches!(path, "" | "/") {
        return Err(EndpointError::Path { url: given(), path: path.to_owned() });
    }
    let port = port.unwrap_or(default_port(protocol, secure));
    let path = request_path(protocol, path, destination.path);
    let uri = format!("{lower}://{host}:{port}{path}").parse().map_err(|_malformed| malformed())?;
    Ok(Target { uri, protocol, socket: None })
}

/// The protocol of a URL where nobody names it.
fn told_by(port: Option<u16>, path: &str) -> Protocol {
    if port == Some(HTTP_PORT) || path.starts_with('/') && path != "/" {
        Protocol::HttpProtobuf
    } else {
        Protocol::Grpc
    }
}

/// OTLP's port for gRPC in the clear; else the scheme's, as in every URL.
const fn default_port(protocol: Protocol, secure: bool) -> u16 {
    match (protocol, secure) {
        (_, true) => 443,
        (Protocol::Grpc, false) => GRPC_PORT,
        (_, false) => 80,
    }
}

/// The path of every request
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>).
fn request_path(protocol: Protocol, path: &str, rule: UrlPath) -> String {
    if protocol == Protocol::Grpc {
        return GRPC_PATH.to_owned();
    }
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let path = match rule {
        UrlPath::Parent => format!("{}{HTTP_PATH}", path.trim_end_matches('/')),
        UrlPath::Base if matches!(path, "" | "/") => HTTP_PATH.to_owned(),
        UrlPath::Exact if path.is_empty() => "/".to_owned(),
        UrlPath::Base | UrlPath::Exact => path.to_owned(),
    };
    path + query
}

fn unix(url: &str, socket: &str, protocol: Protocol) -> Result<Target, EndpointError> {
    let path = socket.strip_prefix("//").unwrap_or(socket);
    let uri = Uri::from_static(match protocol {
        Protocol::Grpc => "http://localhost/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Protocol::HttpProtobuf | Protocol::HttpJson => "http://localhost/v1/traces",
    });
    if !path.starts_with('/') || path.ends_with('/') {
        return Err(EndpointError::Socket { url: url.to_owned() });
    }
    Ok(Target { uri, protocol, socket: Some(path.into()) })
}

#[cfg(test)]
mod tests {
    use super::Protocol::{Grpc, HttpJson, HttpProtobuf};
    use super::*;

    fn target(url: &str, protocol: Option<Protocol>, path: UrlPath) -> Result<Target, EndpointError> {
        parse(&Destination { protocol, path, ..Destination::from(url) })
    }

    #[test]
    fn urls_get_their_port_and_protocol() {
        let rows = [
            ("http://localhost:4317", "http://localhost:4317", Grpc),
            ("http://localhost", "http://localhost:4317", Grpc),
            ("HTTP://collector.example:55680/", "http://collector.example:55680", Grpc),
            ("http://[2001:db8::1]:1", "http://[2001:db8::1]:1", Grpc),
            ("http://[::1]", "http://[::1]:4317", Grpc),
            ("https://otlp.example", "https://otlp.example:443", Grpc),
            ("http://localhost:4318", "http://localhost:4318", HttpProtobuf),
            ("https://otlp.example/v1/traces", "https://otlp.example:443", HttpProtobuf),
        ];
        for (url, expected, protocol) in rows {
            let target = target(url, None, UrlPath::Base).unwrap();
            let path = if protocol == Grpc { GRPC_PATH } else { HTTP_PATH };
            assert_eq!((target.uri.to_string(), target.protocol), (format!("{expected}{path}"), protocol), "{url}");
        }
    }

    /// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#example-1> and the following.
    #[test]
    fn the_rule_of_v1_traces() {
        let rows = [
            (UrlPath::Parent, "http://c:4318", "/v1/traces"),
            (UrlPath::Parent, "http://c:4318/", "/v1/traces"),
            (UrlPath::Parent, "http://c:4318/my/otlp/", "/my/otlp/v1/traces"),
            (UrlPath::Parent, "http://c:4318/otlp?key=1", "/otlp/v1/traces?key=1"),
            (UrlPath::Exact, "http://c:4318", "/"),
            (UrlPath::Exact, "http://c:4318/x", "/x"),
            (UrlPath::Base, "http://c:4318", "/v1/traces"),
            (UrlPath::Base, "http://c:4318/x/", "/x/"),
            (UrlPath::Base, "http://c:4318/?key=1", "/v1/traces?key=1"),
        ];
        for (rule, url, expected) in rows {
            let target = target(url, Some(HttpJson), rule).unwrap();
            assert_eq!(target.uri.path_and_query().unwrap().as_str(), expected, "{rule:?} {url}");
        }
        assert_eq!(target("http://c", Some(HttpJson), UrlPath::Base).unwrap().uri.port_u16(), Some(80));
    }

    #[test]
    fn sockets_have_a_path() {
        for url in ["unix:/run/otlp@1.sock", "unix:///run/otlp@1.sock"] {
            let target = target(url, None, UrlPath::Base).unwrap();
            assert_eq!(target.socket, Some("/run/otlp@1.sock".into()));
            assert_eq!((target.protocol, target.uri.path()), (Grpc, GRPC_PATH));
        }
        assert_eq!(target("unix:/s", Some(HttpProtobuf), UrlPath::Base).unwrap().uri.path(), HTTP_PATH);
        for url in ["unix:", "unix:run/s", "unix://run/s", "unix:/run/"] {
            assert_eq!(target(url, None, UrlPath::Base), Err(EndpointError::Socket { url: url.into() }));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let rows = [
            ("localhost:4317", "did you mean `http://localhost:4317`?"),
            ("", "has no scheme"),
            ("ftp://localhost", "must be http, https or unix, not ftp"),
            ("http://localhost:4317/v1/traces", "leave out `/v1/traces`"),
            ("http://localhost?x", "takes no path"),
            ("http://user:secret@localhost", "user or password"),
            ("http://", "not a URL"),
            ("http://:4317", "not a URL"),
            ("http://localhost:", "not a URL"),
            ("http://localhost:99999", "not a URL"),
            ("http://local host", "not a URL"),
            ("http://2001:db8::1:4317", "not a URL"),
            ("http://localhost/#x", "not a URL"),
        ];
        for (url, expected) in rows {
            let text = target(url, Some(Grpc), UrlPath::Base).unwrap_err().to_string();
            assert!(text.contains(expected), "{url}: {text}");
            assert!(!text.contains("secret"));
        }
    }
}
