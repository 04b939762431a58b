//! Which process has a socket: asked for each end of connections of all kinds, right after them. Every answer is the
//! process's own; where nobody can say, there is none.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_abi::KernelSettings;
use flowtrace_capture::live::{
    Attached, HostSockets, InterfacePatterns, KernelOptions, Live, LiveOptions, Moment, NamespaceScope, Seen,
};
use flowtrace_tests::netns::Namespace;
use flowtrace_tests::tools::{bpf_object, require_live};
use flowtrace_tests::watch::Process;
use flowtrace_wire::Ports;
use serde::Deserialize;

/// Runs as `python3 -c SCRIPT SCENARIO [COUNT]`.
const SCRIPT: &str = include_str!("../src/processes.py");
/// How long lists of what was there before may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One end of a conversation, as its process knows it.
#[derive(Debug, Deserialize)]
struct End {
    protocol: u8,
    local: (IpAddr, Option<u16>),
    remote: (IpAddr, Option<u16>),
    pid: Option<u32>,
    first: u64,
    last: u64,
}

impl End {
    fn owner(&self, sockets: &HostSockets) -> Option<u32> {
        let owner = sockets.owner(self.protocol, self.local, self.remote, self.first, self.last);
        owner.map(|owner| owner.tgid)
    }
}

/// A namespace of its own, and the capture in it, which watches no interface.
struct Scene {
    live: Live,
    seen: Arc<Mutex<Vec<Seen>>>,
    namespace: Namespace,
}

impl Scene {
    fn new() -> Self {
        let namespace = quiet();
        let (live, seen) = start(&namespace);
        Self { live, seen, namespace }
    }

    /// Runs a scenario to its end; what its processes told.
    fn run(&self, scenario: &str, count: u32) -> Vec<End> {
        let mut command = self.namespace.command("python3");
        command.args(["-c", SCRIPT, scenario, &count.to_string()]);
        let output = command.output().expect("python runs");
        let (said, complaints) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{scenario}: {complaints}");
        said.lines().map(|line| serde_json::from_str(line).expect("an end")).collect()
    }

    /// Asks for every end. None may be wrong, and none absent that can be known.
    fn check(&mut self, scenario: &str, ends: &[End]) {
        self.live.refresh();
        let sockets = self.live.sockets();
        let wrong: Vec<_> =
            ends.iter().map(|end| (end, end.owner(&sockets))).filter(|(end, owner)| end.pid != *owner).collect();
        assert!(
            wrong.is_empty(),
            "{scenario}: {} of {} ends, {:#?}",
            wrong.len(),
            ends.len(),
            &wrong[..wrong.len().min(3)]
        );
    }

    /// Waits until lists have told what they can.
    fn settle(&mut self, ends: &[End]) {
        let deadline = Instant::now() + PATIENCE;
        let sockets = self.live.sockets();
        while ends.iter().any(|end| end.owner(&sockets) != end.pid) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
            self.live.refresh();
        }
    }
}

fn quiet() -> Namespace {
    let namespace = Namespace::new();
    namespace.run("ip link set lo up");
    namespace
}

/// Starts in the namespace, in which this thread is from then on.
fn start(namespace: &Namespace) -> (Live, Arc<Mutex<Vec<Seen>>>) {
    start_with(namespace, NamespaceScope::Own)
}

fn start_with(namespace: &Namespace, namespaces: NamespaceScope) -> (Live, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    namespace.join();
    let live = Live::start(LiveOptions {
        interfaces: InterfacePatterns::parse(&["none"]).expect("a pattern"),
        attach: None,
        namespaces,
        ephemeral: 32_768..=60_999,
        on_process: Some(Box::new(move |process| noted.lock().expect("nobody panics").push(process))),
        kernel: KernelOptions {
            max_flows: 16,
            settings: KernelSettings::DEFAULT,
            ports: Box::new(Ports::DEFAULT),
            payloads: false,
            object: bpf_object(),
        },
        attached: Attached::default(),
    });
    (live.expect("root may capture"), seen)
}

