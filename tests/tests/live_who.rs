//! Records say who was talking: real programs, a container's cgroup, names and pseudonyms.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use flowtrace_tests::files::program;
use flowtrace_tests::files::scenes::SCENES;
use flowtrace_tests::netns::Cable;
use flowtrace_tests::record::Record;
use flowtrace_tests::tools::{output, require_live_beside};
use flowtrace_tests::traffic;
use flowtrace_tests::watch::{Process, Watch};

const CONTAINER: &str = "4f1f5c8f9f6d4f1f5c8f9f6d4f1f5c8f9f6d4f1f5c8f9f6d4f1f5c8f9f6d0123";
const PORT: u64 = 8080;
const CLIENTS: usize = 100;

/// A container's control group, as Docker makes it; goes with its value.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new() -> Self {
        let mounts = fs::read_to_string("/proc/mounts").expect("a list of mounts");
        let root = mounts.lines().find_map(|line| line.strip_prefix("cgroup2 ")?.split(' ').next());
        let parent = PathBuf::from(root.expect("control groups, version 2"));
        let group = parent.join(format!("flowtrace-{}.slice", std::process::id()));
        let cgroup = Self(group.join(format!("docker-{CONTAINER}.scope")));
        fs::create_dir_all(&cgroup.0).expect("root may");
        cgroup
    }

    /// Moves a process into it.
    fn enter(&self, process: u64) {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).expect("root may");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel takes a while to see that the last process is gone.
        for folder in [Some(self.0.as_path()), self.0.parent()].into_iter().flatten() {
            let is_gone = |_: &u32| fs::remove_dir(folder).is_ok() || !folder.exists();
            let _ = (0..100).inspect(|_| thread::sleep(Duration::from_millis(10))).find(is_gone);
        }
    }
}

/// Process id and port of a client that fetched a page and is gone.
fn fetch(cable: &Cable, address: IpAddr) -> (u64, u64) {
    let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    let line =
        format!("echo $$; exec curl --silent --output /dev/null --write-out '%{{local_port}}' http://{host}:{PORT}/");
    let said = output(cable.client.namespace.command("sh").args(["-c", &line]));
    let mut numbers = said.split_whitespace().map(|word| word.parse().expect("a number"));
    (numbers.next().expect("its process"), numbers.next().expect("its port"))
}

fn find(records: &[Record], ports: [u64; 2]) -> &Record {
    records.iter().find(|record| record.ports == ports).unwrap_or_else(|| panic!("no flow of {ports:?}"))
}

