//! Who listens, and whose addresses are this host's: by kernel hooks, by lists, in other network namespaces.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::netns::{Cable, Host, Namespace};
use flowtrace_tests::record::Record;
use flowtrace_tests::tools::{self, command, output, require_live_beside};
use flowtrace_tests::traffic;
use flowtrace_tests::watch::{Process, Watch};
use nix::sys::signal::Signal;
use socket2::{Domain, Protocol, Socket, Type};

/// Neither is a port that clients are given, so ports tell nothing.
const SERVER_PORT: u16 = 7600;
const CLIENT_PORT: u16 = 7601;
/// The evidence is in the group `debug`. A short interval: what is noted between two readings is read soon.
const OPTIONS: [&str; 4] = ["--attributes", "debug", "--scan-interval", "200ms"];
/// Longer than a socket that was closed still counts as listening.
const LONG: Duration = Duration::from_millis(1500);

fn watch(host: &Host, more: &[&str]) -> Watch {
    Watch::start(&host.namespace, &[&["-i", host.interface], &OPTIONS[..], more].concat())
}

/// The records between the two ports.
fn between(records: &[Record]) -> Vec<&Record> {
    records.iter().filter(|record| record.ports.contains(&SERVER_PORT.into())).collect()
}

/// Kind, source port and evidence of a record.
fn told(record: &Record) -> (&str, u64, Option<&str>) {
    let kind = record.json["kind"].as_str().expect("a kind");
    (kind, record.ports[0], record.text("flow.initiator.evidence"))
}

/// A datagram from one socket to the other, which must arrive.
fn send(from: &UdpSocket, to: &UdpSocket) {
    to.set_read_timeout(Some(Duration::from_secs(5))).expect("an option");
    from.send_to(&[1; 100], to.local_addr().expect("it is bound")).expect("it can be sent");
    assert_eq!(to.recv(&mut [0; 200]).expect("it arrives"), 100);
}

fn bind(host: &Host, version: usize, port: u16) -> UdpSocket {
    traffic::sink(host, version, port)
}

/// From the client's side nothing shows it: its socket was connected before anything was said, and does not wait.
#[test]
fn a_udp_socket_that_waits_shows_who_began() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    for is_before in [true, false] {
        let early = is_before.then(|| [0, 1].map(|version| bind(&cable.server, version, SERVER_PORT)));
        let watches = [&cable.server, &cable.client].map(|host| watch(host, &[]));
        let servers = early.unwrap_or_else(|| [0, 1].map(|version| bind(&cable.server, version, SERVER_PORT)));
        for (version, server) in servers.iter().enumerate() {
            let client = traffic::udp(&cable.client, version, CLIENT_PORT, server.local_addr().expect("it is bound"));
            send(&client, server);
            send(server, &client);
        }
        traffic::settle();
        let [at_server, at_client] = watches.map(Watch::stop);
        at_server.check();
        let (records, what) = (between(&at_server.records), format!("socket before the program: {is_before}"));
        assert_eq!(records.len(), 2, "{what}: {:?}", at_server.lines);
        for record in records {
            assert_eq!(told(record), ("SERVER", CLIENT_PORT.into(), Some("listening_socket")), "{what}");
        }
        for record in between(&at_client.records) {
            assert_eq!(told(record), ("INTERNAL", CLIENT_PORT.into(), Some("nothing")), "{what}");
        }
    }
}

/// A socket on a port of its own may ask as well (DHCP, NTP): it was not asked if it was the first to send.
#[test]
fn a_udp_socket_that_sends_first_was_not_asked() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let watch = watch(&cable.server, &[]);
    let [server, client] =
        [(&cable.server, SERVER_PORT), (&cable.client, CLIENT_PORT)].map(|(host, port)| bind(host, 0, port));
    send(&server, &client);
    send(&client, &server);
    traffic::settle();
    let said = watch.stop();
    let told: Vec<_> = between(&said.records).into_iter().map(told).collect();
    assert_eq!(told, [("INTERNAL", SERVER_PORT.into(), Some("nothing"))]);
}

/// By lists alone that would not be known: nothing of the socket is there any more.
#[test]
fn a_socket_that_came_and_went_between_two_readings_counts_for_its_time() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let watch = watch(&cable.server, &[]);
    let server = bind(&cable.server, 0, SERVER_PORT);
    let address = server.local_addr().expect("it is bound");
    let client = traffic::udp(&cable.client, 0, CLIENT_PORT, address);
    send(&client, &server);
    drop(server);
    thread::sleep(LONG);
    let late = traffic::udp(&cable.client, 0, CLIENT_PORT + 1, address);
    late.send(&[3; 10]).expect("it can be sent");
    let said = {
        traffic::settle();
        watch.stop()
    };
    let told: Vec<_> = between(&said.records).into_iter().map(|record| (record.ports, told(record))).collect();
    let [server, client] = [SERVER_PORT, CLIENT_PORT].map(u64::from);
    let in_time = ([client, server], ("SERVER", client, Some("listening_socket")));
    let too_late = ([client + 1, server], ("INTERNAL", client + 1, Some("nothing")));
    assert!(told.contains(&in_time) && told.contains(&too_late), "{told:?}");
}

