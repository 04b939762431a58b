//! The variables of the OTLP exporter
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/#configuration-options>) and those of proxies.
//! One that is empty counts as unset; `OTEL_EXPORTER_OTLP_TRACES_*` goes before `OTEL_EXPORTER_OTLP_*`.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::destination::{Compression, Destination, Protocol, Proxy, UrlPath};
use super::secret::Secret;

/// How long a request may take (`OTEL_EXPORTER_OTLP_TIMEOUT`'s default).
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

impl Destination {
    /// What the environment says; `get` gives a variable's value. The URL is empty where it names none. What cannot be
    /// understood is left out and logged, as the specification wants it.
    pub fn from_environment(get: impl Fn(&str) -> Option<String>) -> Self {
        let variables = Variables { get: &get };
        let mut destination = Self::from("");
        destination.proxy = proxy(&variables);
        destination.protocol = variables.one_of("PROTOCOL", &Protocol::ALL.map(|it| (it.name(), it)));
        let compression = variables.one_of("COMPRESSION", &Compression::ALL.map(|it| (it.name(), it)));
        destination.compression = compression.unwrap_or(Compression::None);
        destination.timeout = Some(variables.timeout().unwrap_or(TIMEOUT));
        destination.tls.authorities = variables.find("CERTIFICATE").map(|(_, path)| path.into());
        destination.tls.certificate = variables.find("CLIENT_CERTIFICATE").map(|(_, path)| path.into());
        destination.tls.key = variables.find("CLIENT_KEY").map(|(_, path)| path.into());
        destination.headers = variables.find("HEADERS").map(|(name, text)| headers(&name, &text)).unwrap_or_default();
        if let Some((name, url)) = variables.find("ENDPOINT") {
            destination.path = if name.contains("_TRACES_") { UrlPath::Exact } else { UrlPath::Parent };
            destination.url = variables.with_scheme(url);
        }
        destination
    }
}

struct Variables<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    fn value(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The variable that counts, and its value.
    fn find(&self, name: &str) -> Option<(String, String)> {
        let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{name}"), format!("OTEL_EXPORTER_OTLP_{name}")];
        names.into_iter().find_map(|name| self.value(&name).map(|value| (name, value)))
    }

    fn one_of<T: Copy>(&self, name: &str, table: &[(&str, T)]) -> Option<T> {
        let (name, value) = self.find(name)?;
        let known = table.iter().find(|(known, _)| value.eq_ignore_ascii_case(known)).map(|(_, it)| *it);
        if known.is_none() {
            let names: Vec<_> = table.iter().map(|(known, _)| *known).collect();
            tracing::warn!(?value, "{name} is none of {}; it is left out", names.join(", "));
        }
        known
    }

    fn timeout(&self) -> Option<Duration> {
        let (name, value) = self.find("TIMEOUT")?;
        let milliseconds = value.parse().ok().filter(|milliseconds| *milliseconds > 0);
        if milliseconds.is_none() {
            tracing::warn!(?value, "{name} is no number of milliseconds above 0; it is left out");
        }
        milliseconds.map(Duration::from_millis)
    }

    /// gRPC's `HOST:PORT`, for which `INSECURE` was made.
    fn with_scheme(&self, url: String) -> String {
        if url.contains("://") || url.starts_with("unix:") {
            return url;
        }
        let insecure = self.find("INSECURE").is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"));
        format!("{}://{url}", if insecure { "http" } else { "https" })
    }
}

/// `key1=value1,key2=value2`, values with percent-encoding (W3C Baggage without properties).
fn headers(variable: &str, text: &str) -> Vec<(String, Secret)> {
    let mut list = Vec::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let decoded = pair.split_once('=').and_then(|(key, value)| {
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            Some((key.trim().to_owned(), Secret::Text(value.into_owned())))
        });
        match decoded {
            Some(header) => list.push(header),
            None => tracing::warn!("{variable} has a part without `=` or that is no UTF-8; it is left out"),
        }
    }
    list
}

