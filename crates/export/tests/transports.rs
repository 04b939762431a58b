//! Every form of OTLP against a receiver that does as it is told. Test names say the rule.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
#![allow(dead_code, reason = "the modules have helpers for several tests")]

mod faults;
mod pushing;

use std::io::Write as _;
use std::net::TcpListener;
use std::time::{Duration, Instant, SystemTime};

use faults::{Faults, Proxy, Reply, Request};
use flowtrace_export::{
    Authorization, Compression, Destination, Failed, Protocol, Proxy as Proxies, Report, Secret, Settings, UrlPath,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use pushing::{LONG, export, exporter, impatient, sent, settings, some, to};

const PROTOCOLS: [Protocol; 3] = Protocol::ALL;
const SOON: Duration = Duration::from_secs(10);

fn over(url: &str, protocol: Protocol) -> Destination {
    Destination { protocol: Some(protocol), ..to(url) }
}

/// Answers the first requests so, the rest with success.
fn first(replies: Vec<Reply>) -> impl Fn(usize, &Request) -> Reply {
    move |index, _| replies.get(index).cloned().unwrap_or(Reply::Ok)
}

fn status(code: u16, headers: &[(&'static str, &str)]) -> Reply {
    Reply::Http(code, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

fn refused(records: u64) -> Failed {
    Failed { refused: records, ..Failed::default() }
}

/// `google.rpc.Status` with a `RetryInfo` of so many milliseconds.
fn retry_info(milliseconds: u32) -> Vec<u8> {
    let field = |tag: u8, bytes: &[u8]| [&[tag << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let mut delay = vec![2 << 3];
    prost::encoding::encode_varint(u64::from(milliseconds) * 1_000_000, &mut delay);
    let any = [field(1, b"type.googleapis.com/google.rpc.RetryInfo"), field(2, &field(1, &delay))].concat();
    field(3, &any)
}

#[test]
fn every_protocol_and_compression_carries_the_same_spans() {
    let mut seen: Option<ExportTraceServiceRequest> = None;
    for protocol in PROTOCOLS {
        for compression in Compression::ALL {
            let receiver = Faults::tcp(first(vec![]));
            let to = Destination { compression, ..over(&receiver.url(), protocol) };
            assert_eq!(export(to, settings(), 60), sent(60), "{protocol:?} {compression:?}");
            let [request] = &receiver.requests()[..] else { panic!("one request") };
            assert_eq!(*seen.get_or_insert(request.message.clone()), request.message, "{protocol:?} {compression:?}");
            let encoding = if protocol == Protocol::Grpc { "grpc-encoding" } else { "content-encoding" };
            let expected = if compression == Compression::None { "" } else { compression.name() };
            assert_eq!(request.header(encoding), expected);
            assert!(request.header("user-agent").starts_with("flowtrace/"), "{:?}", request.headers);
        }
    }
}

#[test]
fn requests_go_to_the_path_of_the_protocol() {
    let grpc = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let rows = [
        (Protocol::Grpc, UrlPath::Base, "", grpc),
        (Protocol::HttpProtobuf, UrlPath::Base, "", "/v1/traces"),
        (Protocol::HttpJson, UrlPath::Parent, "/otlp/", "/otlp/v1/traces"),
        (Protocol::HttpProtobuf, UrlPath::Exact, "/mine", "/mine"),
        (Protocol::HttpProtobuf, UrlPath::Exact, "", "/"),
    ];
    for (protocol, path, suffix, expected) in rows {
        let receiver = Faults::tcp(first(vec![]));
        let url = format!("{}{suffix}", receiver.url());
        assert_eq!(export(Destination { path, ..over(&url, protocol) }, settings(), 1), sent(1));
        assert_eq!(receiver.requests()[0].path, expected);
    }
}

#[test]
fn http_429_502_503_504_are_tried_again_and_all_else_is_final() {
    for code in [301, 400, 401, 403, 404, 405, 408, 415, 422, 429, 500, 501, 502, 503, 504, 505] {
        let receiver = Faults::tcp(first(vec![status(code, &[])]));
        let report = export(over(&receiver.url(), Protocol::HttpProtobuf), settings(), 3);
        let (requests, expected) = match code {
            429 | 502 | 503 | 504 => (2, sent(3)),
            _ => (1, Report { failed: refused(3), ..Report::default() }),
        };
        assert_eq!((receiver.requests().len(), report), (requests, expected), "{code}");
    }
}

#[test]
fn grpc_statuses_are_tried_again_as_the_specification_lists_them() {
    for code in 1..=16 {
        let receiver = Faults::tcp(first(vec![Reply::Grpc(code, "", vec![])]));
        let report = export(over(&receiver.url(), Protocol::Grpc), settings(), 3);
        let (requests, expected) = match code {
            1 | 4 | 10 | 11 | 14 | 15 => (2, sent(3)),
            _ => (1, Report { failed: refused(3), ..Report::default() }),
        };
        assert_eq!((receiver.requests().len(), report), (requests, expected), "{code}");
    }
}

#[test]
fn resource_exhausted_is_tried_again_only_with_retry_info_and_then_as_late() {
    let receiver = Faults::tcp(first(vec![Reply::Grpc(8, "slow down", retry_info(300))]));
    let begin = Instant::now();
    assert_eq!(export(over(&receiver.url(), Protocol::Grpc), settings(), 3), sent(3));
    assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn retry_after_is_waited_for_as_seconds_and_as_a_date() {
    for date in [false, true] {
        let receiver = Faults::tcp(move |index, _| {
            let when = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
            let text = if date { when } else { "1".to_owned() };
            if index == 0 { status(503, &[("retry-after", &text)]) } else { Reply::Ok }
        });
        let begin = Instant::now();
        assert_eq!(export(over(&receiver.url(), Protocol::HttpProtobuf), settings(), 3), sent(3));
        // A date has no fractions: 2 s may be little more than 1.
        assert!(begin.elapsed() >= Duration::from_millis(950), "{date} {:?}", begin.elapsed());
    }
}

#[test]
fn a_retry_after_beyond_patience_gives_up_at_once() {
    let receiver = Faults::tcp(|_, _| status(429, &[("retry-after", "3600")]));
    let begin = Instant::now();
    let report = export(over(&receiver.url(), Protocol::HttpProtobuf), settings(), 3);
    assert_eq!(report.failed, Failed { unreachable: 3, ..Failed::default() });
    assert!(begin.elapsed() < SOON);
}

#[test]
fn partial_success_is_counted_in_every_protocol() {
    for protocol in PROTOCOLS {
        let receiver = Faults::tcp(first(vec![Reply::Partial(2, "too old")]));
        let report = export(over(&receiver.url(), protocol), settings(), 5);
        assert_eq!(report, Report { sent: 3, rejected: 2, ..Report::default() }, "{protocol:?}");
        assert_eq!(receiver.requests().len(), 1, "partial success is never tried again");
    }
}

/// gRPC's clients take 4 MiB by default.
#[test]
fn a_long_answer_means_what_it_says() {
    for length in [100 << 10, (4 << 20) - 100] {
        let words: &str = "long ".repeat(length / 5).leak();
        for protocol in PROTOCOLS {
            let receiver = Faults::tcp(first(vec![Reply::Partial(2, words)]));
            let report = export(over(&receiver.url(), protocol), settings(), 5);
            assert_eq!(report, Report { sent: 3, rejected: 2, ..Report::default() }, "{protocol:?} {length}");
        }
    }
}

/// It is read no further. A status of HTTP has come by then, one of gRPC has not.
#[test]
fn an_answer_beyond_4_mib_is_cut() {
    let words: &str = "long ".repeat(1 << 20).leak();
    for (protocol, report) in PROTOCOLS.into_iter().zip([Report { failed: refused(5), ..sent(0) }, sent(5), sent(5)]) {
        let receiver = Faults::tcp(first(vec![Reply::Partial(2, words)]));
        assert_eq!(export(over(&receiver.url(), protocol), settings(), 5), report, "{protocol:?}");
        assert_eq!(receiver.requests().len(), 1);
    }
}

#[test]
fn a_request_too_large_is_halved_until_it_fits() {
    let too_large = |protocol| match protocol {
        Protocol::Grpc => Reply::Grpc(8, "grpc: received message larger than max (9 vs. 8)", vec![]),
        _ => status(413, &[]),
    };
    for protocol in PROTOCOLS {
        let receiver =
            Faults::tcp(move |_, request| if request.spans() > 30 { too_large(protocol) } else { Reply::Ok });
        assert_eq!(export(over(&receiver.url(), protocol), settings(), 200), sent(200), "{protocol:?}");
        let taken = receiver.requests().into_iter().filter(|request| request.spans() <= 30);
        let spans = taken.flat_map(|request| request.message.resource_spans[0].scope_spans[0].spans.clone());
        let ids: Vec<_> = spans.map(|span| span.span_id).collect();
        let expected: Vec<_> = some(200).iter().map(|record| record.span_id.to_vec()).collect();
        assert_eq!(ids, expected, "{protocol:?}: each once, in order");
    }
}

#[test]
fn a_single_span_too_large_is_lost_with_its_reason_and_the_others_arrive() {
    let large = 3_u64.to_be_bytes();
    let receiver = Faults::tcp(move |_, request| {
        let spans = &request.message.resource_spans[0].scope_spans[0].spans;
        if spans.iter().any(|span| span.span_id == large) { status(413, &[]) } else { Reply::Ok }
    });
    let report = export(over(&receiver.url(), Protocol::HttpProtobuf), settings(), 10);
    assert_eq!(report, Report { sent: 9, failed: Failed { too_large: 1, ..Failed::default() }, ..Report::default() });
}

#[test]
fn a_connection_is_kept_and_used_again() {
    for protocol in PROTOCOLS {
        let receiver = Faults::tcp(first(vec![]));
        let settings = Settings { batch_records: 10, ..settings() };
        assert_eq!(export(over(&receiver.url(), protocol), settings, 100), sent(100));
        assert_eq!((receiver.requests().len(), receiver.connections()), (10, 1), "{protocol:?}");
    }
}

#[test]
fn several_requests_are_on_the_way_at_once_and_no_more() {
    for protocol in PROTOCOLS {
        let receiver = Faults::tcp(|_, _| Reply::Slow(Duration::from_millis(200)));
        let to = Destination { concurrency: None, ..over(&receiver.url(), protocol) };
        let begin = Instant::now();
        let mut exporter = exporter(to, Settings { batch_records: 1, ..settings() });
        some(8).iter().for_each(|record| exporter.push(record));
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(receiver.requests().len(), 4, "{protocol:?}");
        assert_eq!(exporter.shutdown(LONG), sent(8));
        assert!(begin.elapsed() < Duration::from_millis(1_200), "{protocol:?} {:?}", begin.elapsed());
    }
}

#[test]
fn a_connection_that_breaks_in_a_request_is_made_anew() {
    for protocol in PROTOCOLS {
        let receiver = Faults::tcp(first(vec![Reply::Cut, Reply::Cut]));
        assert_eq!(export(over(&receiver.url(), protocol), settings(), 3), sent(3), "{protocol:?}");
        assert_eq!(receiver.requests().len(), 3, "{protocol:?}");
    }
}

#[test]
fn after_silence_the_next_attempt_has_a_new_connection() {
    for protocol in PROTOCOLS {
        let receiver = Faults::tcp(first(vec![Reply::Silence]));
        let timeout = Some(Duration::from_millis(150));
        let to = Destination { timeout, ..over(&receiver.url(), protocol) };
        assert_eq!(export(to, settings(), 3), sent(3), "{protocol:?}");
        let connections: Vec<_> = receiver.requests().iter().map(|request| request.connection).collect();
        assert_eq!(connections, [1, 2], "{protocol:?}");
    }
}

#[test]
fn a_slow_answer_within_the_timeout_counts() {
    for protocol in PROTOCOLS {
        let receiver = Faults::tcp(|_, _| Reply::Slow(Duration::from_millis(300)));
        assert_eq!(export(over(&receiver.url(), protocol), settings(), 3), sent(3), "{protocol:?}");
        assert_eq!(receiver.requests().len(), 1);
    }
}

/// A peer that takes the connection and says nothing, not even what HTTP/2 begins with.
#[test]
fn a_half_open_peer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    for protocol in PROTOCOLS {
        let to = Destination { timeout: Some(Duration::from_millis(50)), ..over(&url, protocol) };
        let report = export(to, impatient(), 3);
        assert_eq!(report.failed, Failed { unreachable: 3, ..Failed::default() }, "{protocol:?}");
    }
}

#[test]
fn what_is_no_http_is_no_receiver() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"SSH-2.0-OpenSSH_9.2\r\n\xff\xff\xff\xff");
        }
    });
    for protocol in PROTOCOLS {
        let report = export(over(&url, protocol), impatient(), 3);
        assert_eq!(report.failed, Failed { unreachable: 3, ..Failed::default() }, "{protocol:?}");
    }
}

#[test]
fn a_flapping_receiver_gets_everything() {
    for protocol in PROTOCOLS {
        let busy = if protocol == Protocol::Grpc { Reply::Grpc(14, "", vec![]) } else { status(503, &[]) };
        let receiver = Faults::tcp(move |index, _| match index % 4 {
            0 => Reply::Cut,
            1 => busy.clone(),
            _ => Reply::Ok,
        });
        let to = Destination { concurrency: None, ..over(&receiver.url(), protocol) };
        let settings = Settings { batch_records: 10, ..settings() };
        assert_eq!(export(to, settings, 300), sent(300), "{protocol:?}");
    }
}

#[test]
fn a_receiver_that_comes_back_at_its_name_is_found_again() {
    let receiver = Faults::tcp(first(vec![]));
    let address = receiver.address.to_string();
    let url = format!("http://localhost:{}", receiver.address.port());
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        drop(Faults::tcp(first(vec![])));
        let mut exporter = exporter(over(&url, protocol), Settings { batch_records: 5, ..settings() });
        some(5).iter().for_each(|record| exporter.push(record));
        let begin = Instant::now();
        while exporter.report().sent < 5 {
            assert!(begin.elapsed() < SOON);
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(exporter.shutdown(LONG), sent(5));
    }
    drop(receiver);
    let mut exporter = exporter(over(&url, Protocol::HttpProtobuf), settings());
    some(5).iter().for_each(|record| exporter.push(record));
    exporter.tick(Instant::now() + LONG);
    std::thread::sleep(Duration::from_millis(100));
    let back = Faults::at(&address, None, first(vec![]));
    assert_eq!(exporter.shutdown(LONG), sent(5));
    assert_eq!(back.requests().len(), 1);
}

#[test]
fn ipv6_addresses_are_connected_to() {
    let receiver = Faults::at("[::1]:0", None, first(vec![]));
    for protocol in PROTOCOLS {
        assert_eq!(export(over(&receiver.url(), protocol), settings(), 3), sent(3), "{protocol:?}");
    }
}

#[test]
fn unix_sockets_are_connected_to_never_through_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otlp.sock");
    let receiver = Faults::unix(&path, first(vec![]));
    for (number, protocol) in PROTOCOLS.into_iter().enumerate() {
        let proxy = Proxies { http: "http://127.0.0.1:1".into(), ..Proxies::default() };
        let to = Destination { proxy, ..over(&format!("unix:{}", path.display()), protocol) };
        assert_eq!(export(to, settings(), 3), sent(3), "{protocol:?}");
        assert_eq!(receiver.requests().len(), number + 1);
    }
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_to_the_receiver() {
    let receiver = Faults::tcp(first(vec![]));
    for protocol in PROTOCOLS {
        let proxy = Proxy::start("HTTP/1.1 200 Connection established", receiver.address);
        let through = Proxies { http: format!("http://user:pass@{}", proxy.address), ..Proxies::default() };
        let to = Destination { proxy: through, ..over("http://collector.invalid:4317", protocol) };
        assert_eq!(export(to, settings(), 3), sent(3), "{protocol:?}");
        let head = proxy.heads.lock().unwrap()[0].clone();
        assert!(head.starts_with("CONNECT collector.invalid:4317 HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("proxy-authorization: Basic dXNlcjpwYXNz\r\n"), "{head}");
    }
}

#[test]
fn a_proxy_that_refuses_is_no_way() {
    let receiver = Faults::tcp(first(vec![]));
    let proxy = Proxy::start("HTTP/1.1 407 Proxy Authentication Required", receiver.address);
    let through = Proxies { http: format!("http://{}", proxy.address), ..Proxies::default() };
    let to = Destination { proxy: through, ..over("http://collector.invalid:4317", Protocol::Grpc) };
    assert_eq!(export(to, impatient(), 3).failed, Failed { unreachable: 3, ..Failed::default() });
    assert!(receiver.requests().is_empty());
}

#[test]
fn no_proxy_is_obeyed() {
    let receiver = Faults::at("127.0.0.1:0", None, first(vec![]));
    // Neither for this host, nor for what NO_PROXY names: the second would be no address at all.
    let through = Proxies { http: "http://127.0.0.1:1".into(), no: ".invalid".into(), ..Proxies::default() };
    let to = Destination { proxy: through.clone(), ..over(&receiver.url(), Protocol::Grpc) };
    assert_eq!(export(to, settings(), 3), sent(3));
    let to = Destination { proxy: through, ..over("http://collector.invalid:4317", Protocol::Grpc) };
    assert_eq!(export(to, impatient(), 3).failed, Failed { unreachable: 3, ..Failed::default() });
}

#[test]
fn headers_and_authorization_come_with_every_request() {
    for protocol in PROTOCOLS {
        let receiver = Faults::tcp(first(vec![]));
        let to = Destination {
            headers: vec![
                ("X-Tenant".into(), Secret::Text("one".into())),
                ("x-tenant".into(), Secret::Text("two".into())),
                ("user-agent".into(), Secret::Text("mine".into())),
            ],
            authorization: Some(Authorization::Basic(Secret::Text("u:p".into()))),
            ..over(&receiver.url(), protocol)
        };
        assert_eq!(export(to, Settings { batch_records: 2, ..settings() }, 4), sent(4));
        for request in receiver.requests() {
            assert_eq!(request.header("x-tenant"), "two", "{protocol:?}");
            assert_eq!(request.header("authorization"), "Basic dTpw");
            assert_eq!(request.header("user-agent"), "mine");
        }
    }
}

#[test]
fn refused_credentials_are_a_refusal() {
    for protocol in PROTOCOLS {
        let grpc = protocol == Protocol::Grpc;
        let no = if grpc { Reply::Grpc(16, "who are you", vec![]) } else { status(401, &[]) };
        let receiver = Faults::tcp(first(vec![no]));
        let authorization = Some(Authorization::Bearer(Secret::Text("wrong".into())));
        let report = export(Destination { authorization, ..over(&receiver.url(), protocol) }, settings(), 3);
        assert_eq!(report.failed, refused(3), "{protocol:?}");
    }
}

#[test]
fn a_token_in_a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "first\n").unwrap();
    let receiver = Faults::tcp(first(vec![]));
    let authorization = Some(Authorization::Bearer(Secret::File(path.clone())));
    let to = Destination { authorization, ..over(&receiver.url(), Protocol::HttpProtobuf) };
    let mut exporter = exporter(to, Settings { batch_records: 1, ..settings() });
    exporter.push(&some(1)[0]);
    std::thread::sleep(Duration::from_millis(1_100));
    std::fs::write(&path, "second\n").unwrap();
    exporter.push(&some(1)[0]);
    assert_eq!(exporter.shutdown(LONG), sent(2));
    let tokens: Vec<_> = receiver.requests().iter().map(|request| request.header("authorization").to_owned()).collect();
    assert_eq!(tokens, ["Bearer first", "Bearer second"]);
}

#[test]
fn a_secret_is_in_no_debug_output() {
    let to = Destination {
        headers: vec![("x".into(), Secret::Text("sesame".into()))],
        authorization: Some(Authorization::Bearer(Secret::Text("sesame".into()))),
        ..to("http://localhost:4317")
    };
    assert!(!format!("{to:?}").contains("sesame"));
    let exporter = exporter(to, settings());
    assert!(!format!("{exporter:?}").contains("sesame"));
}

/// What rows above rely on: the test's own encoder of `RetryInfo`.
#[test]
fn the_details_of_the_test_are_a_status() {
    assert!(retry_info(300).len() > 20);
    assert!(ExportTraceServiceRequest::default().encode_to_vec().is_empty());
}
