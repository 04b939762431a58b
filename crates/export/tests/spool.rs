//! The exporter with a spool, against an independent receiver: absent, failing, back again, and over restarts.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

#[allow(dead_code, reason = "the other test uses all of it")]
mod receiver;
#[path = "../../span/tests/records/mod.rs"]
mod records;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use flowtrace_export::{Exporter, Failed, Found, Full, Mode, Report, Retry, Settings, SpoolSettings};
use flowtrace_flow::Record;
use flowtrace_span::{Environment, Facts, Options, Resource};
use receiver::{Answer, Receiver};
use tonic::Status;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(50);

/// Ten records a batch, four batches in memory, no patience.
fn settings(full: Full) -> Settings {
    let retry = Retry {
        initial: Duration::from_millis(5),
        maximum: Duration::from_millis(20),
        total: Duration::from_millis(40),
    };
    Settings { retry, queue: 4, batch_records: 10, timeout: Duration::from_millis(500), ..Settings::new(full) }
}

fn start(url: &str, spool: &SpoolSettings) -> Exporter {
    start_with(url, settings(Full::Drop), spool)
}

fn start_with(url: &str, settings: Settings, spool: &SpoolSettings) -> Exporter {
    let resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    Exporter::with_spool(url, &resource, Options::default(), settings, Some(spool.clone())).unwrap()
}

fn spool(directory: &Path, mode: Mode) -> SpoolSettings {
    SpoolSettings { mode, ..SpoolSettings::new(directory.to_owned()) }
}

/// Records with these numbers as span ids.
fn some(numbers: std::ops::Range<u64>) -> Vec<Record> {
    let table = records::table();
    let pairs = numbers.zip(table.iter().cycle());
    pairs.map(|(number, record)| Record { span_id: number.to_be_bytes(), ..record.clone() }).collect()
}

fn push(exporter: &mut Exporter, numbers: std::ops::Range<u64>) {
    some(numbers).iter().for_each(|record| exporter.push(record));
}

fn numbers(receiver: &Receiver) -> Vec<u64> {
    receiver.spans().iter().map(|span| u64::from_be_bytes(span.span_id[..].try_into().unwrap())).collect()
}

fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < LONG, "it takes too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn all_comes_in_order_when_the_receiver_is_back() {
    for mode in [Mode::Overflow, Mode::Always] {
        let folder = tempfile::tempdir().unwrap();
        let address = nowhere();
        let mut exporter = start(&format!("http://{address}"), &spool(folder.path(), mode));
        push(&mut exporter, 0..995);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(exporter.report(), Report::default(), "{mode:?}");
        let receiver = Receiver::start_at(address, []);
        push(&mut exporter, 995..1_000);
        let report = exporter.shutdown(LONG);
        assert_eq!(report, Report { sent: 1_000, ..Report::default() }, "{mode:?}");
        assert_eq!(numbers(&receiver), (0..1_000).collect::<Vec<_>>(), "{mode:?}");
    }
}

#[test]
fn what_cannot_be_sent_is_kept_for_the_next_start() {
    for mode in [Mode::Overflow, Mode::Always] {
        let folder = tempfile::tempdir().unwrap();
        let address = nowhere();
        let url = format!("http://{address}");
        for round in 0..3 {
            let mut exporter = start(&url, &spool(folder.path(), mode));
            let recovered = round * 105;
            push(&mut exporter, recovered..recovered + 105);
            let report = exporter.shutdown(SHORT);
            let found = Found { recovered, ..Found::default() };
            assert_eq!(report, Report { spooled: recovered + 105, found, ..Report::default() }, "{mode:?}");
        }
        let receiver = Receiver::start_at(address, []);
        let report = start(&url, &spool(folder.path(), mode)).shutdown(LONG);
        assert_eq!((report.sent, report.found.recovered, report.spooled), (315, 315, 0));
        assert_eq!(numbers(&receiver), (0..315).collect::<Vec<_>>(), "{mode:?}");
    }
}

#[test]
fn errors_in_between_lose_nothing_and_keep_the_order() {
    for mode in [Mode::Overflow, Mode::Always] {
        let folder = tempfile::tempdir().unwrap();
        let answers = (0..40).map(|number| match number % 4 {
            0 => Answer::Ok,
            3 => Answer::Silence,
            _ => Answer::Error(Status::unavailable("busy")),
        });
        let receiver = Receiver::start(answers);
        let fast = Settings { timeout: Duration::from_millis(50), ..settings(Full::Drop) };
        let mut exporter = start_with(&receiver.url(), fast, &spool(folder.path(), mode));
        push(&mut exporter, 0..1_000);
        let report = exporter.shutdown(LONG);
        assert_eq!(report, Report { sent: 1_000, ..Report::default() }, "{mode:?}");
        let mut numbers = numbers(&receiver);
        numbers.dedup_by(|later, earlier| later <= earlier);
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (0..1_000).collect::<Vec<_>>(), "{mode:?}");
    }
}

