//! However the objects came and went: what is known then is what is known where those that are left come alone.

mod make;

use std::collections::BTreeMap;

use flowtrace_flow::workload::Workload;
use flowtrace_kubernetes::{Cluster, Kind, Object, Options, Scope, time::SECOND};
use make::{object, pod, who};
use proptest::prelude::*;
use serde_json::{Value, json};

/// An object comes or goes.
#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    uid: String,
    /// Absent: it goes.
    value: Option<Value>,
}

fn pods() -> impl Strategy<Value = Step> {
    let phase = prop::sample::select(vec!["Pending", "Running", "Running", "Succeeded"]);
    let addresses = prop::sample::subsequence(vec!["10.0.0.1", "10.0.0.2", "fd00::1"], 0..=2);
    // Each began at a time of its own, which stays: kubelets do not change it.
    (0..6_u64, phase, addresses, any::<bool>(), any::<bool>()).prop_map(|(number, phase, addresses, leaves, host)| {
        let mut value = pod(&format!("pod-{number}"), &format!("p{number}"), phase, &addresses, number / 2);
        if leaves {
            value["metadata"]["deletionTimestamp"] = json!("1970-01-01T00:10:00Z");
        }
        value["spec"]["hostNetwork"] = json!(host && number == 5);
        let owner =
            json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "r0", "controller": true });
        value["metadata"]["ownerReferences"] = json!([owner]);
        Step { kind: Kind::Pod, uid: format!("p{number}"), value: Some(value) }
    })
}

fn services() -> impl Strategy<Value = Step> {
    let addresses = prop::sample::subsequence(vec!["10.1.0.1", "10.1.0.2", "10.9.0.1"], 0..=2);
    (0..3_u32, addresses, prop::sample::select(vec![0, 30_001])).prop_map(|(number, addresses, node_port)| {
        let value = json!({ "metadata": { "name": format!("s{number}"), "namespace": "prod", "uid": format!("s{number}") },
            "spec": { "externalIPs": addresses, "ipFamilies": ["IPv4"],
                "ports": [{ "name": "p", "port": 80 + number % 2, "nodePort": node_port }] } });
        Step { kind: Kind::Service, uid: format!("s{number}"), value: Some(value) }
    })
}

fn slices() -> impl Strategy<Value = Step> {
    let pods = prop::sample::subsequence((0..6_u32).collect::<Vec<_>>(), 0..=3);
    (0..4_u32, 0..3_u32, 80..82_u32, pods, any::<bool>()).prop_map(|(number, service, port, pods, by_hand)| {
        let endpoints: Vec<_> = pods.iter().map(|pod| {
            let target = json!({ "kind": "Pod", "namespace": "prod", "name": format!("pod-{pod}"), "uid": format!("p{pod}") });
            json!({ "addresses": [format!("10.0.0.{}", pod + 1)], "targetRef": if by_hand { Value::Null } else { target } })
        }).collect();
        let value = json!({ "metadata": { "name": "e", "namespace": "prod", "uid": format!("e{number}"),
            "labels": { "kubernetes.io/service-name": format!("s{service}") } }, "addressType": "IPv4",
            "endpoints": endpoints, "ports": [{ "name": "http", "port": port }] });
        Step { kind: Kind::EndpointSlice, uid: format!("e{number}"), value: Some(value) }
    })
}

fn others() -> impl Strategy<Value = Step> {
    let addresses = prop::sample::subsequence(vec!["10.9.0.1", "10.9.0.2"], 0..=2);
    (0..2_u32, addresses, any::<bool>()).prop_map(|(number, addresses, is_node)| {
        let (kind, uid) = if is_node { (Kind::Node, format!("n{number}")) } else { (Kind::Namespace, "ns".into()) };
        let addresses: Vec<_> =
            addresses.iter().map(|address| json!({ "type": "InternalIP", "address": address })).collect();
        let name = if is_node { format!("node-{}", ["a", "b"][number as usize]) } else { "prod".into() };
        let value = json!({ "metadata": { "name": name, "uid": uid }, "status": { "addresses": addresses } });
        Step { kind, uid, value: Some(value) }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (prop_oneof![4 => pods(), 1 => services(), 2 => slices(), 1 => others()], prop::bool::weighted(0.25));
    let step = step.prop_map(|(step, goes)| Step { value: step.value.filter(|_| !goes), ..step });
    prop::collection::vec(step, 1..60)
}

/// All that can be asked for now.
fn answers(cluster: &Cluster, at: u64) -> Vec<Option<Workload>> {
    let addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "10.1.0.1", "10.1.0.2", "10.9.0.1", "10.9.0.2"];
    let ends = addresses.iter().flat_map(|address| [80, 81, 30_001].map(|port| (address, port)));
    ends.map(|(address, port)| who(cluster, address, port, at)).collect()
}

fn check(steps: &[Step], scope: Scope) -> Result<(), TestCaseError> {
    let options = || Options { scope, ..Options::default() };
    let mut changed = Cluster::new(options());
    let mut left: BTreeMap<(Kind, &str), Object> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        let at = (100 + number as u64) * SECOND;
        let key = (step.kind, step.uid.as_str());
        if let Some(value) = &step.value {
            let object = object(step.kind, value);
            changed.apply(step.kind, &object, at);
            left.insert(key, object);
        } else if let Some(object) = left.remove(&key) {
            changed.delete(step.kind, object.metadata(), at);
        }
    }
    let mut rebuilt = Cluster::new(options());
    let end = 100 + steps.len() as u64;
    for kind in Kind::ALL.into_iter().rev() {
        let objects = left.iter().filter(|((of, _), _)| *of == kind).map(|(_, object)| object);
        rebuilt.replace(kind, objects.clone(), end * SECOND);
        // The list of what is there changes nothing.
        changed.replace(kind, objects, end * SECOND);
    }
    // Pods that are gone are forgotten.
    changed.expire((end + 400) * SECOND);
    prop_assert_eq!(answers(&changed, end + 400), answers(&rebuilt, end + 400));
    for kind in Kind::ALL {
        changed.replace(kind, [], (end + 400) * SECOND);
    }
    changed.expire((end + 800) * SECOND);
    prop_assert!(answers(&changed, end + 800).iter().all(Option::is_none));
    prop_assert_eq!(changed.view().pods(), 0);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn incremental_is_rebuilt(steps in steps()) {
        check(&steps, Scope::Cluster)?;
        check(&steps, Scope::Node)?;
    }

    /// Whatever a server sends, reading it does not panic.
    #[test]
    fn any_text_is_read_or_refused(kind in prop::sample::select(Kind::ALL.to_vec()), text in ".*") {
        let _ = Object::parse(kind, &text);
    }
}
