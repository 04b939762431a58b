//! What live tests need of the machine: root, programs of the system, and nobody beside them.
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::process::Command;

use crate::files::program;

/// Programs that the tests run, and Debian's packages that have them.
pub const PROGRAMS: [(&str, &str); 8] = [
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("nft", "nftables"),
    ("iperf3", "iperf3"),
    ("ethtool", "ethtool"),
    ("ping", "iputils-ping"),
    ("bpftool", "bpftool"),
    ("setpriv", "util-linux"),
];
/// Where programs are that are not on everybody's path.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Held while a test measures: another one that runs at the same time would take its CPUs.
#[derive(Debug)]
pub struct Alone {
    _lock: File,
}

/// Waits until no other live test runs. `None`, with the reason on standard error, where live tests cannot run.
///
/// # Panics
/// Where they cannot run and the environment says `CI=true`: there they must.
pub fn require_live() -> Option<Alone> {
    if let Err(reason) = can_run() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "live tests must run in CI, but {reason}");
        eprintln!("\n*** NOT RUN: {reason}\n");
        return None;
    }
    let path = std::env::temp_dir().join("flowtrace-live-tests.lock");
    let lock = OpenOptions::new().create(true).append(true).open(&path).expect("a lock file can be made");
    lock.lock().expect("the lock can be waited for");
    Some(Alone { _lock: lock })
}

fn can_run() -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("live tests load kernel programs and make network namespaces: they need root".to_owned());
    }
    require_tools()
}

/// Whether the programs of [`PROGRAMS`] are there.
///
/// # Errors
/// The sentence that says what is missing and how to get it.
pub fn require_tools() -> Result<(), String> {
    let mut missing: Vec<&str> =
        PROGRAMS.into_iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("programs are missing; apt-get install --yes {}", missing.join(" ")))
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from)).any(|folder| folder.join(program).exists())
}

/// A command with the folders of the system's programs on its path.
pub fn command(program: &str) -> Command {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    for folder in FOLDERS {
        path.push(":");
        path.push(folder);
    }
    let mut command = Command::new(program);
    command.env("PATH", path);
    command
}

/// Runs a command to its end and answers its standard output.
///
/// # Panics
/// When it cannot be run or fails; with what it said.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{said}{text}", output.status);
    text
}

/// Another kernel program than the built-in one (`FLOWTRACE_BPF_OBJECT`), as `cargo xtask ebpf --check` leaves it.
pub fn bpf_object() -> Option<PathBuf> {
    std::env::var_os("FLOWTRACE_BPF_OBJECT").map(PathBuf::from)
}

/// The program under test.
pub fn flowtrace() -> PathBuf {
    program::flowtrace().to_owned()
}