/// What a process gets of packets, it gets; each scenario with connections enough for what is rare.
#[test]
fn the_process_behind_each_end_is_its_own() {
    let Some(_alone) = require_live() else { return };
    let mut scene = Scene::new();
    let mut connections = 0;
    for (scenario, count) in [
        ("forking", 125),
        ("prefork", 200),
        ("reuseport", 200),
        ("threads", 100),
        ("passing", 100),
        ("curl", 20),
        ("unused", 1),
        ("many_calls", 1),
        ("udp", 240),
        ("udp_shared", 1),
        ("reconnected", 1),
        ("ping", 1),
        ("raw", 1),
    ] {
        let ends = scene.run(scenario, count);
        assert!(!ends.is_empty(), "{scenario}");
        connections += ends.len() / 2;
        scene.check(scenario, &ends);
    }
    assert!(connections > 1000, "{connections}");
}

/// By lists, and by what processes hold open. What two hold is nobody's, until one of them uses it.
#[test]
fn sockets_from_before_are_known() {
    let Some(_alone) = require_live() else { return };
    let namespace = quiet();
    let mut command = namespace.command("python3");
    let mut process =
        Process::start(command.args(["-c", SCRIPT, "early"]).stdin(Stdio::piped()).stdout(Stdio::piped()));
    let (mut input, output) = process.pipes();
    let mut lines = BufReader::new(output).lines().map(|line| line.expect("text"));
    assert_eq!(lines.next().as_deref(), Some("ready"));
    let (live, seen) = start(&namespace);
    let mut scene = Scene { live, seen, namespace };
    let mut go_on = || input.write_all(b"\n").expect("it reads");
    go_on();
    let parse = |line: String| serde_json::from_str::<End>(&line).expect("an end");
    let ends: Vec<End> = lines.by_ref().take_while(|line| line != "told").map(parse).collect();
    assert_eq!(ends.len(), 9);
    scene.settle(&ends);
    scene.check("before", &ends);
    // It was before: since when, nobody knows.
    let first = &ends[0];
    let owner = scene.live.sockets().owner(first.protocol, first.local, first.remote, first.first, first.last);
    let owner = owner.expect("it was checked");
    assert!(owner.since == 0 && owner.comm.is_some_and(|name| name.starts_with("python")));
    go_on();
    let last: Vec<End> = lines.map(parse).collect();
    assert_eq!(last.len(), 1);
    scene.check("used", &last);
    assert!(process.wait().success());
}

/// Each process is told of while it uses its socket, by the names of its threads.
#[test]
fn processes_are_told_of_at_once() {
    let Some(_alone) = require_live() else { return };
    let mut scene = Scene::new();
    let ends = scene.run("forking", 10);
    scene.live.refresh();
    let processes: HashSet<u32> = ends.iter().filter_map(|end| end.pid).collect();
    let seen = scene.seen.lock().expect("nobody panics");
    assert_eq!(processes.len(), 80);
    for process in processes {
        let told: Vec<_> = seen.iter().filter(|told| told.tgid == process).collect();
        let end = ends.iter().find(|end| end.pid == Some(process)).expect("one of them");
        assert!(told.iter().any(|told| (end.first..=end.last).contains(&told.at)), "{end:?}: {told:?}");
        assert!(told.iter().all(|told| told.is_main_thread && told.comm.starts_with("python")), "{told:?}");
    }
}

/// Addresses lead to the namespaces that have them.
#[test]
fn sockets_of_other_namespaces_are_known() {
    let Some(_alone) = require_live() else { return };
    let other = quiet();
    other.run("ip address add 10.77.9.1/32 dev lo");
    let namespace = quiet();
    let (mut live, _) = start_with(&namespace, NamespaceScope::All);
    let connect = || {
        let listener = TcpListener::bind("10.77.9.1:0").expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let (server, _) = listener.accept().expect("it was connected");
        (&client).write_all(b"x").expect("it is connected");
        (&server).read_exact(&mut [0]).expect("it was sent");
        [&client, &server].map(|socket| {
            let ends = [socket.local_addr(), socket.peer_addr()];
            ends.map(|end| end.map(|end| (end.ip(), Some(end.port()))).expect("it is connected"))
        })
    };
    let first = Moment::now().boot;
    let sockets = other.enter(connect);
    live.refresh();
    for [local, remote] in sockets {
        let owner = live.sockets().owner(6, local, remote, first, Moment::now().boot);
        assert_eq!(owner.map(|owner| owner.tgid), Some(std::process::id()), "{local:?}");
    }
}
