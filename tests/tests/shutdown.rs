//! How the reading of a file ends by signals while its receiver does not answer.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::files::frames::{many_flows, pcap};
use flowtrace_tests::files::program::command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// More records than the queue holds (64 batches of 512).
const FLOWS: u32 = 50_000;

/// `flowtrace read` of these flows to a receiver that accepts connections and never says a word.
fn read_to_hung_receiver(folder: &Path, flows: u32, more: &[&str]) -> (TcpListener, Child) {
    let capture = folder.join("capture.pcap");
    std::fs::write(&capture, pcap(&many_flows(flows))).expect("a file");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let arguments = [&["read", "--otlp", &url], more, &[capture.to_str().expect("a path in UTF-8")]].concat();
    (listener, command(&arguments).spawn().expect("it runs"))
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).expect("the process is there");
}

/// Waits for the end, so long at most.
fn end_within(child: &mut Child, limit: Duration) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if begin.elapsed() > limit {
            let _ = child.kill();
            panic!("it did not end within {limit:?}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// One signal: the program waits for the receiver for the shutdown timeout and no longer; each record is accounted for.
#[test]
fn a_signal_bounds_the_waiting_for_a_receiver() {
    for (flows, what) in [(FLOWS, "the queue is full"), (10, "all is queued")] {
        let folder = TempDir::new().expect("a folder");
        let (_listener, mut child) = read_to_hung_receiver(folder.path(), flows, &["--shutdown-timeout", "1s"]);
        thread::sleep(Duration::from_millis(800));
        signal(&child, Signal::SIGINT);
        let status = end_within(&mut child, Duration::from_secs(10));
        let said = std::io::read_to_string(child.stderr.take().expect("piped")).expect("text");
        assert_eq!(status.code(), Some(4), "{what}: {said}");
        let number = |name: &str| -> u64 {
            let mut values = said.split_whitespace().filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            values.next().and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}: {said}"))
        };
        assert_eq!(number("queue_full") + number("shutdown"), number("records"), "{what}: {said}");
    }
}

/// Two signals: it ends at once, with 128 and the last signal's number.
#[test]
fn a_second_signal_ends_it_at_once_with_its_status() {
    for (signals, code) in [
        ([Signal::SIGINT, Signal::SIGINT], 130),
        ([Signal::SIGTERM, Signal::SIGTERM], 143),
        ([Signal::SIGINT, Signal::SIGTERM], 143),
        ([Signal::SIGTERM, Signal::SIGINT], 130),
    ] {
        for flows in [10, FLOWS] {
            let folder = TempDir::new().expect("a folder");
            let (_listener, mut child) = read_to_hung_receiver(folder.path(), flows, &["--shutdown-timeout", "60s"]);
            thread::sleep(Duration::from_millis(800));
            signal(&child, signals[0]);
            thread::sleep(Duration::from_millis(200));
            assert!(child.try_wait().expect("a child can be waited for").is_none(), "it waits for the receiver");
            signal(&child, signals[1]);
            assert_eq!(end_within(&mut child, Duration::from_secs(1)).code(), Some(code), "{signals:?}");
        }
    }
}
