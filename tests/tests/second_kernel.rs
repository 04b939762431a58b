//! A second, older kernel: the same program loads, attaches by clsact and counts exactly, and reads each real tunnel.

use flowtrace_tests::count::Count;
use flowtrace_tests::files::say;
use flowtrace_tests::qemu::report::{Report, Watcher};
use flowtrace_tests::qemu::scene::on_cable;
use flowtrace_tests::qemu::{self, bond, scenes};
use flowtrace_tests::record::sent;
use flowtrace_tests::truth::Kind;

/// Scenes that are known to differ, and why.
const DIFFERENT: [(&str, &str); 1] = [(
    "ah, tunnel mode",
    "the kernel hands what it takes out of a tunnel of IPsec to the same interface again, where the packet that was \
     read behind AH is counted a second time",
)];

fn report() -> Option<&'static Report> {
    qemu::report(env!("CARGO_BIN_EXE_second-kernel-guest"))
}

#[test]
fn plain_traffic_is_counted_exactly_by_clsact() {
    let Some(report) = report() else { return };
    assert_eq!(report.failure(scenes::PLAIN), None);
    let (during, after) = report.attached(scenes::PLAIN);
    assert!(during.contains("clsact") && during.contains("bpf"), "attached by clsact: {during}");
    assert!(!after.contains("clsact") && !after.contains("bpf"), "nothing is left behind: {after}");
    let records = report.records(scenes::PLAIN, Watcher::Cable);
    let mut differences = Vec::new();
    for kind in Kind::SENT {
        for sender in [0, 1].iter().flat_map(|&version| [on_cable(version, 1), on_cable(version, 2)]) {
            let truth = report.truth(scenes::PLAIN, &format!("{kind:?}"), sender);
            let recorded = sent(&records, kind, sender);
            assert!(truth.packets > 0, "{sender} sent no {kind:?}");
            if recorded != truth {
                differences.push(format!("{kind:?} from {sender}: {recorded:?}, truth {truth:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}\n{:?}", report.said(scenes::PLAIN, Watcher::Cable));
}

#[test]
fn super_packets_count_as_what_the_qdisc_sent() {
    let Some(report) = report() else { return };
    assert_eq!(report.failure(scenes::OFFLOADS), None);
    let records = report.records(scenes::OFFLOADS, Watcher::Cable);
    for number in [1, 2] {
        let ends = [0, 1].map(|version| on_cable(version, number));
        let counted = records.iter().filter(|record| record.kind != Kind::Other);
        let counted: Count = counted.flat_map(|record| ends.map(|end| record.sent_by(end))).sum();
        let truth = report.truth(scenes::OFFLOADS, "all", ends[0]);
        assert_eq!(counted, truth, "{:?}", report.said(scenes::OFFLOADS, Watcher::Cable));
    }
}

#[test]
fn a_bond_that_fails_over_counts_each_packet_once() {
    let Some(report) = report() else { return };
    assert_eq!(report.failure(bond::NAME), None);
    let records = report.records(bond::NAME, Watcher::Cable);
    let said = report.said(bond::NAME, Watcher::Cable);
    for (kind, version) in [(Kind::Tcp, 0), (Kind::Udp, 0), (Kind::Udp, 1)] {
        for sender in bond::ends(version) {
            let truth = report.truth(bond::NAME, &format!("{kind:?}"), sender);
            assert!(truth.packets > 100, "{sender} sent {truth:?}");
            assert_eq!(sent(&records, kind, sender), truth, "{kind:?} from {sender}: {said:?}");
        }
    }
    for port in bond::PORTS {
        let flows = records.iter().filter(|record| record.ports[1] == u64::from(port) && record.parent.is_none());
        assert_eq!(flows.count(), 1, "one flow of port {port}: {said:?}");
    }
}

#[test]
fn each_real_tunnel_is_read() {
    let Some(report) = report() else { return };
    assert_eq!(report.failure(scenes::TUNNELS), None);
    let mut wrong = Vec::new();
    for scene in scenes::all() {
        if let Some(reason) = report.failure(scene.name) {
            wrong.push(format!("{}: failed in the guest: {reason}", scene.name));
            continue;
        }
        let differences = scene.expect.check(&scene, report);
        match DIFFERENT.iter().find(|(name, _)| *name == scene.name) {
            None => wrong.extend(differences.iter().map(|text| format!("{}: {text}", scene.name))),
            Some(_) if differences.is_empty() => wrong.push(format!("{}: no difference any more", scene.name)),
            Some((name, why)) => say(&format!("{name}: {} differences: {why}", differences.len())),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_ends_of_wireguard_name_each_other() {
    const INDEX: u64 = 1 << 32;
    let Some(report) = report() else { return };
    assert_eq!(report.failure(scenes::TUNNELS), None);
    let records = report.records(scenes::TUNNELS, Watcher::Cable);
    let indices = |way: &str, whose: &str| -> Vec<u64> {
        let key = format!("flow{way}.ipsec.{whose}_index");
        records.iter().filter_map(|record| record.json["attributes"][&key].as_u64()).collect()
    };
    // The sender's index of one end is the receiver's of the other.
    for (way, back) in [("", ".reverse"), (".reverse", "")] {
        let (own, others) = (indices(way, "sender"), indices(back, "receiver"));
        assert!(own.len() == 1 && own == others && own[0] < INDEX, "{own:?}, {others:?}");
    }
}