#[test]
fn both_ends_say_their_process_and_container() {
    let Some(_alone) = require_live_beside() else { return };
    let (cable, cgroup) = (Cable::new(), Cgroup::new());
    let mut server = cable.server.namespace.command("python3");
    let server = server.args(["-m", "http.server", "--bind", "::", &PORT.to_string()]);
    let _server = Process::start(server.stdout(Stdio::null()).stderr(Stdio::null()));
    let listens = || cable.server.run(&format!("ss --listening --tcp --no-header --processes sport = {PORT}"));
    let found = (0..500).inspect(|_| thread::sleep(Duration::from_millis(20))).map(|_| listens());
    let found = found.into_iter().find(|line| line.contains("pid=")).expect("it listens");
    let pid = found.split("pid=").nth(1).and_then(|rest| rest.split(',').next()).expect("its process");
    let server: u64 = pid.parse().expect("a number");
    cgroup.enter(server);

    let short = ["--scan-interval", "100ms", "-t", "tcp_fin=200ms", "-t", "icmp=1s", "--namespaces", "all"];
    let command = [&short[..], &["--attributes", "process.command", "-i", cable.server.interface]].concat();
    let watch = Watch::start(&cable.server.namespace, &command);
    let off = [&short[..], &["--processes", "off", "-i", cable.client.interface]].concat();
    let without = Watch::start(&cable.client.namespace, &off);
    let addresses = cable.server.addresses;
    let clients: Vec<_> = (0..CLIENTS).map(|number| fetch(&cable, addresses[number % 2])).collect();
    let ping = "echo $$; exec ping -q -c 3 -i 0.2";
    let pinged = output(cable.client.namespace.command("sh").args(["-c", &format!("{ping} {}", addresses[0])]));
    let ping: u64 = pinged.split_whitespace().next().and_then(|word| word.parse().ok()).expect("its process");
    traffic::settle();
    let said = watch.stop();
    said.check();

    let mut read = 0;
    for (pid, port) in clients {
        let record = find(&said.records, [port, PORT]);
        for (name, expected) in [("source.process.pid", pid), ("process.pid", pid), ("destination.process.pid", server)]
        {
            assert_eq!(record.number(name), Some(expected), "{name}: {}", record.json);
        }
        assert_eq!(record.text("source.process.executable.name"), Some("curl"), "{}", record.json);
        let text = |name: &str| record.text(name).unwrap_or_else(|| panic!("no {name}: {}", record.json));
        assert!(text("destination.process.executable.name").starts_with("python3"));
        assert_eq!(
            (text("destination.container.id"), text("destination.container.runtime.name")),
            (CONTAINER, "docker")
        );
        // A client may be gone before there was time to read this of it, on a busy machine.
        for (name, expected) in [
            ("process.executable.path", "/curl"),
            ("source.process.command_line", "curl --silent"),
            ("process.owner", "root"),
        ] {
            let value = record.text(name).inspect(|_| read += 1);
            assert!(value.is_none_or(|value| value.contains(expected)), "{name}: {}", record.json);
        }
        assert_eq!(record.text("source.container.id"), None);
    }
    assert!(read > CLIENTS, "of most of them all was read: {read}");
    let echo = said.records.iter().find(|record| record.text("flow.icmp.type.name") == Some("echo_request"));
    let echo = echo.expect("it was seen");
    assert_eq!((echo.number("process.pid"), echo.text("process.executable.name")), (Some(ping), Some("ping")));
    assert_eq!(echo.number("destination.process.pid"), None, "the kernel answers");

    let silent = without.stop();
    silent.check();
    assert!(silent.records.len() > CLIENTS);
    assert!(silent.records.iter().all(|record| !record.json.to_string().contains("process.pid")));
}

/// `/etc/hosts` names client and server; the ends keep their addresses.
#[test]
fn names_are_those_of_hosts() {
    let Some(_alone) = require_live_beside() else { return };
    let folder = tempfile::TempDir::new().expect("a folder");
    let [hosts, capture] = ["hosts", "capture"].map(|name| folder.path().join(name));
    let scene = SCENES.iter().find(|scene| scene.name == "pings").expect("it is there");
    fs::write(&capture, scene.file()).expect("there is room");
    let read = |hosts_there: &str, options: &str| {
        let (program, capture) = (program::flowtrace(), capture.display());
        let line = format!("{hosts_there} exec {} read -q --output json {options} {capture}", program.display());
        let said = output(Command::new("unshare").args(["--mount", "sh", "-c", &line]));
        said.lines().map(Record::parse).collect::<Vec<_>>()
    };
    let plain = read("", "");
    let client = plain.iter().find_map(|record| record.text("client.address")).expect("one of them");
    fs::write(&hosts, format!("{client} Probe.Example.org probe\n")).expect("there is room");
    let named = read(&format!("mount --bind {} /etc/hosts;", hosts.display()), "--names hosts");
    assert_eq!(plain.len(), named.len());
    for (plain, named) in plain.iter().zip(&named) {
        assert_eq!(plain.ends, named.ends);
        let expected = |text| if text == Some(client) { Some("probe.example.org") } else { text };
        for name in ["client.address", "server.address"] {
            assert_eq!(named.text(name), expected(plain.text(name)), "{}", named.json);
        }
    }
}
