//! 100,000 records while everything goes wrong: the receiver is killed, restarted, hung and full of errors, the agent
//! is killed (SIGKILL) twice, the disk is full. What was handed over is received, or reported as lost.
//!
//! The agent is this program, started again with `CHAOS` set: see [`agent`].

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod disk;
#[allow(dead_code, reason = "the other test uses all of it")]
mod receiver;
#[path = "../../span/tests/records/mod.rs"]
mod records;

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use disk::Disk;
use flowtrace_export::{Exporter, Full, Mode, Retry, Settings, SpoolSettings, Sync};
use flowtrace_flow::Record;
use flowtrace_span::{Environment, Facts, Options, Resource};
use receiver::{Answer, Receiver};
use tonic::Status;

const LONG: Duration = Duration::from_secs(60);
/// Records handed over.
const ALL: u64 = 100_000;
/// How far the agent may be ahead of the test: it moves while receivers and agents are killed, at any pace of the machine.
const AHEAD: u64 = 1_500;
/// Records between two ticks.
const STEP: u64 = 100;
/// Batches in memory, and records in each, at most.
const QUEUE: usize = 16;
const BATCH: usize = 512;

/// The agent: hands over records from where the journal ends up to `all`, as far as the file `limit` allows, then shuts
/// down. After each tick it writes to the journal how many it has handed over, and at its start and end to `lost` what
/// it reports as lost.
#[test]
fn agent() {
    let Ok(arguments) = std::env::var("CHAOS") else { return };
    let [url, folder, mode, all, timeout] = arguments.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let folder = Path::new(folder);
    let mode = if mode == "always" { Mode::Always } else { Mode::Overflow };
    let spool = SpoolSettings {
        mode,
        sync: Sync::Interval(Duration::from_secs(1)),
        ..SpoolSettings::new(folder.join("spool"))
    };
    let (all, timeout): (u64, u64) = (all.parse().unwrap(), timeout.parse().unwrap());
    let retry = Retry {
        initial: Duration::from_millis(5),
        maximum: Duration::from_millis(50),
        total: Duration::from_millis(300),
    };
    let settings = Settings {
        retry,
        queue: QUEUE,
        batch_records: BATCH,
        timeout: Duration::from_millis(timeout),
        ..Settings::new(Full::Drop)
    };
    let resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    let mut exporter = Exporter::with_spool(url, &resource, Options::default(), settings, Some(spool)).unwrap();
    let found = exporter.report().found;
    note(folder, "lost", &format!("killed={}", found.killed));
    note(folder, "lost", &format!("damaged={}", found.damaged));
    let record = records::tcp();
    for number in journal(folder)..all {
        exporter.push(&Record { span_id: (number + 1).to_be_bytes(), ..record.clone() });
        if (number + 1) % STEP == 0 {
            exporter.tick(Instant::now());
            note(folder, "journal", &(number + 1).to_string());
            std::thread::sleep(Duration::from_millis(2));
            while number + 1 >= limit(folder) {
                std::thread::sleep(Duration::from_millis(1));
                exporter.tick(Instant::now());
            }
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

/// How many may be handed over.
fn limit(folder: &Path) -> u64 {
    fs::read_to_string(folder.join("limit")).map_or(0, |text| text.parse().unwrap())
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
    /// Where the agent's spool is.
    disk: Option<Disk>,
}

impl Scene {
    fn new(mode: &'static str) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), address, mode, received: HashSet::new(), disk: None }
    }

    /// With a disk of so many MiB, where that can be.
    fn on_disk(mode: &'static str, size: u32) -> Self {
        let scene = Self::new(mode);
        Self { disk: Disk::mount(scene.folder.path(), size), ..scene }
    }

    fn agent(&self, all: u64) -> Child {
        self.patient_agent(all, Duration::from_millis(100))
    }

    fn patient_agent(&self, all: u64, timeout: Duration) -> Child {
        let exe = std::env::current_exe().unwrap();
        let mut command = match &self.disk {
            None => Command::new(exe),
            Some(disk) => disk.command(exe.as_os_str()),
        };
        let folder = self.folder.path().to_str().unwrap();
        let chaos = format!("http://{} {folder} {} {all} {}", self.address, self.mode, timeout.as_millis());
        command.args(["--exact", "agent", "--nocapture"]).env("CHAOS", chaos).stdout(Stdio::null()).spawn().unwrap()
    }

    fn allow(&self, handed: u64) {
        let path = self.folder.path().join("limit");
        fs::write(path.with_extension("new"), handed.to_string()).unwrap();
        fs::rename(path.with_extension("new"), path).unwrap();
    }

    fn wait_for(&self, handed: u64) {
        self.allow(handed + AHEAD);
        self.wait_until(handed);
    }

    fn wait_until(&self, handed: u64) {
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
        self.allow(u64::MAX);
        let receiver = Receiver::start_at(self.address, []);
        assert!(agent.wait().unwrap().success());
        self.collect(receiver, well);
    }

    fn missing(&self, numbers: RangeInclusive<u64>) -> u64 {
        numbers.filter(|number| !self.received.contains(number)).count() as u64
    }

    fn lost(&self, reason: &str) -> u64 {
        lost(self.folder.path(), reason)
    }

    fn journal(&self) -> u64 {
        journal(self.folder.path())
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

/// What happened, and between which records the disk was full.
fn chaos(mode: &'static str) -> (Scene, RangeInclusive<u64>) {
    let mut scene = Scene::on_disk(mode, 256);
    let agent = scene.agent(ALL);
    scene.receive(10_000, well);
    scene.wait_for(15_000);
    scene.receive(25_000, flapping);
    scene.receive(30_000, hung);
    scene.wait_for(32_000);
    kill(agent);
    let agent = scene.agent(ALL);
    scene.wait_for(40_000);
    scene.receive(50_000, flapping);
    scene.receive(60_000, well);
    kill(agent);
    let agent = scene.agent(ALL);
    scene.receive(64_000, hung);
    let (full, filler) = (scene.journal(), scene.disk.as_ref().map(Disk::fill));
    scene.receive(82_000, hung);
    filler.iter().for_each(|filler| fs::remove_file(filler).unwrap());
    // A batch that was full before has some of the records before, and the next may have been refused by then.
    let full = full - BATCH as u64..=scene.journal() + BATCH as u64;
    scene.receive(90_000, flapping);
    scene.wait_for(95_000);
    scene.end(agent);
    assert_eq!((scene.journal(), scene.lost("damaged")), (ALL, 0));
    assert_eq!(scene.lost("failed"), scene.lost("disk_full"), "for no other reason");
    assert_eq!(scene.lost("disk_full") > 1_000, scene.disk.is_some(), "the disk was full where there was one");
    // The agent that met the full disk was not killed: its report is exact.
    assert_eq!(scene.missing(full.clone()), scene.lost("disk_full"), "received and reported is what was handed over");
    (scene, full)
}

#[test]
fn always_loses_nothing_while_the_disk_has_room() {
    let (scene, full) = chaos("always");
    assert_eq!(scene.missing(1..=*full.start()) + scene.missing(*full.end()..=ALL), 0);
}

/// What is reported as killed is more than what is missing by what the receiver took and the agent had not noted (one
/// batch, as requests go out one after the other), and by what was handed over after the last note in the journal, and
/// again after the restart.
#[test]
fn overflow_loses_at_most_what_is_in_memory_at_a_kill_and_the_next_start_says_so() {
    const KILLS: u64 = 2;
    let (scene, full) = chaos("overflow");
    let (missing, killed) = (scene.missing(1..=*full.start()) + scene.missing(*full.end()..=ALL), scene.lost("killed"));
    assert!(missing <= killed, "{missing} missing, {killed} reported");
    let unknown = KILLS * (BATCH as u64 + STEP);
    assert!(killed <= missing + unknown, "{missing} missing, {killed} reported, {unknown} not known");
    let memory = KILLS * (QUEUE as u64 + 2) * BATCH as u64;
    assert!(killed <= memory, "{killed} reported, {memory} fit into memory");
}

/// Takes some requests, and then no more.
fn four(number: usize) -> Answer {
    if number < 4 { Answer::Ok } else { Answer::Silence }
}

/// The equality, where nothing moves at the moment of the kill: the receiver has taken four batches, the fifth is on
/// the way, more are in memory, and one is being made.
#[test]
fn what_was_received_and_what_is_reported_as_killed_is_what_was_handed_over() {
    const REST: u64 = 6_000;
    let mut scene = Scene::new("overflow");
    for round in 1..=2 {
        let agent = scene.patient_agent(ALL, LONG);
        let receiver = Receiver::start_at(scene.address, (0..100).map(four));
        scene.allow(round * REST);
        scene.wait_until(round * REST);
        let begin = Instant::now();
        while receiver.requests().len() < 5 {
            assert!(begin.elapsed() < LONG);
            std::thread::sleep(Duration::from_millis(1));
        }
        kill(agent);
        scene.collect(receiver, four);
    }
    let agent = scene.agent(20_000);
    scene.end(agent);
    let (missing, killed) = (scene.missing(1..=20_000), scene.lost("killed"));
    assert!(killed > 4_000, "{killed} reported");
    assert_eq!((missing, scene.journal(), scene.lost("failed"), scene.lost("damaged")), (killed, 20_000, 0, 0));
}

/// A full disk from the beginning to the end.
#[test]
fn a_full_disk_is_counted() {
    for mode in ["always", "overflow"] {
        let mut scene = Scene::on_disk(mode, 3);
        if scene.disk.is_none() {
            return;
        }
        let agent = scene.agent(40_000);
        scene.wait_for(38_000);
        scene.end(agent);
        let (missing, disk_full) = (scene.missing(1..=40_000), scene.lost("disk_full"));
        assert!(disk_full > 1_000, "{mode}: the disk was not full");
        assert_eq!((missing, disk_full), (disk_full, scene.lost("failed")), "{mode}");
    }
}
