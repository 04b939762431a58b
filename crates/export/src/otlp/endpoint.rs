//! The URL of a receiver.

use http::Uri;

/// What is wrong with the URL of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No `http://`.
    #[error("`{url}` has no scheme; did you mean `http://{url}`?")]
    NoScheme {
        /// As given.
        url: String,
    },
    /// `https://`.
    #[error("`{url}`: TLS is not supported yet; use http:// to a receiver or collector on this host or network")]
    Tls {
        /// As given.
        url: String,
    },
    /// Another scheme.
    #[error("`{url}`: the scheme must be http, not {scheme}")]
    Scheme {
        /// As given.
        url: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// A user or password, which the text therefore does not repeat.
    #[error("the URL of the OTLP receiver has a user or password before `@`; OTLP/gRPC takes none")]
    Credentials,
    /// A path or query.
    #[error("`{url}`: OTLP/gRPC takes no path; leave out `{path}` (and use the gRPC port, usually 4317)")]
    Path {
        /// As given.
        url: String,
        /// What stands behind host and port.
        path: String,
    },
    /// No URL.
    #[error("`{url}` is not a URL; write http://HOST:PORT, IPv6 addresses in brackets")]
    Malformed {
        /// As given.
        url: String,
    },
}

/// OTLP/gRPC's port (<https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port>).
const PORT: u16 = 4317;

/// `http://HOST[:PORT]` with the default port filled in.
pub(super) fn parse(url: &str) -> Result<Uri, EndpointError> {
    let given = || url.to_owned();
    if url.contains('@') {
        return Err(EndpointError::Credentials);
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(EndpointError::NoScheme { url: given() });
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => return Err(EndpointError::Tls { url: given() }),
        _ => return Err(EndpointError::Scheme { url: given(), scheme: scheme.to_owned() }),
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !matches!(path, "" | "/") {
        return Err(EndpointError::Path { url: given(), path: path.to_owned() });
    }
    let authority: http::uri::Authority =
        authority.parse().map_err(|_malformed| EndpointError::Malformed { url: given() })?;
    let host = authority.host();
    let port = match authority.as_str().strip_prefix(host) {
        Some("") => Some(PORT),
        _ => authority.port_u16(),
    };
    port.filter(|_| !host.is_empty())
        .and_then(|port| format!("http://{host}:{port}/").parse().ok())
        .ok_or_else(|| EndpointError::Malformed { url: given() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_get_their_port() {
        let rows = [
            ("http://localhost:4317", "http://localhost:4317/"),
            ("http://localhost", "http://localhost:4317/"),
            ("HTTP://collector.example:55680/", "http://collector.example:55680/"),
            ("http://[2001:db8::1]:1", "http://[2001:db8::1]:1/"),
            ("http://[::1]", "http://[::1]:4317/"),
        ];
        for (url, expected) in rows {
            assert_eq!(parse(url).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let rows = [
            ("localhost:4317", "did you mean `http://localhost:4317`?"),
            ("", "has no scheme"),
            ("https://localhost:4317", "TLS is not supported yet"),
            ("ftp://localhost", "must be http, not ftp"),
            ("http://localhost:4318/v1/traces", "leave out `/v1/traces`"),
            ("http://localhost?x", "takes no path"),
            ("http://user:secret@localhost", "user or password"),
            ("http://", "not a URL"),
            ("http://:4317", "not a URL"),
            ("http://localhost:", "not a URL"),
            ("http://localhost:99999", "not a URL"),
            ("http://local host", "not a URL"),
            ("http://2001:db8::1:4317", "not a URL"),
        ];
        for (url, expected) in rows {
            let text = parse(url).unwrap_err().to_string();
            assert!(text.contains(expected), "{url}: {text}");
            assert!(!text.contains("secret"));
        }
    }
}