/// `nc -u -l` and the like: the socket is given to its first caller.
#[test]
fn a_server_that_takes_its_first_caller_was_waiting() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let watch = watch(&cable.server, &[]);
    let server = bind(&cable.server, 0, SERVER_PORT);
    let client = bind(&cable.client, 0, CLIENT_PORT);
    send(&client, &server);
    server.connect(client.local_addr().expect("it is bound")).expect("any address can be connected to");
    send(&server, &client);
    traffic::settle();
    let said = watch.stop();
    let told: Vec<_> = between(&said.records).into_iter().map(told).collect();
    assert_eq!(told, [("SERVER", CLIENT_PORT.into(), Some("listening_socket"))]);
}

/// A connection that stood before the program came.
#[test]
fn a_listening_tcp_socket_shows_who_connected() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    for version in 0..2 {
        let address = SocketAddr::new(cable.server.addresses[version], SERVER_PORT);
        let listener = cable.server.namespace.enter(|| TcpListener::bind(address).expect("a free port"));
        let mut client = connect(&cable.client, version, address);
        let (mut server, _) = listener.accept().expect("it was connected");
        let watches = [&cable.server, &cable.client].map(|host| watch(host, &[]));
        server.write_all(&[1; 100]).expect("the client reads");
        client.read_exact(&mut [0; 100]).expect("the server wrote");
        client.write_all(&[1; 100]).expect("the server reads");
        server.read_exact(&mut [0; 100]).expect("the client wrote");
        traffic::settle();
        let [at_server, at_client] = watches.map(Watch::stop);
        for (who, said, expected) in [
            ("server", &at_server, ("SERVER", CLIENT_PORT.into(), Some("listening_socket"))),
            ("client", &at_client, ("INTERNAL", SERVER_PORT.into(), Some("nothing"))),
        ] {
            let told: Vec<_> = between(&said.records).into_iter().map(told).collect();
            assert_eq!(told, [expected], "{who}");
        }
        // No waiting connection is left on the client's port.
        drop((client, server));
        thread::sleep(Duration::from_millis(50));
    }
}

fn connect(host: &Host, version: usize, to: SocketAddr) -> TcpStream {
    host.namespace.enter(|| {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP)).expect("a socket");
        socket.set_reuse_address(true).expect("an option");
        socket.bind(&SocketAddr::new(host.addresses[version], CLIENT_PORT).into()).expect("a free port");
        socket.connect(&to.into()).expect("the server listens");
        socket.into()
    })
}

/// Ports tell who began; whether that end is here is told by the addresses of this moment.
#[test]
fn addresses_that_come_and_go_change_the_perspective() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let late: SocketAddr = "10.77.0.9:53".parse().expect("an address");
    cable.client.run("ip neighbour replace 10.77.0.9 lladdr 02:00:00:00:00:02 nud permanent dev DEV");
    let watch = watch(&cable.server, &["-t", "udp=500ms"]);
    let ask = |port| {
        let socket = traffic::udp(&cable.client, 0, port, late);
        // Nobody answers, at times with an ICMP error, which the next call would tell.
        let _ = socket.send(&[0; 10]);
        thread::sleep(LONG);
    };
    cable.server.run("ip address add 10.77.0.9/32 dev DEV");
    ask(40_001);
    cable.server.run("ip address delete 10.77.0.9/32 dev DEV");
    ask(40_002);
    let said = watch.stop();
    let kinds: Vec<_> = [40_001, 40_002]
        .map(|port| said.records.iter().find(|record| record.ports == [port, 53]).map(|record| told(record).0))
        .to_vec();
    assert_eq!(kinds, [Some("SERVER"), Some("CLIENT")]);
}

/// A cable from the namespace of the tests to a namespace of its own, as a pod has.
struct Pod {
    namespace: Option<Namespace>,
    outside: String,
}

impl Pod {
    /// Both addresses are of a network for benchmarks (RFC 2544), which no host uses.
    const OUTSIDE: &str = "198.18.77.1";
    const INSIDE: &str = "198.18.77.2";
    const LATE: &str = "198.18.77.3";

