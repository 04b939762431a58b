//! What is attached, what is followed, and what is left behind: nothing.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use flowtrace_tests::files::program;
use flowtrace_tests::netns::{Cable, Host, Namespace};
use flowtrace_tests::record::sent;
use flowtrace_tests::tools::{command, require_live_beside};
use flowtrace_tests::truth::Kind;
use flowtrace_tests::watch::Watch;
use nix::sys::signal::Signal;

/// How many kernel programs run with one interface: two that see packets, six that note sockets, two that note who uses
/// them.
const PROGRAMS: usize = 10;

/// Whether the kernel still has a program.
fn exists(program: u64) -> bool {
    let mut show = command("bpftool");
    let show = show.args(["prog", "show", "id", &program.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    show.status().expect("bpftool runs").success()
}

/// The kernel frees programs a moment after their last user has gone; a program that is attached by tcx or by a filter
/// has one.
fn wait_until_gone(what: &str, programs: &BTreeSet<u64>) {
    for _ in 0..100 {
        if !programs.iter().any(|&program| exists(program)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("{what}: programs stay in the kernel: {programs:?}");
}

/// Filters and qdiscs of the interface, as tc shows them.
fn traffic_control(host: &Host) -> String {
    let parts = ["filter show dev DEV ingress", "filter show dev DEV egress", "qdisc show dev DEV"];
    parts.map(|part| host.run(&format!("tc {part}"))).concat()
}

fn ping(cable: &Cable, count: usize) {
    cable.client.run(&format!("ping -q -c {count} -i 0.01 {}", cable.server.addresses[0]));
}

#[test]
fn signals_close_every_flow_and_leave_nothing_attached() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let host = &cable.server;
    for attach in ["tcx", "clsact", "clsact in a qdisc that was there"] {
        let is_shared = attach.contains(' ');
        if is_shared {
            host.run("tc qdisc add dev DEV clsact");
        }
        let before = traffic_control(host);
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let what = format!("{attach}, {signal}");
            let kind = attach.split(' ').next().expect("a word");
            let watch = Watch::start(&host.namespace, &["-i", host.interface, "--attach", kind]);
            assert_eq!(traffic_control(host).contains("bpf"), kind == "clsact", "{what}");
            let programs = watch.kernel_programs();
            assert!(
                programs.len() == PROGRAMS && programs.iter().all(|&program| exists(program)),
                "{what}: {programs:?}"
            );
            ping(&cable, 3);
            let said = watch.stop_by(signal);
            said.check();
            assert_eq!(sent(&said.records, Kind::Echo, cable.client.addresses[0]).packets, 3, "{what}");
            assert!(said.records.iter().all(|record| record.end_reason == "forced_end"), "{what}");
            assert_eq!(traffic_control(host), before, "{what}");
            wait_until_gone(&what, &programs);
        }
    }
}

#[test]
fn killed_nothing_stays_attached_by_tcx() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let host = &cable.server;
    let before = traffic_control(host);
    let watch = Watch::start(&host.namespace, &["-i", host.interface]);
    let programs = watch.kernel_programs();
    assert_eq!(programs.len(), PROGRAMS);
    ping(&cable, 3);
    let said = watch.stop_by(Signal::SIGKILL);
    assert_eq!(said.status.code(), None, "it was killed");
    wait_until_gone("killed", &programs);
    assert_eq!(traffic_control(host), before);
    ping(&cable, 3);
}

#[test]
fn interfaces_that_come_are_followed_from_their_first_packet() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let host = &cable.server;
    let mut watch = Watch::start(&host.namespace, &["-v", "--scan-interval", "100ms"]);
    // Three times the same name: what has gone is forgotten.
    for round in 0..3 {
        add_late_interface(&cable);
        cable.client.run("ping -q -c 5 -i 0.01 10.78.0.2");
        host.run("ip link delete late-b");
        if round < 2 {
            watch.hear("has gone");
        }
    }
    let said = watch.stop();
    said.check();
    let client = "10.78.0.1".parse().expect("an address");
    let server = "10.78.0.2".parse().expect("an address");
    let records: Vec<_> = said.records.iter().filter(|record| record.ends.contains(&client)).collect();
    let echo = [client, server].map(|sender| sent(&said.records, Kind::Echo, sender).packets);
    assert_eq!(echo, [15, 15], "{:?}", said.lines);
    assert!(records.iter().all(|record| record.interface.as_deref() == Some("late-b")), "{records:?}");
}

