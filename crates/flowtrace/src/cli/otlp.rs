//! The options of OTLP receivers.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::parse_duration;

/// How OTLP receivers are reached. What is not given here is taken from the OTEL_EXPORTER_OTLP_* variables.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "OTLP")]
pub struct OtlpOptions {
    /// How spans are carried. Without it: OTLP/HTTP where the URL has a path or port 4318, else gRPC.
    #[arg(long, value_name = "PROTOCOL")]
    pub otlp_protocol: Option<OtlpProtocol>,
    /// Send this header with every request; repeatable. A value `file:PATH` is read from there, `env:NAME` from the
    /// environment.
    #[arg(long = "otlp-header", value_name = "NAME=VALUE")]
    pub otlp_headers: Vec<String>,
    /// Send a token (`Authorization: Bearer`), from `file:PATH` or `env:NAME`.
    #[arg(long, value_name = "SECRET")]
    pub otlp_bearer: Option<String>,
    /// Send a user and password (`Authorization: Basic`), as USER:PASSWORD from `file:PATH` or `env:NAME`.
    #[arg(long, value_name = "SECRET")]
    pub otlp_basic: Option<String>,
    /// Compress requests.
    #[arg(long, value_name = "METHOD")]
    pub otlp_compression: Option<OtlpCompression>,
    /// How long one request may take [default: 10s].
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub otlp_timeout: Option<Duration>,
    /// How many requests are on the way at once [default: 4; with --spool 1, which keeps batches in order].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub otlp_concurrency: Option<u32>,
    /// Trust receivers (`https://`) with a certificate of these authorities (PEM), instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub otlp_ca: Option<PathBuf>,
    /// Our certificate (PEM), for receivers that ask for one; read again when it changes.
    #[arg(long, value_name = "FILE")]
    pub otlp_cert: Option<PathBuf>,
    /// The key of our certificate (PEM); read again when it changes.
    #[arg(long, value_name = "FILE")]
    pub otlp_key: Option<PathBuf>,
    /// The name in the receiver's certificate, where it is not the URL's host.
    #[arg(long, value_name = "NAME")]
    pub otlp_server_name: Option<String>,
    /// The oldest version of TLS to take.
    #[arg(long, value_name = "VERSION", default_value = "1.2")]
    pub otlp_tls_min: TlsVersion,
    /// Take any certificate of a receiver: anyone on the way can then read and change spans.
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
        default_missing_value = "true", hide_default_value = true, hide_possible_values = true, value_name = "WHETHER")]
    pub otlp_insecure_skip_verify: bool,
}

/// How spans are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OtlpProtocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protocol buffers.
    #[value(name = "http/protobuf")]
    HttpProtobuf,
    /// OTLP/HTTP with JSON.
    #[value(name = "http/json")]
    HttpJson,
}

/// How requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OtlpCompression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Zstandard, where the receiver takes it.
    Zstd,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[value(name = "1.2")]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[value(name = "1.3")]
    V1_3,
}
