//! Requests → answers.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::health::{self, Health};
use crate::metrics::{self, Published};

/// What there is.
const INDEX: &str = "flowtrace\n\n/metrics   Prometheus or OpenMetrics\n/livez     whether it runs\n/startupz  whether it \
                     has started\n/readyz    whether it records flows, and what is wrong around that\n";

/// The answer to a request; its body is not read.
pub fn answer<T>(request: &Request<T>, published: &Published) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET and HEAD\n".to_owned());
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    match request.uri().path() {
        "/metrics" => {
            let accept = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
            let format = metrics::format(&accept.collect::<Vec<_>>().join(","));
            text(StatusCode::OK, format.content_type(), metrics::page(published, format))
        }
        "/livez" => health(health::live(published, Instant::now())),
        "/startupz" => health(health::started(published)),
        "/readyz" => health(health::ready(published, Instant::now())),
        "/" => text(StatusCode::OK, "text/plain", INDEX.to_owned()),
        _ => text(StatusCode::NOT_FOUND, "text/plain", "there is no such page; / lists them\n".to_owned()),
    }
}

fn health(Health { is_well, body }: Health) -> Response<Full<Bytes>> {
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text(status, "application/json", format!("{body}\n"))
}

fn text(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn pages_and_methods() {
        let published = Published::new(Duration::from_secs(1), None);
        for (method, path, status) in [
            ("GET", "/", 200),
            ("HEAD", "/metrics", 200),
            ("GET", "/metrics?x=y", 200),
            ("GET", "/livez", 200),
            ("GET", "/startupz", 503),
            ("GET", "/readyz", 503),
            ("GET", "/metrics/", 404),
            ("GET", "/../etc/passwd", 404),
            ("POST", "/metrics", 405),
            ("DELETE", "/nothing", 405),
        ] {
            let request = Request::builder().method(method).uri(path).body(()).expect("a request");
            assert_eq!(answer(&request, &published).status(), status, "{method} {path}");
        }
    }

    #[test]
    fn the_format_is_what_the_client_wants() {
        let published = Published::new(Duration::from_secs(1), None);
        for (accept, expected) in [("*/*", "text/plain"), ("application/openmetrics-text", "application/openmetrics")] {
            let request = Request::builder().uri("/metrics").header("accept", accept).body(()).expect("a request");
            let found = answer(&request, &published);
            assert!(found.headers()[CONTENT_TYPE].to_str().expect("text").starts_with(expected), "{accept}");
        }
    }
}
