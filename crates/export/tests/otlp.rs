//! The exporter against an independent receiver: what arrives, what is retried, and that every record is counted.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod receiver;
#[path = "../../span/tests/records/mod.rs"]
mod records;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use flowtrace_export::{Destination, Exporter, Failed, Full, Report, Retry, Settings};
use flowtrace_flow::Record;
use flowtrace_span::{Environment, Facts, Options, Profile, Resource, Value, attributes, kind, span_name};
use opentelemetry_proto::tonic::common::v1::any_value::Value as OtlpValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use receiver::{Answer, Receiver};
use tonic::{Code, Status};

/// Longer than any test should take.
const LONG: Duration = Duration::from_secs(30);
/// What a test takes that waits for nothing long.
const SOON: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    let retry = Retry { initial: Duration::from_millis(10), maximum: Duration::from_millis(40), total: LONG };
    Settings { retry, ..Settings::new(Full::Wait) }
}

fn exporter(url: &str, settings: Settings) -> Exporter {
    let resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    // One request after the other, so that tests know which answer is whose.
    let destination = Destination { concurrency: Some(1), ..Destination::from(url) };
    Exporter::new(destination, &resource, Options::default(), settings).unwrap()
}

/// So many records, each with a span id of its own.
fn some(count: u64) -> Vec<Record> {
    let table = records::table();
    let number = |(index, record): (u64, &Record)| Record { span_id: index.to_be_bytes(), ..record.clone() };
    (0..count).zip(table.iter().cycle()).map(number).collect()
}

/// Pushes, shuts down, and checks that every record is in the report.
fn export(url: &str, settings: Settings, records: &[Record], time: Duration) -> Report {
    let mut exporter = exporter(url, settings);
    for record in records {
        exporter.push(record);
    }
    let report = exporter.shutdown(time);
    assert_eq!(report.sent + report.rejected + report.failed.total(), records.len() as u64, "{report:?}");
    report
}

fn sent(records: u64) -> Report {
    Report { sent: records, ..Report::default() }
}

fn assert_same(span: &Span, record: &Record) {
    assert_eq!(span.trace_id, record.trace_id);
    assert_eq!(span.span_id, record.span_id);
    assert_eq!(span.parent_span_id, record.parent_span_id.map(|id| id.to_vec()).unwrap_or_default());
    assert_eq!(span.name, *span_name(record));
    assert_eq!(span.kind, i32::from(kind(record, Profile::Reference).number()));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (record.start, record.end));
    assert_eq!(span.status.as_ref().map_or(0, |status| status.code), if record.failure.is_some() { 2 } else { 0 });
    let mut pairs = span.attributes.iter();
    attributes(record, &Options::default(), &mut |attribute, value| {
        let pair = pairs.next().unwrap();
        assert_eq!(pair.key, attribute.name());
        match (value, pair.value.clone().unwrap().value.unwrap()) {
            (Value::Text(expected), OtlpValue::StringValue(found)) => assert_eq!(found, expected),
            (Value::Integer(expected), OtlpValue::IntValue(found)) => assert_eq!(found, expected),
            (Value::Texts(expected), OtlpValue::ArrayValue(found)) => assert_eq!(found.values.len(), expected.len()),
            (expected, found) => panic!("{}: {found:?} for {expected:?}", pair.key),
        }
    });
    assert!(pairs.next().is_none());
}

#[test]
fn all_records_arrive_unharmed() {
    let receiver = Receiver::start([]);
    let records = some(2_000);
    assert_eq!(export(&receiver.url(), settings(), &records, LONG), sent(2_000));
    let spans = receiver.spans();
    assert_eq!(spans.len(), records.len());
    for (span, record) in spans.iter().zip(&records) {
        assert_same(span, record);
    }
    assert_eq!(receiver.requests().len(), 4, "512 a request");
}

#[test]
fn batches_are_closed_by_size() {
    let receiver = Receiver::start([]);
    let settings = Settings { batch_bytes: 10_000, ..settings() };
    assert_eq!(export(&receiver.url(), settings, &some(200), LONG), sent(200));
    for request in receiver.requests() {
        let length = prost::Message::encoded_len(&request);
        assert!(length < 10_000 + 3_000, "{length}");
    }
}

#[test]
fn batches_are_closed_by_age() {
    let receiver = Receiver::start([]);
    let mut exporter = exporter(&receiver.url(), settings());
    assert_eq!(exporter.next_deadline(), None);
    exporter.push(&records::tcp());
    let deadline = exporter.next_deadline().unwrap();
    exporter.tick(deadline - Duration::from_nanos(1));
    assert_eq!(exporter.next_deadline(), Some(deadline), "too early");
    exporter.tick(deadline);
    assert_eq!(exporter.next_deadline(), None);
    let begin = Instant::now();
    while exporter.report().sent == 0 {
        assert!(begin.elapsed() < SOON);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(exporter.queue_depth(), 0);
    assert_eq!(exporter.shutdown(LONG), sent(1));
}

#[test]
fn what_can_be_retried_is() {
    let answers = [Code::Unavailable, Code::Aborted, Code::DataLoss].map(|code| Answer::Error(Status::new(code, "")));
    let receiver = Receiver::start(answers);
    assert_eq!(export(&receiver.url(), settings(), &some(7), LONG), sent(7));
    let requests = receiver.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| *request == requests[0]), "the same request each time");
}

