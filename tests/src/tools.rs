//! What live tests need of the machine: root, programs of the system, and nobody beside them.
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::process::Command;

use crate::files::program;

/// Programs that the tests run, and Debian's packages that have them. `cargo xtask ci` installs what is missing of it.
const MACHINE: &str = include_str!("../machine.txt");
/// Where programs are that are not on everybody's path.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Held while a live test runs: another one that measures at the same time would have its CPUs taken.
#[derive(Debug)]
pub struct Alone {
    _locks: Vec<File>,
}

/// How many live tests that mostly wait may run beside one another.
const PLACES: usize = 2;

/// Waits until no other live test runs. `None`, with the reason on standard error, where live tests cannot run.
///
/// # Panics
/// Where they cannot run and the environment says `CI=true`: there they must.
pub fn require_live() -> Option<Alone> {
    require(&["live"]).then(alone)
}

/// As [`require_live`], for tests that mostly wait and measure no times: another one of these may run beside it.
pub fn require_live_beside() -> Option<Alone> {
    require(&["live"]).then(beside)
}

/// As [`require_live_beside`], for tests that need other programs as peers.
pub fn require_peers() -> Option<Alone> {
    require(&["live", "peers"]).then(beside)
}

/// As [`require_live_beside`], for tests that check pages of metrics with other programs.
pub fn require_metrics() -> Option<Alone> {
    require(&["live", "metrics"]).then(beside)
}

/// Whether these tests can run here.
fn require(kinds: &[&str]) -> bool {
    let Err(reason) = can_run(kinds) else { return true };
    assert!(std::env::var("CI").as_deref() != Ok("true"), "live tests must run in CI, but {reason}");
    eprintln!("\n*** NOT RUN: {reason}\n");
    false
}

/// Waits until no other live test runs.
///
/// # Panics
/// When there can be no lock.
pub fn alone() -> Alone {
    let lock = |place| {
        let file = place_of(place);
        file.lock().expect("the lock can be waited for");
        file
    };
    Alone { _locks: (0..PLACES).map(lock).collect() }
}

/// Waits for a place.
fn beside() -> Alone {
    loop {
        let free = (0..PLACES).map(place_of).find(|file| file.try_lock().is_ok());
        if let Some(file) = free {
            return Alone { _locks: vec![file] };
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn place_of(place: usize) -> File {
    let path = std::env::temp_dir().join(format!("flowtrace-live-tests-{place}.lock"));
    OpenOptions::new().create(true).append(true).open(&path).expect("a lock file can be made")
}

fn can_run(kinds: &[&str]) -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("live tests load kernel programs and make network namespaces: they need root".to_owned());
    }
    kinds.iter().try_for_each(|kind| require_tools(kind))
}

/// Whether the programs are there that a kind of tests needs (`live`, `peers`, `emulation`).
///
/// # Errors
/// The sentence that says what is missing and how to get it.
pub fn require_tools(kind: &str) -> Result<(), String> {
    let needed = programs().filter(|(needs, _, _)| *needs == kind);
    let mut missing: Vec<&str> =
        needed.filter(|(_, program, _)| find(program).is_none()).map(|(_, _, package)| package).collect();
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("programs are missing; apt-get install --yes {}", missing.join(" ")))
}

/// The lines of [`MACHINE`]: a kind of tests, a program, its package.
fn programs() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let lines = MACHINE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_else(|| panic!("three words were expected: {line}"));
        (word(), word(), word())
    })
}

/// Where a program of the system is.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.exists()))
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
