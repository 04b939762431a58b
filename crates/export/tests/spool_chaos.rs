//! 100,000 records while everything goes wrong: the receiver is killed, restarted, hung and full of errors, the agent
//! is killed (SIGKILL) twice, the disk is full. What was handed over is received, or reported as lost.
//!
//! The agent is this program, started again with `CHAOS` set: see [`agent`].

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

#[allow(dead_code, reason = "the other test uses all of it")]
mod receiver;
#[path = "../../span/tests/records/mod.rs"]
mod records;

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowtrace_export::{Exporter, Full, Mode, Retry, Settings, SpoolSettings, Sync};
use flowtrace_flow::Record;
use flowtrace_span::{Environment, Facts, Options, Resource};
use receiver::{Answer, Receiver};
use tonic::Status;

const LONG: Duration = Duration::from_secs(60);
/// Records handed over.
const ALL: u64 = 100_000;
/// Records between two ticks.
const STEP: u64 = 100;
/// Batches in memory, and records in each, at most.
const QUEUE: usize = 16;
const BATCH: usize = 512;

/// The agent: hands over records from where the journal ends up to [`ALL`], then shuts down. After each tick it writes
/// to the journal how many it has handed over, and at its start and end to `lost` what it reports as lost.
#[test]
fn agent() {
    let Ok(arguments) = std::env::var("CHAOS") else { return };
    let [url, folder, mode, all] = arguments.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let folder = Path::new(folder);
    let mode = if mode == "always" { Mode::Always } else { Mode::Overflow };
    let spool = SpoolSettings {
        mode,
        sync: Sync::Interval(Duration::from_secs(1)),
        ..SpoolSettings::new(folder.join("spool"))
    };
    let retry = Retry {
        initial: Duration::from_millis(5),
        maximum: Duration::from_millis(50),
        total: Duration::from_millis(300),
    };
    let settings = Settings {
        retry,
        queue: QUEUE,
        batch_records: BATCH,
        timeout: Duration::from_millis(100),
        ..Settings::new(Full::Drop)
    };
    let resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    let mut exporter = Exporter::with_spool(url, &resource, Options::default(), settings, Some(spool)).unwrap();
    let found = exporter.report().found;
    note(folder, "lost", &format!("killed={}", found.killed));
    note(folder, "lost", &format!("damaged={}", found.damaged));
    let record = records::tcp();
    for number in journal(folder)..all.parse().unwrap() {
        exporter.push(&Record { span_id: (number + 1).to_be_bytes(), ..record.clone() });
        if (number + 1) % STEP == 0 {
            exporter.tick(Instant::now());
            note(folder, "journal", &(number + 1).to_string());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let report = exporter.shutdown(LONG);
    note(folder, "lost", &format!("failed={}", report.failed.total()));
    note(folder, "lost", &format!("disk_full={}", report.failed.disk_full));
    assert_eq!(report.spooled, 0, "{report:?}");
}

fn note(folder: &Path, name: &str, text: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(folder.join(name)).unwrap();
    file.write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// How many records were handed over.
fn journal(folder: &Path) -> u64 {
    let text = fs::read_to_string(folder.join("journal")).unwrap_or_default();
    text.lines().last().map_or(0, |line| line.parse().unwrap())
}

/// The sum of what was reported as lost for a reason.
fn lost(folder: &Path, reason: &str) -> u64 {
    let text = fs::read_to_string(folder.join("lost")).unwrap();
    let numbers = text.lines().filter_map(|line| line.strip_prefix(reason)?.strip_prefix('='));
    numbers.map(|number| number.parse::<u64>().unwrap()).sum()
}

struct Scene {
    folder: tempfile::TempDir,
    address: SocketAddr,
    mode: &'static str,
    received: HashSet<u64>,
}

impl Scene {
    fn new(mode: &'static str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), address, mode, received: HashSet::new() }
    }

    fn agent(&self, program: &[&str], all: u64) -> Child {
        let exe = std::env::current_exe().unwrap();
        let folder = self.folder.path().to_str().unwrap();
        let mut line: Vec<_> = program.iter().map(std::ffi::OsString::from).collect();
        line.extend([exe.into(), "--exact".into(), "agent".into(), "--nocapture".into()]);
        let chaos = format!("http://{} {folder} {} {all}", self.address, self.mode);
        Command::new(&line[0]).args(&line[1..]).env("CHAOS", chaos).stdout(Stdio::null()).spawn().unwrap()
    }

    fn wait_for(&self, handed: u64) {
        let begin = Instant::now();
        while journal(self.folder.path()) < handed {
            assert!(begin.elapsed() < LONG, "it takes too long to hand over {handed}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A receiver that answers in this way until so many records were handed over; then it is killed.
    fn receive(&mut self, until: u64, answer: fn(usize) -> Answer) {
        let receiver = Receiver::start_at(self.address, (0..100_000).map(answer));
        self.wait_for(until);
        self.collect(receiver, answer);
    }

    /// Ends the receiver, then notes what it took.
    fn collect(&mut self, mut receiver: Receiver, answer: fn(usize) -> Answer) {
        receiver.stop();
        for (number, request) in receiver.requests().into_iter().enumerate() {
            if matches!(answer(number), Answer::Ok) {
                let scopes = request.resource_spans.into_iter().flat_map(|spans| spans.scope_spans);
                let ids = scopes.flat_map(|scope| scope.spans).map(|span| span.span_id);
                self.received.extend(ids.map(|id| u64::from_be_bytes(id[..].try_into().unwrap())));
            }
        }
    }

    /// The receiver is well until the agent has ended.
    fn end(&mut self, mut agent: Child) {
        let receiver = Receiver::start_at(self.address, []);
        assert!(agent.wait().unwrap().success());
        self.collect(receiver, well);
    }

    fn missing(&self, all: u64) -> u64 {
        (1..=all).filter(|number| !self.received.contains(number)).count() as u64
    }
}

fn well(_number: usize) -> Answer {
    Answer::Ok
}

fn hung(_number: usize) -> Answer {
    Answer::Silence
}

fn flapping(number: usize) -> Answer {
    match number % 5 {
        1 => Answer::Error(Status::unavailable("busy")),
        2 => Answer::Error(Status::aborted("again")),
        3 => Answer::Silence,
        _ => Answer::Ok,
    }
}

fn kill(mut agent: Child) {
    agent.kill().unwrap();
    agent.wait().unwrap();
}

fn chaos(mode: &'static str) -> Scene {
    let mut scene = Scene::new(mode);
    let agent = scene.agent(&[], ALL);
    scene.receive(10_000, well);
    scene.wait_for(15_000);
    scene.receive(25_000, flapping);
    scene.receive(30_000, hung);
    scene.wait_for(32_000);
    kill(agent);
    let agent = scene.agent(&[], ALL);
    scene.wait_for(40_000);
    scene.receive(50_000, flapping);
    scene.receive(60_000, well);
    kill(agent);
    let agent = scene.agent(&[], ALL);
    scene.receive(70_000, hung);
    scene.receive(90_000, flapping);
    scene.wait_for(95_000);
    scene.end(agent);
    assert_eq!(journal(scene.folder.path()), ALL);
    assert_eq!((lost(scene.folder.path(), "failed"), lost(scene.folder.path(), "damaged")), (0, 0));
    scene
}

#[test]
fn always_loses_nothing() {
    let scene = chaos("always");
    assert_eq!(scene.missing(ALL), 0);
}

#[test]
fn overflow_loses_at_most_what_is_in_memory_at_a_kill_and_the_next_start_says_so() {
    let scene = chaos("overflow");
    let (missing, killed) = (scene.missing(ALL), lost(scene.folder.path(), "killed"));
    assert!(missing <= killed, "{missing} missing, {killed} reported");
    let memory = 2 * (QUEUE as u64 + 2) * BATCH as u64;
    assert!(killed <= memory, "{killed} reported, {memory} fit into memory");
}

/// A full disk: what does not fit is lost for that reason, what is reported is what is missing.
#[test]
fn a_full_disk_is_counted() {
    const SCRIPT: &str = r#"mkdir "$1/spool" && mount -t tmpfs -o size=3m tmpfs "$1/spool" && shift && exec "$@""#;
    for mode in ["always", "overflow"] {
        let mut scene = Scene::new(mode);
        let folder = scene.folder.path().to_str().unwrap().to_owned();
        let own_mounts = ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", &folder];
        let can = Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "tmpfs", &folder]).status();
        if !can.is_ok_and(|status| status.success()) {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI there must be a disk to fill");
            eprintln!("\n*** NOT RUN: a small disk is mounted by root only\n");
            return;
        }
        let agent = scene.agent(&own_mounts, 40_000);
        scene.wait_for(38_000);
        scene.end(agent);
        let (missing, disk_full) = (scene.missing(40_000), lost(scene.folder.path(), "disk_full"));
        assert!(disk_full > 1_000, "{mode}: the disk was not full");
        assert_eq!((missing, disk_full), (disk_full, lost(scene.folder.path(), "failed")), "{mode}");
    }
}
