//! What the program says of itself is what it does, whoever asks, and however.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_tests::count::Count;
use flowtrace_tests::netns::Cable;
use flowtrace_tests::scrape::{self, Endpoint, Metrics};
use flowtrace_tests::tools::{bpf_object, flowtrace, require_metrics};
use flowtrace_tests::traffic;
use flowtrace_tests::truth::{Hook, Kind, Netfilter};
use flowtrace_tests::watch::{Process, Said, Watch};
use nix::sys::signal::Signal;

/// Where the program listens in its namespace.
const AT: ([u8; 4], u16) = ([127, 0, 0, 1], 9999);
/// Windows end soon, so that all is in records soon.
const SHORT: [&str; 12] = [
    "--scan-interval",
    "100ms",
    "-t",
    "tcp=1s",
    "-t",
    "tcp_fin=100ms",
    "-t",
    "tcp_rst=100ms",
    "-t",
    "udp=300ms",
    "-t",
    "icmp=300ms",
];

/// Starts it at the server's end with an endpoint.
fn start<'a>(cable: &'a Cable, arguments: &[&str]) -> (Watch, Endpoint<'a>) {
    let address = SocketAddr::from(AT);
    let (interface, http) = (cable.server.interface, address.to_string());
    let watch = Watch::start(
        &cable.server.namespace,
        &[&["--interface", interface, "--http", &http], &SHORT[..], arguments].concat(),
    );
    (watch, Endpoint::new(&cable.server.namespace, address))
}

fn page_of(metrics: &Metrics, labels: &[&str]) -> Count {
    let sum = |name: &str| metrics.sum(name, labels) as u64;
    Count { packets: sum("flowtrace_packets_total"), bytes: sum("flowtrace_bytes_total") }
}

/// What the page said when all flows were over is what the program says when it ends.
fn compare(metrics: &Metrics, said: &Said) {
    said.check();
    assert_eq!(page_of(metrics, &[]), said.counted(), "{:?}", said.lines);
    assert_eq!(metrics.sum("flowtrace_records_total", &[]) as usize, said.records.len());
    for reason in ["not_ip", "map_full"] {
        let label = format!("reason=\"{reason}\"");
        let sum = |name: &str| metrics.sum(name, &["stage=\"kernel\"", &label]) as u64;
        let page = Count { packets: sum("flowtrace_lost_packets_total"), bytes: sum("flowtrace_lost_bytes_total") };
        assert_eq!(page, said.lost(reason), "{reason}: {:?}", said.lines);
    }
}

#[test]
fn the_page_is_what_nftables_counted_and_the_summary_says() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let arrived = [&cable.server, &cable.client].map(|host| Netfilter::count(host, Hook::Ingress));
    let (watch, endpoint) = start(&cable, &[]);
    traffic::everything(&cable);
    // Nobody has this address: questions for it are no IP.
    let _ = cable.client.namespace.command("ping").args(["-c", "1", "-W", "1", "10.77.0.99"]).output();
    cable.wait_for_silence();
    let metrics = endpoint.metrics_when("all flows over", |metrics| {
        metrics.sum("flowtrace_flows_open", &[]) == 0.0 && metrics.sum("flowtrace_flows_begun_total", &[]) > 2000.0
    });
    for (kind, label) in [(Kind::Tcp, "transport=\"tcp\""), (Kind::Udp, "transport=\"udp\"")] {
        let truth: Count = arrived.iter().flat_map(|at| [0, 1].map(|version| at.read(kind, version))).sum();
        assert_eq!(page_of(&metrics, &[label]), truth, "{kind:?}");
    }
    assert!(metrics.sum("flowtrace_lost_packets_total", &["reason=\"not_ip\""]) > 0.0, "{metrics:?}");
    assert_eq!(metrics.sum("flowtrace_kernel_flows_max", &[]), 131_072.0);
    assert_eq!(metrics.sum("flowtrace_interfaces_watched", &[]), 1.0);
    let found = |name: &str| metrics.sum(name, &["fact=\"process\""]);
    let (ends, hits) = (found("flowtrace_attribution_ends_total"), found("flowtrace_attribution_hits_total"));
    assert!(hits > 1000.0 && hits <= ends, "processes: {hits} of {ends}");
    compare(&metrics, &watch.stop());
}

#[test]
fn losses_show_as_they_happen() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let (watch, endpoint) = start(&cable, &["--max-flows", "50", "--attach", "tcx"]);
    traffic::short_connections(&cable, cable.server.addresses[0], 1000);
    let full = |metrics: &Metrics| metrics.sum("flowtrace_lost_packets_total", &["reason=\"map_full\""]) > 0.0;
    endpoint.metrics_when("lost", full);
    let over = |metrics: &Metrics| metrics.sum("flowtrace_flows_open", &[]) == 0.0;
    compare(&endpoint.metrics_when("all flows over", over), &watch.stop());
}

