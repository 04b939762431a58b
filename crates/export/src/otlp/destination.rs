//! A receiver and how to reach it, as the user says it.

use std::path::PathBuf;
use std::time::Duration;

use super::secret::Secret;

/// A receiver and how to reach it. From a URL alone: everything else as by default.
#[derive(Clone, Debug)]
pub struct Destination {
    /// `http://`, `https://` or `unix:`.
    pub url: String,
    /// Whether `/v1/traces` is added to the URL's path.
    pub path: UrlPath,
    /// By default told by the URL: HTTP where it has a path or port 4318, else gRPC.
    pub protocol: Option<Protocol>,
    /// Sent with every request; a later one replaces an earlier one of the same name.
    pub headers: Vec<(String, Secret)>,
    /// The header `authorization`.
    pub authorization: Option<Authorization>,
    /// Of requests.
    pub compression: Compression,
    /// How long one request may take. By default that of [`super::Settings`].
    pub timeout: Option<Duration>,
    /// For `https://`.
    pub tls: Tls,
    /// Requests on the way at once; one at least. By default four, and one with a spool, which keeps batches in order.
    pub concurrency: Option<usize>,
    /// Through which proxy.
    pub proxy: Proxy,
}

impl From<&str> for Destination {
    fn from(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            path: UrlPath::Base,
            protocol: None,
            headers: Vec::new(),
            authorization: None,
            compression: Compression::None,
            timeout: None,
            tls: Tls::default(),
            concurrency: None,
            proxy: Proxy::default(),
        }
    }
}

/// What the path of an OTLP/HTTP URL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlPath {
    /// Where `/v1/traces` is added: `OTEL_EXPORTER_OTLP_ENDPOINT`.
    Parent,
    /// Used as it is: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
    Exact,
    /// Used as it is, and where there is none, `/v1/traces`: the command line.
    Base,
}

/// How spans are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protocol buffers.
    HttpProtobuf,
    /// OTLP/HTTP with JSON.
    HttpJson,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Grpc, Self::HttpProtobuf, Self::HttpJson];

    /// The value of `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Zstandard. Not every receiver takes it.
    Zstd,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// The value of `OTEL_EXPORTER_OTLP_COMPRESSION`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub enum Authorization {
    /// A token (RFC 6750).
    Bearer(Secret),
    /// `USER:PASSWORD` (RFC 7617).
    Basic(Secret),
}

/// How the receiver of an `https://` URL is known, and we to it. Files are read again when they change.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates (PEM) of the authorities that are trusted, instead of the system's.
    pub authorities: Option<PathBuf>,
    /// Our certificate and those between it and its authority (PEM).
    pub certificate: Option<PathBuf>,
    /// Our key (PEM).
    pub key: Option<PathBuf>,
    /// The name in the receiver's certificate, where it is not the URL's host.
    pub server_name: Option<String>,
    /// Take no TLS before 1.3; else none before 1.2.
    pub only_1_3: bool,
    /// Take any certificate.
    pub skip_verify: bool,
}

/// Proxies, as in the variables of these names. Receivers on this host (`localhost`, loopback addresses, Unix sockets)
/// are never reached through one.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// `HTTP_PROXY`: for `http://` receivers.
    pub http: String,
    /// `HTTPS_PROXY`: for `https://` receivers.
    pub https: String,
    /// `NO_PROXY`: hosts, domains and networks reached without.
    pub no: String,
}