#[test]
fn a_refusal_is_final_and_the_next_batch_goes_on() {
    for code in [Code::InvalidArgument, Code::ResourceExhausted, Code::Unimplemented, Code::Internal] {
        let receiver = Receiver::start([Answer::Error(Status::new(code, "no\n\u{1b}[31m"))]);
        let report = export(&receiver.url(), Settings { batch_records: 5, ..settings() }, &some(8), LONG);
        assert_eq!(
            report,
            Report { sent: 3, failed: Failed { refused: 5, ..Failed::default() }, ..report },
            "{code:?}"
        );
        assert_eq!(receiver.requests().len(), 2, "{code:?}");
    }
}

#[test]
fn partial_success_is_counted_within_reason() {
    let rows = [(2, 2), (0, 0), (99, 5), (-1, 0), (i64::MIN, 0)];
    for (said, counted) in rows {
        let receiver = Receiver::start([Answer::Partial(said, "too old")]);
        let report = export(&receiver.url(), settings(), &some(5), LONG);
        assert_eq!(report, Report { sent: 5 - counted, rejected: counted, ..Report::default() });
    }
}

/// An address at which nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn an_absent_receiver_costs_the_time_of_one_batch() {
    let begin = Instant::now();
    let retry = Retry { total: Duration::from_millis(100), ..settings().retry };
    let report = export(&format!("http://{}", nowhere()), Settings { retry, ..settings() }, &some(100_000), LONG);
    assert_eq!(report.failed, Failed { unreachable: 100_000, ..Failed::default() });
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn shutting_down_ends_retrying() {
    let begin = Instant::now();
    let report = export(&format!("http://{}", nowhere()), settings(), &some(3), Duration::from_millis(100));
    assert_eq!(report.failed, Failed { shutdown: 3, ..Failed::default() });
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn a_silent_receiver_does_not_hold_up_the_end() {
    let receiver = Receiver::start([Answer::Silence]);
    let begin = Instant::now();
    let report = export(&receiver.url(), settings(), &some(600), Duration::from_millis(100));
    assert_eq!(report.failed, Failed { shutdown: 600, ..Failed::default() });
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[test]
fn a_request_without_an_answer_is_sent_again() {
    let receiver = Receiver::start([Answer::Silence]);
    let settings = Settings { timeout: Duration::from_millis(100), ..settings() };
    assert_eq!(export(&receiver.url(), settings, &some(3), LONG), sent(3));
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn a_peer_that_speaks_no_grpc_is_no_receiver() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let retry = Retry { total: Duration::from_millis(200), ..settings().retry };
    let report = export(&url, Settings { retry, ..settings() }, &some(3), LONG);
    assert_eq!(report.failed, Failed { unreachable: 3, ..Failed::default() });
}

#[test]
fn a_restarted_receiver_gets_the_rest() {
    let first = Receiver::start([]);
    let address = first.address();
    let mut exporter = exporter(&first.url(), Settings { batch_records: 10, ..settings() });
    let records = some(20);
    records[..10].iter().for_each(|record| exporter.push(record));
    while exporter.report().sent < 10 {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(first.spans().len(), 10);
    drop(first);
    records[10..].iter().for_each(|record| exporter.push(record));
    std::thread::sleep(Duration::from_millis(50));
    let second = Receiver::start_at(address, []);
    assert_eq!(exporter.shutdown(LONG), sent(20));
    assert_eq!(second.spans().len(), 10);
}

#[test]
fn a_full_queue_drops_and_counts_where_nobody_may_wait() {
    let receiver = Receiver::start([Answer::Silence]);
    let settings = Settings { full: Full::Drop, queue: 2, batch_records: 10, ..settings() };
    let mut exporter = exporter(&receiver.url(), settings);
    let records = some(1_000);
    records[..10].iter().for_each(|record| exporter.push(record));
    let begin = Instant::now();
    while receiver.requests().is_empty() {
        assert!(begin.elapsed() < SOON);
        std::thread::sleep(Duration::from_millis(1));
    }
    records[10..].iter().for_each(|record| exporter.push(record));
    assert!(begin.elapsed() < SOON, "a push waits for nothing");
    assert_eq!(exporter.queue_depth(), 2);
    // One batch on the way, two in the queue.
    let report = exporter.shutdown(Duration::from_millis(50));
    assert_eq!(report.failed, Failed { queue_full: 970, shutdown: 30, ..Failed::default() });
}

#[test]
fn a_full_queue_is_waited_for_where_there_is_time() {
    let receiver = Receiver::start([Answer::Error(Status::unavailable(""))]);
    let settings = Settings { queue: 1, batch_records: 10, ..settings() };
    assert_eq!(export(&receiver.url(), settings, &some(1_000), LONG), sent(1_000));
}