#[test]
fn both_formats_are_what_prometheus_reads() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let file = tempfile::TempDir::new().expect("a folder");
    let spool = file.path().join("spool");
    let spool = spool.to_str().expect("a path in UTF-8");
    let (watch, endpoint) = start(&cable, &["--otlp", "http://127.0.0.1:1/", "--spool", spool]);
    cable.client.run("ping -q -c 5 -i 0.01 10.77.0.2");
    endpoint.metrics_when("tried", |metrics| metrics.sum("flowtrace_export_requests_total", &[]) > 0.0);
    let plain = endpoint.get("/metrics");
    assert!(plain.head.contains("content-type: text/plain; version=0.0.4"), "{}", plain.head);
    let open = endpoint.get_as("/metrics", "application/openmetrics-text; version=1.0.0");
    assert!(open.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", open.head);
    watch.stop();
    assert_eq!(scrape::promtool(&plain.body), Ok(()), "{}", plain.body);
    assert_eq!(scrape::open_metrics(&open.body), Ok(()), "{}", open.body);
    assert!(scrape::open_metrics(&plain.body).is_err() && scrape::promtool("a b c d").is_err(), "the checkers check");
}

/// Ready says what is wrong around the program, and is no for what keeps it from recording.
#[test]
fn health_is_true_to_the_facts() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let (watch, endpoint) = start(&cable, &["--otlp", "http://127.0.0.1:1"]);
    cable.client.run("ping -q -c 5 -i 0.01 10.77.0.2");
    endpoint.metrics_when("down", |metrics| {
        metrics.has("flowtrace_export_receiver_up") && metrics.sum("flowtrace_export_receiver_up", &[]) == 0.0
    });
    let ready = endpoint.get("/readyz");
    assert_eq!(ready.status(), 200, "{ready:?}");
    assert!(ready.body.contains("http://127.0.0.1:1\"") && ready.body.contains("it takes no spans since"), "{ready:?}");
    assert_eq!(["/livez", "/startupz", "/"].map(|path| endpoint.get(path).status()), [200; 3]);
    cable.server.run("ip link delete DEV");
    endpoint.metrics_when("detached", |metrics| metrics.sum("flowtrace_interfaces_watched", &[]) == 0.0);
    let ready = endpoint.get("/readyz");
    assert!(ready.status() == 503 && ready.body.contains("attached to no interface"), "{ready:?}");
    assert_eq!(["/livez", "/startupz", "/nothing"].map(|path| endpoint.get(path).status()), [200, 200, 404]);
    watch.stop();
}

/// Nobody who talks to the endpoint, however, keeps others from it or disturbs the capture.
#[test]
fn hostile_clients_change_nothing() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let arrived = [&cable.server, &cable.client].map(|host| Netfilter::count(host, Hook::Ingress));
    let (watch, endpoint) = start(&cable, &[]);
    let before = endpoint.metrics();
    // Some that say half a request, and a thousand that say nothing.
    let slow: Vec<_> = (0..1000)
        .map(|number| {
            let mut stream = endpoint.connect();
            if number % 2 == 0 {
                let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ");
            }
            stream
        })
        .collect();
    for hostile in [
        [b"GET /metrics HTTP/1.1\r\nX-Huge: ".as_slice(), &vec![b'a'; 1 << 20]].concat(),
        [b"GET /".as_slice(), &vec![b'a'; 1 << 20]].concat(),
        [b"GET / HTTP/1.1\r\n".as_slice(), &b"X: y\r\n".repeat(100_000)].concat(),
        b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
        b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".to_vec(),
        b"GET /metrics HTTP/9.9\r\n\r\n".to_vec(),
        (0..=255).collect::<Vec<u8>>().repeat(1000),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
    ] {
        let mut stream = endpoint.connect();
        // It may have been closed in the middle.
        let _ = stream.write_all(&hostile);
        let _ = stream.take(100).read_to_end(&mut Vec::new());
    }
    traffic::short_connections(&cable, cable.server.addresses[0], 1000);
    let asked = Instant::now();
    let after = endpoint.metrics();
    assert!(asked.elapsed() < Duration::from_secs(2), "an answer took {:?}", asked.elapsed());
    drop(slow);
    assert!(after.sum("flowtrace_http_connections_closed_total", &[]) >= 900.0, "{after:?}");
    assert!(after.sum("process_open_fds", &[]) < before.sum("process_open_fds", &[]) + 70.0, "{after:?}");
    let grown = after.sum("process_resident_memory_bytes", &[]) - before.sum("process_resident_memory_bytes", &[]);
    assert!(grown < 32e6, "{grown} bytes more");
    let metrics = endpoint.metrics_when("all flows over", |metrics| {
        metrics.sum("flowtrace_flows_open", &[]) == 0.0 && metrics.sum("flowtrace_flows_begun_total", &[]) >= 1000.0
    });
    let truth: Count = arrived.iter().map(|at| at.read(Kind::Tcp, 0)).sum();
    assert_eq!(page_of(&metrics, &["transport=\"tcp\""]), truth);
    compare(&metrics, &watch.stop());
}

