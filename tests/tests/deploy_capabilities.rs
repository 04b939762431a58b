//! The capabilities that the chart gives are what the program needs: with them it tells all, without any one of them less.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::deploy::{Programs, objects, only};
use flowtrace_tests::netns::Namespace;
use flowtrace_tests::record::Record;
use flowtrace_tests::tools::{self, command, require_live};
use flowtrace_tests::watch::Process;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

const ACCEPTS: u16 = 7601;
const IDLE: u16 = 7600;
const SERVER: &str = "10.78.0.2";
/// A server of another user: one port that takes connections, and one that is open and never read.
const SCRIPT: &str = "import socket\n\
    idle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
    idle.bind(('10.78.0.2', 7600))\n\
    server = socket.create_server(('10.78.0.2', 7601))\n\
    print('ready', flush=True)\n\
    while True:\n    server.accept()[0].recv(100)\n";
const PATIENCE: Duration = Duration::from_secs(120);

/// What can be told of the pod's end.
const PROCESS: &str = "the process that takes a connection";
const PATH: &str = "its path";
const BEFORE: &str = "the process of a socket that was open before";
const CHANGES: &str = "changes in the pod's network namespace";
const ALL: [&str; 4] = [PROCESS, PATH, BEFORE, CHANGES];

/// A node's network namespace, and a pod's with a server in it.
struct Scene {
    node: Namespace,
    _pod: Namespace,
    _server: Process,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let (node, pod) = (Namespace::new(), Namespace::new());
        node.connect("pod0", &pod, "eth0");
        node.run("ip address add 10.78.0.1/24 dev pod0");
        node.run("ip link set pod0 up");
        pod.run(&format!("ip address add {SERVER}/24 dev eth0"));
        pod.run("ip link set eth0 up");
        let folder = tempfile::tempdir().expect("a folder");
        let ready = folder.path().join("ready");
        // Debian's: another user may not run one in somebody's home directory.
        let mut server = pod.command("setpriv");
        server.args(["--reuid", "12345", "--regid", "12345", "--clear-groups", "/usr/bin/python3", "-c", SCRIPT]);
        let server = Process::start(server.stdout(File::create(&ready).expect("a file")));
        wait("the server", || fs::read_to_string(&ready).is_ok_and(|text| text.contains("ready")));
        Self { node, _pod: pod, _server: server, folder }
    }

    /// Root with these capabilities and no others, in the node's namespaces.
    fn start(&self, capabilities: &[String], options: &[&str]) -> Child {
        let given: String = capabilities.iter().map(|name| format!(",+{}", name.to_lowercase())).collect();
        let file = |name: &str| File::create(self.folder.path().join(name)).expect("a file");
        let mut run = command("nsenter");
        run.arg(format!("--net=/run/netns/{}", self.node.name()));
        run.args(["setpriv", "--inh-caps=-all", "--no-new-privs", &format!("--bounding-set=-all{given}")]);
        run.arg(tools::flowtrace()).args(["run", "-i", "pod0", "--output", "json", "--scan-interval", "200ms", "-vv"]);
        run.args(options).stdin(Stdio::null()).stdout(file("records")).stderr(file("said"));
        run.spawn().expect("nsenter")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("a file")
    }

    /// What is told with these capabilities; `None` where it does not start.
    fn told(&self, capabilities: &[String], options: &[&str]) -> Option<BTreeSet<&'static str>> {
        let mut child = self.start(capabilities, options);
        let mut ended = None;
        wait("a word of it", || {
            ended = child.try_wait().expect("a child");
            ended.is_some() || self.read("said").contains("interrupt to stop")
        });
        if ended.is_some() {
            return None;
        }
        // The lists of sockets are read on threads beside.
        thread::sleep(Duration::from_secs(1));
        self.node.enter(|| {
            let mut stream = TcpStream::connect((SERVER, ACCEPTS)).expect("the server listens");
            stream.write_all(b"question").expect("the server reads");
            let socket = UdpSocket::bind("10.78.0.1:0").expect("a port");
            socket.send_to(b"question", (SERVER, IDLE)).expect("the pod is there");
            thread::sleep(Duration::from_millis(800));
        });
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it runs");
        wait("its end", || child.try_wait().expect("a child").is_some());
        Some(self.facts())
    }

    fn facts(&self) -> BTreeSet<&'static str> {
        let records: Vec<_> = self.read("records").lines().map(Record::parse).collect();
        let to = |port: u16| {
            let found = records.iter().find(|record| record.ports[1] == u64::from(port));
            found.unwrap_or_else(|| panic!("no flow to port {port}: {}", self.read("said")))
        };
        let has = |port, name: &str| !to(port).json["attributes"][format!("destination.process.{name}")].is_null();
        let facts = [
            (PROCESS, has(ACCEPTS, "pid")),
            (PATH, has(ACCEPTS, "executable.path")),
            (BEFORE, has(IDLE, "pid")),
            (CHANGES, !self.read("said").contains("changes in other network namespaces are not told")),
        ];
        facts.into_iter().filter(|(_, is_so)| *is_so).map(|(fact, _)| fact).collect()
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never came: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The capabilities in the DaemonSet that is rendered with these values.
fn capabilities(programs: &Programs, values: &[&str]) -> Vec<String> {
    let rendered = objects(programs, values).unwrap_or_else(|why| panic!("{why}"));
    let container = &only(&rendered, "DaemonSet")["spec"]["template"]["spec"]["containers"][0];
    let added = &container["securityContext"]["capabilities"]["add"];
    added.as_array().expect("a list").iter().map(|name| name.as_str().expect("a text").to_owned()).collect()
}

