//! OTLP receivers: what the environment says, and over it what the command line says.

use flowtrace_export::{Authorization, Compression, Destination, Protocol, Secret, UrlPath};

use crate::cli::otlp::{OtlpCompression, OtlpOptions, OtlpProtocol, TlsVersion};
use crate::cli::outputs::OutputOptions;

/// What is wrong with the options. Never says a secret.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// `--otlp-header` without `=`.
    #[error("--otlp-header: write it as NAME=VALUE, NAME=file:PATH or NAME=env:VARIABLE")]
    Header,
    /// A secret on the command line.
    #[error("{0}: write where the secret is, file:PATH or env:VARIABLE; others may read what is written here")]
    Literal(&'static str),
    /// Two sorts of authorization.
    #[error("--otlp-bearer and --otlp-basic: a receiver takes one of them")]
    Both,
}

/// All receivers with their options: those of the command line; without any, that of the environment, if it names one.
/// What else the environment says is of one receiver: the first.
pub fn destinations(
    receivers: &[(String, OutputOptions)],
    shown: &OutputOptions,
    get: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(Destination, OutputOptions)>, Invalid> {
    let Some(((url, options), others)) = receivers.split_first() else {
        let found = destination(None, &shown.otlp, get)?;
        return Ok(found.into_iter().map(|destination| (destination, shown.clone())).collect());
    };
    let first = destination(Some(url), &options.otlp, &get)?.map(|destination| (destination, options));
    let proxies = |name: &str| if name.starts_with("OTEL_") { None } else { get(name) };
    let others = others.iter().map(|(url, options)| {
        destination(Some(url), &options.otlp, proxies).map(|found| found.map(|destination| (destination, options)))
    });
    let all = std::iter::once(Ok(first)).chain(others).filter_map(Result::transpose);
    all.map(|found| found.map(|(destination, options)| (destination, options.clone()))).collect()
}

/// The receiver of this URL; without one, that of the environment, if it names one.
fn destination(
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
    if bearer.is_some() && basic.is_some() { Err(Invalid::Both) } else { Ok(bearer.or(basic)) }
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
        options: OutputOptions,
    }

    fn options(line: &[&str]) -> OutputOptions {
        Line::try_parse_from(["x"].iter().chain(line)).expect("a command line").options
    }

    fn of(url: Option<&str>, line: &[&str], variables: &[(&str, &str)]) -> Result<Option<Destination>, Invalid> {
        let line = options(line);
        let get = |name: &str| {
            let found = variables.iter().find(|(known, _)| format!("OTEL_EXPORTER_OTLP_{known}") == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        destination(url, &line.otlp, get)
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
    fn the_environment_speaks_of_the_first_receiver_and_of_proxies() {
        let receivers = ["http://a", "http://b"].map(|url| (url.to_owned(), options(&[])));
        let get = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_HEADERS" => Some("key=secret".to_owned()),
            "OTEL_EXPORTER_OTLP_COMPRESSION" => Some("gzip".to_owned()),
            "HTTP_PROXY" | "http_proxy" => Some("http://proxy".to_owned()),
            _ => None,
        };
        let found = destinations(&receivers, &options(&[]), get).expect("good");
        let told: Vec<_> =
            found.iter().map(|(to, _)| (&to.url[..], to.headers.len(), to.compression, &to.proxy.http[..])).collect();
        let expected =
            [("http://a", 1, Compression::Gzip, "http://proxy"), ("http://b", 0, Compression::None, "http://proxy")];
        assert_eq!(told, expected);
        let alone = |variable: &str| (variable == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://env".to_owned());
        let found = destinations(&[], &options(&["--attributes", "debug"]), alone).expect("good");
        assert_eq!((found[0].0.url.as_str(), found[0].1.attributes.as_str()), ("http://env", "debug"));
        assert!(destinations(&[], &options(&[]), |_| None).expect("good").is_empty());
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
