//! The option of the endpoint for metrics and health.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;

/// Where it listens unless it is told otherwise: OpenTelemetry's port for Prometheus' scrapes.
pub const DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// Metrics and health over HTTP.
#[derive(Debug, Args)]
#[command(next_help_heading = "Self")]
pub struct HttpOptions {
    /// Answer `/metrics`, `/livez`, `/readyz` and `/startupz` at this address over HTTP, or `off`. Without it, at
    /// 127.0.0.1:9464 if that is free.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = parse)]
    pub http: Option<Http>,
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http {
    /// Nowhere.
    Off,
    /// There.
    At(SocketAddr),
}

fn parse(text: &str) -> Result<Http, String> {
    match text {
        "off" => Ok(Http::Off),
        _ => text.parse().map(Http::At).map_err(|_| "write it as 127.0.0.1:9464, [::1]:9464 or off".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        assert_eq!(parse("127.0.0.1:9464"), Ok(Http::At(DEFAULT)));
        assert_eq!(parse("off"), Ok(Http::Off));
        assert!(matches!(parse("[::]:0"), Ok(Http::At(_))));
        for text in ["", "9464", ":9464", "localhost", "127.0.0.1", "127.0.0.1:70000", "OFF"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