/// Lower case first, as curl does; `HTTP_PROXY` in upper case, too, as this is no CGI program.
fn proxy(variables: &Variables<'_>) -> Proxy {
    let either = |name: &str| variables.value(&name.to_ascii_lowercase()).or_else(|| variables.value(name));
    let all = either("ALL_PROXY");
    Proxy {
        http: either("HTTP_PROXY").or_else(|| all.clone()).unwrap_or_default(),
        https: either("HTTPS_PROXY").or(all).unwrap_or_default(),
        no: either("NO_PROXY").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Destination {
        let prefixed = |name: &str| match name.strip_prefix("OTEL_EXPORTER_OTLP_") {
            Some(short) => variables.iter().find(|(known, _)| *known == short).map(|(_, value)| (*value).to_owned()),
            None => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        };
        Destination::from_environment(prefixed)
    }

    #[test]
    fn nothing_set_is_the_specification_s_default() {
        let destination = of(&[("ENDPOINT", ""), ("TIMEOUT", " ")]);
        assert_eq!(destination.url, "");
        assert_eq!(destination.timeout, Some(Duration::from_secs(10)));
        assert_eq!((destination.protocol, destination.compression), (None, Compression::None));
        assert!(destination.headers.is_empty() && destination.proxy.http.is_empty());
    }

    #[test]
    fn that_of_traces_goes_first() {
        let rows = [
            ("ENDPOINT", "http://a", "http://b"),
            ("PROTOCOL", "http/json", "grpc"),
            ("COMPRESSION", "gzip", "zstd"),
            ("TIMEOUT", "1500", "3000"),
            ("CERTIFICATE", "a.pem", "b.pem"),
            ("CLIENT_CERTIFICATE", "a.crt", "b.crt"),
            ("CLIENT_KEY", "a.key", "b.key"),
            ("HEADERS", "a=1", "b=2"),
        ];
        let named = |prefix: &str, second: bool| -> Vec<(String, &str)> {
            rows.iter().map(|row| (format!("{prefix}{}", row.0), if second { row.2 } else { row.1 })).collect()
        };
        let both = [named("TRACES_", false), named("", true)].concat();
        let both: Vec<_> = both.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let destination = of(&both);
        assert_eq!((destination.url.as_str(), destination.path), ("http://a", UrlPath::Exact));
        assert_eq!(destination.protocol, Some(Protocol::HttpJson));
        assert_eq!(destination.compression, Compression::Gzip);
        assert_eq!(destination.timeout, Some(Duration::from_millis(1500)));
        let files = [&destination.tls.authorities, &destination.tls.certificate, &destination.tls.key];
        assert_eq!(files.map(|file| file.clone().unwrap()), ["a.pem", "a.crt", "a.key"].map(std::path::PathBuf::from));
        assert_eq!(destination.headers, [("a".to_owned(), Secret::Text("1".to_owned()))]);
        let general = of(&both[rows.len()..]);
        assert_eq!((general.url.as_str(), general.path), ("http://b", UrlPath::Parent));
        assert_eq!(general.timeout, Some(Duration::from_secs(3)));
    }

    #[test]
    fn headers_are_percent_encoded() {
        let headers = of(&[("HEADERS", "api-key = a%20b%3D , x=1=2, broken, y=%ff")]).headers;
        let text = |text: &str| Secret::Text(text.to_owned());
        assert_eq!(headers, [("api-key".to_owned(), text("a b=")), ("x".to_owned(), text("1=2"))]);
    }

    #[test]
    fn insecure_is_for_endpoints_without_a_scheme() {
        let rows = [
            ("c:4317", "true", "http://c:4317"),
            ("c:4317", "false", "https://c:4317"),
            ("c:4317", "", "https://c:4317"),
            ("https://c:4317", "true", "https://c:4317"),
            ("unix:/s", "false", "unix:/s"),
        ];
        for (url, insecure, expected) in rows {
            assert_eq!(of(&[("ENDPOINT", url), ("INSECURE", insecure)]).url, expected, "{url} {insecure}");
        }
    }

    #[test]
    fn what_is_not_understood_is_left_out() {
        let destination = of(&[("PROTOCOL", "grpcs"), ("COMPRESSION", "lz4"), ("TIMEOUT", "10s")]);
        assert_eq!((destination.protocol, destination.compression), (None, Compression::None));
        assert_eq!(destination.timeout, Some(TIMEOUT));
        assert_eq!(of(&[("COMPRESSION", "GZIP")]).compression, Compression::Gzip);
    }

    #[test]
    fn proxies_in_small_letters_go_first() {
        let proxy = of(&[("HTTP_PROXY", "http://a"), ("http_proxy", "http://b"), ("ALL_PROXY", "http://c")]).proxy;
        assert_eq!((proxy.http.as_str(), proxy.https.as_str()), ("http://b", "http://c"));
    }
}
