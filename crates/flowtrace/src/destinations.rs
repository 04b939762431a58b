//! OTLP receivers: what the environment says, and over it what the command line says.

use flowtrace_export::{Authorization, Compression, Destination, Protocol, Secret, UrlPath};

use crate::cli::otlp::{OtlpCompression, OtlpOptions, OtlpProtocol, TlsVersion};

/// What is wrong with the options. Never says a secret.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// `--otlp-header` without `=`.
    #[error("--otlp-header: write it as NAME=VALUE, NAME=file:PATH or NAME=env:VARIABLE")]
    Header,
    /// A secret on the command line.
    #[error("{0}: write where the secret is, file:PATH or env:VARIABLE; everyone on this host can read a command line")]
    Literal(&'static str),
    /// `--spool` without a receiver.
    #[error("--spool: there is no OTLP receiver to keep spans for; name it by --otlp URL")]
    NothingToSpool,
}

/// The receiver of this URL; without one, that of the environment, if it names one.
pub fn destination(
    url: Option<&str>,
    options: &OtlpOptions,
    get: impl Fn(&str) -> Option<String>,
) -> Result<Option<Destination>, Invalid> {
    let mut destination = Destination::from_environment(get);
    if let Some(url) = url {
        (destination.url, destination.path) = (url.to_owned(), UrlPath::Base);
    }
    if destination.url.is_empty() {
        return Ok(None);
    }
    let OtlpOptions { otlp_protocol, otlp_compression, otlp_timeout, .. } = options;
    destination.protocol = otlp_protocol.map(protocol).or(destination.protocol);
    destination.compression = otlp_compression.map_or(destination.compression, compression);
    destination.timeout = otlp_timeout.or(destination.timeout);
    destination.concurrency = options.otlp_concurrency.map(|number| number as usize);
    for header in &options.otlp_headers {
        let (name, value) = header.split_once('=').ok_or(Invalid::Header)?;
        destination.headers.push((name.to_owned(), Secret::parse(value)));
    }
    destination.authorization = authorization(options)?;
    set_tls(&mut destination, options);
    Ok(Some(destination))
}

fn authorization(options: &OtlpOptions) -> Result<Option<Authorization>, Invalid> {
    let reference = |option: &Option<String>, name| match option {
        None => Ok(None),
        Some(text) => Secret::parse_reference(text).map(Some).ok_or(Invalid::Literal(name)),
    };
    let bearer = reference(&options.otlp_bearer, "--otlp-bearer")?.map(Authorization::Bearer);
    let basic = reference(&options.otlp_basic, "--otlp-basic")?.map(Authorization::Basic);
    Ok(bearer.or(basic))
}

fn set_tls(destination: &mut Destination, options: &OtlpOptions) {
    let tls = &mut destination.tls;
    for (place, option) in [
        (&mut tls.authorities, &options.otlp_ca),
        (&mut tls.certificate, &options.otlp_cert),
        (&mut tls.key, &options.otlp_key),
    ] {
        if option.is_some() {
            place.clone_from(option);
        }
    }
    tls.server_name.clone_from(&options.otlp_server_name);
    tls.only_1_3 = options.otlp_tls_min == TlsVersion::V1_3;
    tls.skip_verify = options.otlp_insecure_skip_verify;
}

const fn protocol(protocol: OtlpProtocol) -> Protocol {
    match protocol {
        OtlpProtocol::Grpc => Protocol::Grpc,
        OtlpProtocol::HttpProtobuf => Protocol::HttpProtobuf,
        OtlpProtocol::HttpJson => Protocol::HttpJson,
    }
}

const fn compression(compression: OtlpCompression) -> Compression {
    match compression {
        OtlpCompression::None => Compression::None,
        OtlpCompression::Gzip => Compression::Gzip,
        OtlpCompression::Zstd => Compression::Zstd,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: OtlpOptions,
    }

    fn of(url: Option<&str>, line: &[&str], variables: &[(&str, &str)]) -> Result<Option<Destination>, Invalid> {
        let line = Line::try_parse_from(["x"].iter().chain(line)).expect("a command line");
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| format!("OTEL_EXPORTER_OTLP_{known}") == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        destination(url, &line.options, get)
    }

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let variables = [
            ("TRACES_ENDPOINT", "http://env/x"),
            ("PROTOCOL", "http/json"),
            ("COMPRESSION", "gzip"),
            ("TIMEOUT", "3000"),
            ("CERTIFICATE", "env.pem"),
            ("CLIENT_KEY", "env.key"),
            ("HEADERS", "a=1"),
        ];
        let found = of(None, &[], &variables).expect("good").expect("a receiver");
        assert_eq!((found.url.as_str(), found.path), ("http://env/x", UrlPath::Exact));
        assert_eq!((found.protocol, found.compression), (Some(Protocol::HttpJson), Compression::Gzip));
        assert_eq!((found.timeout, found.concurrency), (Some(Duration::from_secs(3)), None));

        let line =
            ["--otlp-protocol", "grpc", "--otlp-compression", "none", "--otlp-timeout", "5s", "--otlp-ca", "l.pem"];
        let line = [&line[..], &["--otlp-header", "b=2", "--otlp-tls-min", "1.3"]].concat();
        let found = of(Some("http://line"), &line, &variables).expect("good").expect("a receiver");
        assert_eq!((found.url.as_str(), found.path), ("http://line", UrlPath::Base));
        assert_eq!((found.protocol, found.compression), (Some(Protocol::Grpc), Compression::None));
        assert_eq!(found.timeout, Some(Duration::from_secs(5)));
        assert_eq!(found.tls.authorities, Some("l.pem".into()));
        assert_eq!(found.tls.key, Some("env.key".into()));
        assert!(found.tls.only_1_3 && !found.tls.skip_verify);
        let names: Vec<_> = found.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b"], "the later one of a name counts");
    }

    #[test]
    fn no_url_is_no_receiver() {
        assert!(of(None, &["--otlp-compression", "zstd"], &[("HEADERS", "a=1")]).expect("good").is_none());
    }

    #[test]
    fn secrets_are_not_on_the_command_line() {
        for line in [["--otlp-bearer", "sesame"], ["--otlp-basic", "me:sesame"], ["--otlp-header", "sesame"]] {
            let error = of(Some("http://x"), &line, &[]).expect_err("wrong").to_string();
            assert!(error.starts_with(line[0]) && !error.contains("sesame"), "{error}");
        }
        let found = of(Some("http://x"), &["--otlp-bearer", "file:token"], &[]).expect("good").expect("a receiver");
        assert!(format!("{:?}", found.authorization).contains("file:token"));
    }
}
