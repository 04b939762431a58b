//! A receiver whose name comes to mean another address: every new connection resolves it anew.
//!
//! Names are those of a file that lies over `/etc/hosts` in a mount namespace: the test runs itself in one.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

#[allow(dead_code, reason = "another test uses all of it")]
mod faults;
#[allow(dead_code, reason = "another test uses all of it")]
mod pushing;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use faults::{Faults, Reply};
use flowtrace_export::{Destination, Exporter, Protocol, Settings};
use pushing::{LONG, exporter, sent, settings, some, to};

const NAME: &str = "receiver.flowtrace.test";

#[test]
fn a_name_that_comes_to_mean_another_address_is_followed_by_the_next_connection() {
    const SCRIPT: &str = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, "").unwrap();
    let unshare = |program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", SCRIPT, "sh"]).arg(&hosts).args(program);
        command
    };
    if !unshare(&["true"]).status().is_ok_and(|status| status.success()) {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI names must be changeable");
        eprintln!("\n*** NOT RUN: another /etc/hosts is mounted by root only\n");
        return;
    }
    let exe = std::env::current_exe().unwrap();
    let program = [exe.to_str().unwrap(), "--exact", "with_names", "--nocapture"];
    let output = unshare(&program).env("HOSTS", &hosts).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("hosts.passed").exists(), "it ran");
}

/// What the test above runs.
#[test]
fn with_names() {
    let Some(hosts) = std::env::var_os("HOSTS") else { return };
    let hosts = Path::new(&hosts);
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf, Protocol::HttpJson] {
        follow(hosts, protocol);
    }
    std::fs::write(hosts.with_extension("passed"), "").unwrap();
}

/// Unknown, then at one address, then at another.
fn follow(hosts: &Path, protocol: Protocol) {
    std::fs::write(hosts, "").unwrap();
    let first = Faults::tcp(|_, _| Reply::Ok);
    let port = first.address.port();
    let second = Faults::at(&format!("127.0.0.2:{port}"), None, |_, _| Reply::Ok);
    let name = Destination { protocol: Some(protocol), ..to(&format!("http://{NAME}:{port}")) };
    let mut exporter = exporter(name, Settings { batch_records: 5, ..settings() });
    push(&mut exporter);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(exporter.report().sent, 0, "nobody has the name");
    std::fs::write(hosts, format!("127.0.0.1 {NAME}\n")).unwrap();
    wait_until_sent(&exporter, 5);
    std::fs::write(hosts, format!("127.0.0.2 {NAME}\n")).unwrap();
    assert_eq!((first.requests().len(), second.requests().len()), (1, 0));
    // The connection is kept while it lives, whatever the name means now.
    push(&mut exporter);
    wait_until_sent(&exporter, 10);
    assert_eq!((first.requests().len(), second.requests().len()), (2, 0));
    drop(first);
    push(&mut exporter);
    assert_eq!(exporter.shutdown(LONG), sent(15), "{protocol:?}");
    assert_eq!(second.requests().len(), 1);
}

fn push(exporter: &mut Exporter) {
    some(5).iter().for_each(|record| exporter.push(record));
}

fn wait_until_sent(exporter: &Exporter, spans: u64) {
    let begin = Instant::now();
    while exporter.report().sent < spans {
        assert!(begin.elapsed() < LONG);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