/// The usual place is gone without where it is taken; one that was asked for is not.
#[test]
fn a_port_that_is_taken() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let taken = cable.server.namespace.enter(|| TcpListener::bind("127.0.0.1:9464")).expect("a free port");
    let interface = cable.server.interface;
    let mut watch = Watch::start(&cable.server.namespace, &["--interface", interface]);
    assert!(watch.has_heard("no metrics and health at http://127.0.0.1:9464: "), "it says so");
    let mut off = Watch::start(&cable.server.namespace, &["--interface", interface, "--http", "off"]);
    assert!(!off.has_heard("metrics and health"), "nobody asked for it");
    cable.client.run("ping -q -c 5 -i 0.01 10.77.0.2");
    traffic::settle();
    for said in [watch.stop(), off.stop()] {
        said.check();
        assert!(said.counted().packets >= 10, "{:?}", said.lines);
    }
    let program = flowtrace();
    let mut command = cable.server.namespace.command(program.to_str().expect("a path in UTF-8"));
    let output = command.args(["run", "-i", interface, "--http", "127.0.0.1:9464"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("flowtrace: --http 127.0.0.1:9464: ") && said.contains("in use"), "{said}");
    drop(taken);
}

/// It answers while it ends, and says so.
#[test]
fn it_answers_to_the_end() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let silent = cable.server.namespace.enter(|| TcpListener::bind("127.0.0.1:4317")).expect("a free port");
    let mut command = cable.server.namespace.command(flowtrace().to_str().expect("a path in UTF-8"));
    let address = SocketAddr::from(AT);
    command.args(["run", "-i", cable.server.interface, "--otlp", "http://127.0.0.1:4317", "--shutdown-timeout", "3s"]);
    command.args(["--http", &address.to_string()]).stderr(Stdio::null()).stdout(Stdio::null());
    if let Some(object) = bpf_object() {
        command.arg("--bpf-object").arg(object);
    }
    let endpoint = Endpoint::new(&cable.server.namespace, address);
    let mut process = Process::start(&mut command);
    thread::sleep(Duration::from_millis(300));
    endpoint.metrics_when("watching", |metrics| metrics.sum("flowtrace_interfaces_watched", &[]) == 1.0);
    cable.client.run("ping -q -c 5 -i 0.01 10.77.0.2");
    process.signal(Signal::SIGTERM);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(endpoint.get("/livez").status(), 200);
    let ready = endpoint.get("/readyz");
    assert!(ready.status() == 503 && ready.body.contains("it is ending"), "{ready:?}");
    process.wait();
    drop(silent);
}

/// Put back however the test ends.
struct Setting(String);

impl Setting {
    const PATH: &'static str = "/proc/sys/kernel/bpf_stats_enabled";

    /// `None` where it cannot be changed.
    fn on() -> Option<Self> {
        let before = fs::read_to_string(Self::PATH).ok()?;
        fs::write(Self::PATH, "1").ok()?;
        Some(Self(before))
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _ = fs::write(Self::PATH, &self.0);
    }
}

#[test]
fn run_times_of_programs_where_the_kernel_counts_them() {
    let Some(_alone) = require_metrics() else { return };
    let cable = Cable::without_offloads();
    let Some(setting) = Setting::on() else { panic!("root may change {}", Setting::PATH) };
    let (watch, endpoint) = start(&cable, &[]);
    cable.client.run("ping -q -c 100 -i 0.002 10.77.0.2");
    let metrics = endpoint.metrics_when("run", |metrics| {
        metrics.sum("flowtrace_kernel_program_runs_total", &["program=\"ingress\""]) >= 100.0
    });
    let time = metrics.sum("flowtrace_kernel_program_time_seconds_total", &["program=\"ingress\""]);
    assert!(time > 1e-6 && time < 1.0, "{time} s");
    drop(setting);
    endpoint.metrics_when("gone", |metrics| !metrics.has("flowtrace_kernel_program_runs_total"));
    watch.stop();
}