/// All of them but one.
fn but(capabilities: &[String], missing: &String) -> Vec<String> {
    capabilities.iter().filter(|name| *name != missing).cloned().collect()
}

#[test]
fn the_charts_capabilities_are_the_least() {
    let Some(_alone) = require_live() else { return };
    let Some(programs) = Programs::get() else { return };
    let scene = Scene::new();
    let everything = capabilities(programs, &[]);
    let options = ["--namespaces", "all"];
    assert_eq!(scene.told(&everything, &options), Some(ALL.into()), "{everything:?}");

    // SYS_ADMIN allows what these do. They are for kernels and ways to attach that ask for them, and for those who go
    // without it.
    let own = ["--namespaces", "own", "--processes", "off"];
    let least = capabilities(programs, &["config.namespaces=\"own\"", "config.processes=\"off\""]);
    assert_eq!(least, ["BPF", "PERFMON", "NET_ADMIN"]);
    for missing in &least {
        assert_eq!(scene.told(&but(&least, missing), &own), None, "without {missing}");
    }

    let some = |facts: &[&'static str]| Some(facts.iter().copied().collect());
    let rest = everything.iter().filter(|name| !least.contains(name));
    let without: Vec<_> =
        rest.map(|missing| (missing.as_str(), scene.told(&but(&everything, missing), &options))).collect();
    let expected = [
        ("SYS_ADMIN", some(&[CHANGES])),
        ("NET_BROADCAST", some(&[PROCESS, PATH, BEFORE])),
        ("SYS_PTRACE", some(&[PROCESS, CHANGES])),
        ("DAC_READ_SEARCH", some(&[PROCESS, PATH, CHANGES])),
    ];
    assert_eq!(without, expected);

    for (values, options, facts) in [
        (&["config.processes=\"off\""][..], &["--namespaces", "all", "--processes", "off"][..], &[CHANGES][..]),
        (&["config.namespaces=\"own\""], &["--namespaces", "own"], &[CHANGES]),
        (
            &["config.namespaces=\"own\"", "config.processes=\"off\""],
            &["--namespaces", "own", "--processes", "off"],
            &[CHANGES],
        ),
    ] {
        assert_eq!(scene.told(&capabilities(programs, values), options), some(facts), "{values:?}");
    }
}
