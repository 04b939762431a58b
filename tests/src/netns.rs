//! Network namespaces and the cables between them. Each goes when its value goes, also when a test panics.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

use crate::tools::{command, output};

/// A network namespace.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// A new one, with a quiet IPv6: no address is probed and no router looked for, so what a test does not send is
    /// hardly there.
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("flowtrace-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        output(command("ip").args(["netns", "add", &name]));
        let namespace = Self { name };
        for setting in [
            "default/accept_dad=0",
            "default/router_solicitations=0",
            "default/addr_gen_mode=1",
            "default/mldv1_unsolicited_report_interval=1",
            "default/mldv2_unsolicited_report_interval=1",
        ] {
            namespace.set_ipv6(setting);
        }
        namespace
    }

    fn set_ipv6(&self, setting: &str) {
        let (name, value) = setting.split_once('=').expect("name=value");
        self.enter(|| std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}"), value))
            .unwrap_or_else(|error| panic!("{setting}: {error}"));
    }

    /// Its name, as `ip netns` knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that is to run inside.
    pub fn command(&self, program: &str) -> Command {
        let mut inside = command("ip");
        inside.args(["netns", "exec", &self.name, program]);
        inside
    }

    /// Runs a line of words inside, to its end, and answers its standard output.
    pub fn run(&self, line: &str) -> String {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program");
        output(self.command(program).args(words))
    }

    /// A cable to another namespace. The ends' MAC addresses are 02:00:00:00:00:01 and 02:00:00:00:00:02.
    pub fn connect(&self, interface: &str, other: &Self, others_interface: &str) {
        let peer = format!("peer name {others_interface} address 02:00:00:00:00:02 netns {}", other.name);
        self.run(&format!("ip link add {interface} address 02:00:00:00:00:01 type veth {peer}"));
    }

    /// Runs `work` on a thread inside: the sockets that it makes belong to the namespace.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    self.join();
                    work()
                })
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Moves the calling thread inside, for good.
    pub fn join(&self) {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("the namespace is there");
        setns(file, CloneFlags::CLONE_NEWNET).expect("root may enter");
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Whether it worked cannot matter any more.
        let _ = command("ip").args(["netns", "delete", &self.name]).output();
    }
}

/// One end of a cable: an interface in a namespace, with an address of each version.
#[derive(Debug)]
pub struct Host {
    /// Where it lives.
    pub namespace: Namespace,
    /// Its end of the cable.
    pub interface: &'static str,
    /// Its addresses: IPv4, IPv6.
    pub addresses: [IpAddr; 2],
}

impl Host {
    /// Runs a line of words in its namespace; `DEV` stands for its interface.
    pub fn run(&self, line: &str) -> String {
        self.namespace.run(&line.replace("DEV", self.interface))
    }

    /// A file of the interface in sysfs.
    fn read(&self, file: &str) -> String {
        self.run(&format!("cat /sys/class/net/DEV/{file}"))
    }
}

/// Two namespaces and a veth pair between them.
#[derive(Debug)]
pub struct Cable {
    /// The end that asks.
    pub client: Host,
    /// The end that answers.
    pub server: Host,
}

impl Cable {
    /// Two new namespaces, connected. Each knows where the other is, so neither ARP nor neighbour discovery is needed.
    pub fn new() -> Self {
        let host = |number: u8, interface| Host {
            namespace: Namespace::new(),
            interface,
            addresses: [
                Ipv4Addr::new(10, 77, 0, number).into(),
                Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, number.into()).into(),
            ],
        };
        let cable = Self { client: host(1, "wire-a"), server: host(2, "wire-b") };
        cable.plug();
        cable
    }

    /// As [`new`](Self::new), but without segmentation and receive offloads: what arrives is what is on the wire.
    pub fn without_offloads() -> Self {
        let cable = Self::new();
        for host in [&cable.client, &cable.server] {
            host.run("ethtool -K DEV gro off gso off tso off");
        }
        cable
    }

    /// The kernel tells IPv6 up to a second later that an interface is up, which then tells its groups (MLD).
    ///
    /// # Panics
    /// When it goes on telling.
    pub fn wait_for_silence(&self) {
        const SILENT: Duration = Duration::from_millis(1200);
        let sent = || [&self.client, &self.server].map(|host| host.read("statistics/tx_packets"));
        let (mut last, mut since) = (sent(), Instant::now());
        let deadline = since + 10 * SILENT;
        while since.elapsed() < SILENT {
            thread::sleep(Duration::from_millis(20));
            let now = sent();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            assert!(Instant::now() < deadline, "the cable does not fall silent");
        }
    }

    fn plug(&self) {
        let (a, b) = (&self.client, &self.server);
        a.namespace.connect(a.interface, &b.namespace, b.interface);
        for (host, other, mac) in [(a, b, "02:00:00:00:00:02"), (b, a, "02:00:00:00:00:01")] {
            host.run("ip link set lo up");
            host.run(&format!("ip address add {}/24 dev DEV", host.addresses[0]));
            host.run(&format!("ip address add {}/64 dev DEV nodad", host.addresses[1]));
            for address in other.addresses {
                host.run(&format!("ip neighbour replace {address} lladdr {mac} nud permanent dev DEV"));
            }
        }
        for host in [a, b] {
            host.run("ip link set DEV up");
        }
        self.wait_for_silence();
    }
}

impl Default for Cable {
    fn default() -> Self {
        Self::new()
    }
}
