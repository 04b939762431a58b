//! How a running program ends: by signals, and when nobody reads what it writes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::files::program;
use flowtrace_tests::netns::{Cable, Host};
use flowtrace_tests::tools::{bpf_object, require_live_beside};
use flowtrace_tests::watch::Process;
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// A program that was asked to end twice is to end within this time.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A running program, what it says, and the interface that it watches.
struct Running<'a> {
    process: Process,
    host: &'a Host,
    folder: TempDir,
}

impl<'a> Running<'a> {
    /// Starts it with its standard output in a pipe, and waits until it watches.
    fn start(host: &'a Host, arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let said = fs::File::create(folder.path().join("said")).expect("a file");
        let mut command = host.namespace.command(program::flowtrace().to_str().expect("a path in UTF-8"));
        command.args(["run", "-i", host.interface, "--scan-interval", "100ms"]).args(arguments);
        if let Some(object) = bpf_object() {
            command.arg("--bpf-object").arg(object);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said);
        let running = Self { process: Process::start(&mut command), host, folder };
        let deadline = Instant::now() + Duration::from_secs(120);
        while !running.said().contains("interrupt to stop") {
            assert!(Instant::now() < deadline, "it does not watch: {}", running.said());
            thread::sleep(Duration::from_millis(10));
        }
        running
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("said")).expect("what it said")
    }

    /// Asks it to end, and once more when it has had time to: how it ended then.
    fn end_at_once(&mut self, signals: [Signal; 2]) -> ExitStatus {
        self.process.signal(signals[0]);
        thread::sleep(Duration::from_millis(500));
        let begin = Instant::now();
        self.process.signal(signals[1]);
        let status = self.process.wait();
        assert!(begin.elapsed() < AT_ONCE, "it took {:?}", begin.elapsed());
        status
    }

    fn traffic_control(&self) -> String {
        let parts = ["filter show dev DEV ingress", "filter show dev DEV egress", "qdisc show dev DEV"];
        parts.map(|part| self.host.run(&format!("tc {part}"))).concat()
    }
}

/// So many flows with one datagram each.
fn datagrams(cable: &Cable, flows: u16) {
    let [to, _] = cable.server.addresses;
    let any: IpAddr = if to.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    cable.client.namespace.enter(|| {
        for _ in 0..flows {
            let socket = UdpSocket::bind(SocketAddr::new(any, 0)).expect("a port");
            // Nobody listens: the second one of a socket would hear of it.
            let _ = socket.send_to(b"hello", SocketAddr::new(to, 7));
        }
    });
}

/// Accepts connections and never says a word.
fn hung_receiver(host: &Host) -> (TcpListener, String) {
    let listener = host.namespace.enter(|| TcpListener::bind(("127.0.0.1", 0))).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (listener, url)
}

/// A receiver that hangs holds up the end for the shutdown timeout, and not when a second signal comes.
#[test]
fn a_second_signal_ends_it_at_once_with_its_status() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    cable.server.run("ip link set lo up");
    let (_listener, url) = hung_receiver(&cable.server);
    let (int, term) = (Signal::SIGINT, Signal::SIGTERM);
    for (attach, signals, code) in [
        ("tcx", [int, int], 130),
        ("clsact", [term, term], 143),
        ("clsact", [int, term], 143),
        ("tcx", [term, int], 130),
    ] {
        let options = ["--otlp", &url, "--shutdown-timeout", "60s", "--attach", attach];
        let mut running = Running::start(&cable.server, &options);
        datagrams(&cable, 10);
        let status = running.end_at_once(signals);
        assert_eq!(status.code(), Some(code), "{attach} {signals:?}: {}", running.said());
        assert!(!running.traffic_control().contains("clsact"), "{attach}: {}", running.traffic_control());
    }
}

/// The kernel programs come off before the end, also where the program hangs with them on: here because nobody reads
/// its output.
#[test]
fn a_second_signal_takes_the_programs_off_first() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    for attach in ["clsact", "tcx"] {
        let options = ["--output", "json", "-t", "udp=100ms", "-t", "icmp=100ms", "--attach", attach];
        let mut running = Running::start(&cable.server, &options);
        // Some 1.5 kB each; a pipe holds 64 KiB.
        datagrams(&cable, 300);
        thread::sleep(Duration::from_millis(800));
        running.process.signal(Signal::SIGINT);
        thread::sleep(Duration::from_millis(300));
        let is_on = running.traffic_control().contains("bpf");
        assert_eq!(is_on, attach == "clsact", "it still hangs, with the programs on");
        let begin = Instant::now();
        running.process.signal(Signal::SIGINT);
        let status = running.process.wait();
        assert!(begin.elapsed() < AT_ONCE, "it took {:?}", begin.elapsed());
        assert_eq!(status.code(), Some(130), "{}", running.said());
        assert!(!running.traffic_control().contains("clsact"), "{attach}: {}", running.traffic_control());
    }
}

/// One signal and a receiver that hangs: the end comes with the timeout, and says what was lost, or kept and where.
#[test]
fn what_could_not_be_sent_is_said() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    cable.server.run("ip link set lo up");
    let (_listener, url) = hung_receiver(&cable.server);
    let spool = TempDir::new().expect("a folder");
    let directory = spool.path().to_str().expect("a path in UTF-8");
    for (spool, code) in [(&[][..], 4), (&["--spool", directory], 0)] {
        let options = [&["--otlp", &url, "--shutdown-timeout", "1s"], spool].concat();
        let mut running = Running::start(&cable.server, &options);
        datagrams(&cable, 10);
        let begin = Instant::now();
        running.process.signal(Signal::SIGTERM);
        let status = running.process.wait();
        let said = running.said();
        assert!(begin.elapsed() < Duration::from_secs(5), "it took {:?}", begin.elapsed());
        assert_eq!(status.code(), Some(code), "{said}");
        let records = said.split("records=").nth(1).and_then(|rest| rest.lines().next()).expect("a summary");
        match spool {
            [] => assert!(said.contains(&format!(" shutdown={records}")), "{said}"),
            _ => assert!(said.contains(&format!("spool: kept={records} ")) && said.contains(directory), "{said}"),
        }
    }
}

/// `flowtrace run | head -1`.
#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    for output in ["text", "json"] {
        let mut running = Running::start(&cable.server, &["--output", output, "-t", "udp=100ms"]);
        datagrams(&cable, 10);
        let (_input, pipe) = running.process.pipes();
        let mut reader = BufReader::new(pipe);
        assert!(reader.read_line(&mut String::new()).expect("text") > 0);
        drop(reader);
        datagrams(&cable, 10);
        let status = running.process.wait();
        let said = running.said();
        assert_eq!((status.code(), said.lines().count()), (Some(0), 1), "{output}: {said}");
        assert!(!running.traffic_control().contains("bpf"), "{output}");
    }
}
