//! Which process has a socket: asked for each end of connections of all kinds, right after them. Every answer is the
//! process's own; where nobody can say, there is none.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::IpAddr;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_abi::KernelSettings;
use flowtrace_capture::live::{HostSockets, InterfacePatterns, KernelOptions, Live, LiveOptions, NamespaceScope, Seen};
use flowtrace_tests::netns::Namespace;
use flowtrace_tests::tools::{bpf_object, require_live};
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

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn quiet() -> Namespace {
    let namespace = Namespace::new();
    namespace.run("ip link set lo up");
    namespace
}

/// Starts in the namespace, in which this thread is from then on.
fn start(namespace: &Namespace) -> (Live, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    namespace.join();
    let live = Live::start(LiveOptions {
        interfaces: InterfacePatterns::parse(&["none"]).expect("a pattern"),
        attach: None,
        namespaces: NamespaceScope::Own,
        ephemeral: 32_768..=60_999,
        on_process: Some(Box::new(move |process| noted.lock().expect("nobody panics").push(process))),
        kernel: KernelOptions {
            max_flows: 16,
            settings: KernelSettings::DEFAULT,
            ports: Box::new(Ports::DEFAULT),
            object: bpf_object(),
        },
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