#[test]
fn while_all_is_well_overflow_writes_nothing_and_always_everything() {
    for (mode, files) in [(Mode::Overflow, 0), (Mode::Always, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start([]);
        let mut exporter = start(&receiver.url(), &spool(folder.path(), mode));
        push(&mut exporter, 0..10);
        wait_until(|| exporter.report().sent == 10);
        let names = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        assert_eq!(names.filter(|path| path.extension().is_some_and(|end| end == "spool")).count(), files);
        exporter.shutdown(LONG);
    }
}

#[test]
fn with_always_what_was_pushed_before_a_tick_is_on_disk_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let mut exporter = start(&format!("http://{}", nowhere()), &spool(folder.path(), Mode::Always));
    push(&mut exporter, 0..13);
    exporter.tick(Instant::now());
    copy(folder.path(), kept.path());
    push(&mut exporter, 13..15);
    exporter.shutdown(SHORT);
    let report = start(&format!("http://{}", nowhere()), &spool(kept.path(), Mode::Always)).shutdown(SHORT);
    assert_eq!(report.found, Found { recovered: 13, ..Found::default() });
}

/// What a process leaves that is killed now.
fn copy(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn what_a_killed_process_had_in_memory_is_told_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let receiver = Receiver::start([Answer::Silence]);
    let slow = Settings { timeout: LONG, ..settings(Full::Drop) };
    let mut exporter = start_with(&receiver.url(), slow, &spool(folder.path(), Mode::Overflow));
    push(&mut exporter, 0..10);
    wait_until(|| !receiver.requests().is_empty());
    push(&mut exporter, 10..34);
    exporter.tick(Instant::now());
    copy(folder.path(), kept.path());
    // One batch on the way, two in memory, and one that is being made.
    let report = start(&receiver.url(), &spool(kept.path(), Mode::Overflow)).shutdown(LONG);
    assert_eq!(report.found, Found { killed: 34, ..Found::default() });
}

#[test]
fn past_its_mark_the_memory_goes_to_disk_with_what_is_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let receiver = Receiver::start([Answer::Silence]);
    let slow = Settings { timeout: LONG, ..settings(Full::Drop) };
    let mut exporter = start_with(&receiver.url(), slow, &spool(folder.path(), Mode::Overflow));
    push(&mut exporter, 0..10);
    wait_until(|| !receiver.requests().is_empty());
    push(&mut exporter, 10..50);
    assert_eq!(exporter.queue_depth(), 0);
    copy(folder.path(), kept.path());
    let second = Receiver::start([]);
    let report = start(&second.url(), &spool(kept.path(), Mode::Overflow)).shutdown(LONG);
    assert_eq!(report.found, Found { recovered: 50, ..Found::default() });
    assert_eq!(numbers(&second), (0..50).collect::<Vec<_>>());
}

#[test]
fn what_fits_neither_on_disk_nor_in_memory_is_counted() {
    for mode in [Mode::Overflow, Mode::Always] {
        let folder = tempfile::tempdir().unwrap();
        let address = nowhere();
        let small = SpoolSettings { size: 256 << 10, ..spool(folder.path(), mode) };
        let mut exporter = start(&format!("http://{address}"), &small);
        push(&mut exporter, 0..10_000);
        let lost = exporter.report().failed;
        assert!(
            lost.spool_full > 1_000 && lost == Failed { spool_full: lost.spool_full, ..Failed::default() },
            "{lost:?}"
        );
        let receiver = Receiver::start_at(address, []);
        let report = exporter.shutdown(LONG);
        assert_eq!(report.sent + lost.spool_full, 10_000, "{mode:?} {report:?}");
        let numbers = numbers(&receiver);
        assert_eq!(numbers, (0..report.sent).collect::<Vec<_>>(), "the newest did not fit, {mode:?}");
    }
}

#[test]
fn a_full_spool_is_waited_for_where_there_is_time_and_the_receiver_answers() {
    for mode in [Mode::Overflow, Mode::Always] {
        let folder = tempfile::tempdir().unwrap();
        let small = SpoolSettings { size: 64 << 10, ..spool(folder.path(), mode) };
        let receiver = Receiver::start([Answer::Error(Status::unavailable("")), Answer::Ok]);
        let waiting = Settings { retry: Retry { total: LONG, ..settings(Full::Wait).retry }, ..settings(Full::Wait) };
        let mut exporter = start_with(&receiver.url(), waiting, &small);
        push(&mut exporter, 0..5_000);
        assert_eq!(exporter.shutdown(LONG), Report { sent: 5_000, ..Report::default() }, "{mode:?}");
    }
}

#[test]
fn a_refused_batch_does_not_come_back() {
    for mode in [Mode::Overflow, Mode::Always] {
        let folder = tempfile::tempdir().unwrap();
        let receiver = Receiver::start([Answer::Error(Status::invalid_argument("no"))]);
        let mut exporter = start(&receiver.url(), &spool(folder.path(), mode));
        push(&mut exporter, 0..15);
        let report = exporter.shutdown(LONG);
        assert_eq!(
            report,
            Report { sent: 5, failed: Failed { refused: 10, ..Failed::default() }, ..report },
            "{mode:?}"
        );
        let again = start(&receiver.url(), &spool(folder.path(), mode)).shutdown(LONG);
        assert_eq!(again, Report::default(), "{mode:?}");
    }
}

#[test]
fn a_spool_in_use_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let settings = spool(folder.path(), Mode::Overflow);
    let _first = start("http://127.0.0.1:1", &settings);
    let resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    let second = Settings::new(Full::Drop);
    let second = Exporter::with_spool("http://127.0.0.1:1", &resource, Options::default(), second, Some(settings));
    let error = second.unwrap_err().to_string();
    assert!(error.contains("is in use by another process"), "{error}");
}