    fn new() -> Self {
        let namespace = Namespace::new();
        let outside = format!("ftp{}", std::process::id());
        let pid = std::process::id().to_string();
        namespace.run(&format!("ip link add eth0 type veth peer name {outside} netns {pid}"));
        namespace.run(&format!("ip address add {}/24 dev eth0", Self::INSIDE));
        namespace.run("ip link set lo up");
        namespace.run("ip link set eth0 up");
        output(command("ip").args(["address", "add", &format!("{}/24", Self::OUTSIDE), "dev", &outside]));
        output(command("ip").args(["link", "set", &outside, "up"]));
        Self { namespace: Some(namespace), outside }
    }

    fn inside(&self) -> &Namespace {
        self.namespace.as_ref().expect("it is there")
    }

    fn is_cabled(&self) -> bool {
        fs::exists(format!("/sys/class/net/{}", self.outside)).expect("sysfs is there")
    }
}

/// The program in the namespace of the tests, on one interface. [`Watch`] runs in namespaces that have names.
struct Outside(Process);

impl Outside {
    fn start(pod: &Pod, namespaces: &str) -> Self {
        let mut command = command(tools::flowtrace().to_str().expect("a path in UTF-8"));
        command.args(["run", "--output", "json", "-i", &pod.outside, "--namespaces", namespaces]).args(OPTIONS);
        if let Some(object) = tools::bpf_object() {
            command.arg("--bpf-object").arg(object);
        }
        let said = tempfile::NamedTempFile::new().expect("a file for messages");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said.reopen().expect("it is there"));
        let process = Process::start(&mut command);
        let heard = || fs::read_to_string(said.path()).expect("it is there");
        wait_until(|| heard().contains("interrupt to stop"), "the program does not watch");
        Self(process)
    }

    fn stop(mut self) -> Vec<Record> {
        self.0.signal(Signal::SIGINT);
        let (_, records) = self.0.pipes();
        let records = BufReader::new(records).lines().map(|line| Record::parse(&line.expect("UTF-8"))).collect();
        self.0.wait();
        records
    }
}

/// A question from outside to the pod and an answer, both from ports that tell nothing.
fn talk(pod: &Pod, address: &str) {
    let server = pod.inside().enter(|| UdpSocket::bind((address, SERVER_PORT)).expect("a free port"));
    let client = UdpSocket::bind((Pod::OUTSIDE, CLIENT_PORT)).expect("a free port");
    client.connect((address, SERVER_PORT)).expect("any address can be connected to");
    send(&client, &server);
    send(&server, &client);
    // The socket is there while the program looks.
    thread::sleep(LONG);
}

#[test]
fn pods_are_of_the_host_and_are_not_kept_alive() {
    let Some(_alone) = require_live_beside() else { return };
    let mut pod = Pod::new();
    for (namespaces, expected) in [
        ("own", ("INTERNAL", CLIENT_PORT.into(), Some("nothing"))),
        ("all", ("CLIENT", CLIENT_PORT.into(), Some("listening_socket"))),
    ] {
        let outside = Outside::start(&pod, namespaces);
        talk(&pod, Pod::INSIDE);
        // An address that came later, of which the program was told.
        pod.inside().run(&format!("ip address add {}/24 dev eth0", Pod::LATE));
        thread::sleep(LONG);
        talk(&pod, Pod::LATE);
        let records = outside.stop();
        pod.inside().run(&format!("ip address delete {}/24 dev eth0", Pod::LATE));
        for address in [Pod::INSIDE, Pod::LATE].map(|address| address.parse::<IpAddr>().expect("an address")) {
            let flows = between(&records).into_iter().filter(|record| record.ends.contains(&address));
            let told: Vec<_> = flows.map(told).collect();
            assert_eq!(told, [expected], "--namespaces {namespaces}, {address}");
        }
    }
    let outside = Outside::start(&pod, "all");
    talk(&pod, Pod::INSIDE);
    // The namespace goes with its name, and its cable with it: nobody else holds them.
    pod.namespace = None;
    wait_until(|| !pod.is_cabled(), "the namespace is kept alive");
    assert!(!outside.stop().is_empty());
}

fn wait_until(is_so: impl Fn() -> bool, otherwise: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{otherwise}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The programs that watch sockets go with the process, whatever ends it.
#[test]
fn nothing_stays_at_the_cgroup() {
    let Some(_alone) = require_live_beside() else { return };
    let namespace = Namespace::new();
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let watch = Watch::start(&namespace, &["-i", "lo"]);
        let ids = watch.kernel_programs();
        let shown = || output(command("bpftool").args(["prog", "show"]));
        let ours = |text: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| {
                line.split_once(':').and_then(|(id, _)| id.parse().ok()).is_some_and(|id: u64| ids.contains(&id))
            });
            lines
                .filter(|line| line.contains(": cgroup_sock") || line.contains(": sock_ops"))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(ours(&shown()).len(), 6, "{}", shown());
        watch.stop_by(signal);
        wait_until(|| ours(&shown()).is_empty(), "programs stay");
    }
}