/// A second cable between the two namespaces; the neighbours are known, so the first packet is the ping.
fn add_late_interface(cable: &Cable) {
    let (a, b) = (&cable.client, &cable.server);
    a.namespace.connect("late-a", &b.namespace, "late-b");
    for (host, dev, own, other) in [(a, "late-a", 1, 2), (b, "late-b", 2, 1)] {
        host.run(&format!("ip address add 10.78.0.{own}/24 dev {dev}"));
        host.run(&format!(
            "ip neighbour replace 10.78.0.{other} lladdr 02:00:00:00:00:0{other} nud permanent dev {dev}"
        ));
        host.run(&format!("ip link set {dev} up"));
    }
}

#[test]
fn patterns_choose_interfaces() {
    let Some(_alone) = require_live_beside() else { return };
    let namespace = Namespace::new();
    let other = Namespace::new();
    namespace.run("ip link set lo up");
    for name in ["eth0", "eth1", "en9p1"] {
        namespace.connect(name, &other, name);
        namespace.run(&format!("ip link set {name} up"));
        other.run(&format!("ip link set {name} up"));
    }
    for (patterns, watched) in [
        (&[][..], "watching en9p1, eth0, eth1 ("),
        (&["eth*"], "watching eth0, eth1 ("),
        (&["eth*", "!eth1"], "watching eth0 ("),
        (&["!eth*"], "watching en9p1 ("),
        (&["/^e.*[19]$/"], "watching en9p1, eth1 ("),
        (&["lo"], "watching lo ("),
        (&["*"], "watching en9p1, eth0, eth1"),
        (&["wlan*"], "no interface matches yet; waiting for one"),
    ] {
        let arguments: Vec<&str> = patterns.iter().flat_map(|pattern| ["-i", *pattern]).collect();
        let said = Watch::start(&namespace, &arguments).stop();
        said.check();
        assert!(said.lines[0].contains(watched), "{patterns:?}: {:?}", said.lines);
    }
}

#[test]
fn loopback_counts_once_when_asked_for() {
    let Some(_alone) = require_live_beside() else { return };
    let namespace = Namespace::new();
    namespace.run("ip link set lo up");
    let watch = Watch::start(&namespace, &["-i", "lo"]);
    namespace.run("ping -q -c 5 -i 0.01 127.0.0.1");
    namespace.run("ping -q -c 5 -i 0.01 ::1");
    let said = watch.stop();
    said.check();
    // Request and reply have the same sender here.
    for (host, bytes) in [("127.0.0.1", 84), ("::1", 104)] {
        let host: std::net::IpAddr = host.parse().expect("an address");
        let records: Vec<_> = said.records.iter().filter(|record| record.ends == [host, host]).collect();
        assert_eq!(records.len(), 1, "one flow: {records:?}");
        assert_eq!(records[0].ways.map(|way| (way.packets, way.bytes)), [(5, 5 * bytes); 2]);
    }
    assert_eq!(said.noted("seen_elsewhere").packets, 20, "each packet leaves and arrives: {:?}", said.lines);
}

#[test]
fn a_user_gets_a_plain_sentence() {
    let Some(_alone) = require_live_beside() else { return };
    let namespace = Namespace::new();
    // Where the program lies may be closed to others; it is open already when the user changes.
    let script = "exec 9<\"$0\"; exec setpriv --reuid=65534 --regid=65534 --clear-groups /proc/self/fd/9 run";
    let mut run = namespace.command("sh");
    let output = run.args(["-c", script]).arg(program::flowtrace()).output().expect("sh runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    assert!(said.contains("root"), "{said}");
    assert!(said.lines().count() <= 2 && said.starts_with("flowtrace: ") && !said.contains("panicked"), "{said}");
}
