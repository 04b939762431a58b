//! A second, older kernel: the same program loads, attaches by clsact and counts exactly, and reads each real tunnel.

use flowtrace_tests::count::Count;
use flowtrace_tests::qemu::report::{Report, Watcher};
use flowtrace_tests::qemu::scene::on_cable;
use flowtrace_tests::qemu::{self, scenes};
use flowtrace_tests::record::sent;
use flowtrace_tests::truth::Kind;

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
#[ignore = "waits for the dissector of tunnels"]
fn each_real_tunnel_is_read() {
    let Some(report) = report() else { return };
    assert_eq!(report.failure(scenes::TUNNELS), None);
    let mut wrong = Vec::new();
    for scene in scenes::all() {
        if let Some(reason) = report.failure(scene.name) {
            wrong.push(format!("{}: failed in the guest: {reason}", scene.name));
            continue;
        }
        wrong.extend(scene.expect.check(&scene, report).iter().map(|text| format!("{}: {text}", scene.name)));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
