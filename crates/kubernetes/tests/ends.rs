//! Who is at an end, by objects made by hand.

mod make;

use flowtrace_flow::workload::{OwnerKind, Via, Workload};
use flowtrace_kubernetes::{Cluster, End, KeyPatterns, Kind, Options, Scope, time::SECOND};
use make::{object, pod, pod_at, who};
use serde_json::{Value, json};

const A: &str = "10.0.0.1";

fn step(cluster: &mut Cluster, value: &Value, at: u64) {
    cluster.apply(Kind::Pod, &object(Kind::Pod, value), at * SECOND);
}

fn gone(cluster: &mut Cluster, value: &Value, at: u64) {
    cluster.delete(Kind::Pod, object(Kind::Pod, value).metadata(), at * SECOND);
}

fn name(found: Option<Workload>) -> Option<String> {
    Some(found?.service?.name.to_string())
}

#[test]
fn a_finished_pod_owns_nothing_and_a_late_record_knows_it() {
    for phase in ["Succeeded", "Failed"] {
        let mut cluster = Cluster::new(Options::default());
        step(&mut cluster, &pod("old", "1", "Running", &[A, "fd00::1"], 10), 12);
        assert_eq!(pod_at(&cluster, A, 11).as_deref(), Some("old"), "from its begin on, not from the word of it");
        assert_eq!(pod_at(&cluster, A, 9), None);
        step(&mut cluster, &pod("old", "1", phase, &[A, "fd00::1"], 10), 20);
        assert_eq!((pod_at(&cluster, A, 20), pod_at(&cluster, "fd00::1", 25)), (None, None));
        assert_eq!(pod_at(&cluster, "::ffff:10.0.0.1", 19).as_deref(), Some("old"));
        step(&mut cluster, &pod("new", "2", "Running", &[A], 30), 31);
        gone(&mut cluster, &pod("old", "1", phase, &[A], 10), 40);
        assert_eq!(pod_at(&cluster, A, 41).as_deref(), Some("new"), "what goes takes nothing of the other");
        assert_eq!(pod_at(&cluster, A, 15).as_deref(), Some("old"), "a late record");
        cluster.expire(319 * SECOND);
        assert_eq!(pod_at(&cluster, A, 15).as_deref(), Some("old"));
        cluster.expire(400 * SECOND);
        assert_eq!((pod_at(&cluster, A, 15), cluster.view().pods()), (None, 1));
        assert_eq!(pod_at(&cluster, A, 400).as_deref(), Some("new"));
    }
}

#[test]
fn of_two_live_pods_the_newer_has_the_address_or_nobody() {
    let mut leaving = pod("old", "1", "Running", &[A], 10);
    leaving["metadata"]["deletionTimestamp"] = json!("1970-01-01T00:00:20Z");
    // What comes first does not matter.
    for order in [[0, 1], [1, 0]] {
        let mut cluster = Cluster::new(Options::default());
        let pods = [leaving.clone(), pod("new", "2", "Running", &[A], 25)];
        for number in order {
            step(&mut cluster, &pods[number], 30);
        }
        assert_eq!(pod_at(&cluster, A, 31).as_deref(), Some("new"));
        gone(&mut cluster, &pods[1], 40);
        assert_eq!(pod_at(&cluster, A, 41).as_deref(), Some("old"), "the other still lives");
        step(&mut cluster, &pod("twin", "3", "Running", &[A], 50), 50);
        step(&mut cluster, &pod("other", "4", "Running", &[A], 50), 51);
        assert_eq!(pod_at(&cluster, A, 52), None, "either of two");
        gone(&mut cluster, &pod("twin", "3", "Running", &[A], 50), 60);
        assert_eq!(pod_at(&cluster, A, 61).as_deref(), Some("other"));
    }
}

#[test]
fn while_an_address_changes_hands_it_is_nobodys() {
    let mut cluster = Cluster::new(Options::default());
    step(&mut cluster, &pod("old", "1", "Running", &[A], 10), 11);
    step(&mut cluster, &pod("new", "2", "Running", &[A], 25), 30);
    let had = [24, 25, 29, 30].map(|at| pod_at(&cluster, A, at));
    assert_eq!(had.each_ref().map(Option::as_deref), [Some("old"), None, None, Some("new")]);
}

#[test]
fn hands_are_counted() {
    let mut cluster = Cluster::new(Options::default());
    for number in 0..50_u64 {
        let uid = number.to_string();
        step(&mut cluster, &pod(&uid, &uid, "Running", &[A], number), number);
        gone(&mut cluster, &pod(&uid, &uid, "Running", &[A], number), number + 1);
    }
    assert_eq!((pod_at(&cluster, A, 0), pod_at(&cluster, A, 49).as_deref()), (None, Some("49")));
    cluster.expire(1_000 * SECOND);
    assert_eq!(cluster.view().pods(), 0);
}

#[test]
fn pods_on_the_hosts_network_are_known_by_process_alone() {
    let mut cluster = Cluster::new(Options::default());
    let mut host = pod("agent", "1", "Running", &["10.9.0.1"], 10);
    host["spec"]["hostNetwork"] = json!(true);
    host["status"]["containerStatuses"] = json!([{ "name": "main", "containerID": "containerd://abc" }]);
    step(&mut cluster, &host, 11);
    assert_eq!(pod_at(&cluster, "10.9.0.1", 12), None);
    for (container, expected) in [("abc", Some("main")), ("def", None)] {
        let address = "10.9.0.1".parse().unwrap();
        let end = End { pod_uid: Some("1"), container_id: Some(container), address, port: None, at: 12 * SECOND };
        let found = cluster.view().workload(&end).unwrap();
        assert_eq!((&*found.pod.unwrap().name, found.container.as_deref().map(|one| &*one.name)), ("agent", expected));
    }
}

fn service(name: &str, uid: &str, spec: Value) -> Value {
    json!({ "metadata": { "name": name, "namespace": "prod", "uid": uid }, "spec": spec })
}

fn apply(cluster: &mut Cluster, kind: Kind, value: &Value) {
    cluster.apply(kind, &object(kind, value), SECOND);
}

#[test]
fn services_share_external_addresses_by_port_and_nodes_keep_the_rest() {
    let mut cluster = Cluster::new(Options::default());
    let external = |port: u16| json!({ "externalIPs": ["10.9.0.1"], "ports": [{ "name": "p", "port": port }] });
    apply(&mut cluster, Kind::Service, &service("web", "1", external(80)));
    apply(&mut cluster, Kind::Service, &service("mail", "2", external(25)));
    let ask = |cluster: &Cluster, port| name(who(cluster, "10.9.0.1", port, 2));
    assert_eq!(
        (ask(&cluster, 80).as_deref(), ask(&cluster, 25).as_deref(), ask(&cluster, 22)),
        (Some("web"), Some("mail"), None)
    );
    let node = json!({ "metadata": { "name": "node-a", "uid": "9" },
        "status": { "addresses": [{ "type": "InternalIP", "address": "10.9.0.1" }, { "type": "Hostname", "address": "x" }] } });
    apply(&mut cluster, Kind::Node, &node);
    assert_eq!(ask(&cluster, 80).as_deref(), Some("web"));
    let other = who(&cluster, "10.9.0.1", 22, 2).unwrap();
    assert_eq!((&*other.node.unwrap().name, other.service), ("node-a", None), "the node's own port");
    let node_port = json!({ "ipFamilies": ["IPv4"], "ports": [{ "name": "p", "port": 1, "nodePort": 30_001 }] });
    apply(&mut cluster, Kind::Service, &service("open", "3", node_port));
    let open = who(&cluster, "10.9.0.1", 30_001, 2).unwrap();
    assert_eq!((open.via, open.node.is_some(), name(Some(open)).as_deref()), (Some(Via::NodePort), true, Some("open")));
    apply(&mut cluster, Kind::Service, &service("open", "3", json!({ "ports": [] })));
    assert_eq!(ask(&cluster, 30_001), None);
}

fn slice(uid: &str, service: &str, endpoints: Value) -> Value {
    json!({
        "metadata": { "name": uid, "namespace": "prod", "uid": uid, "labels": { "kubernetes.io/service-name": service } },
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{ "name": "http", "protocol": "TCP", "port": 80 }],
    })
}

#[test]
fn several_services_at_one_port_are_none() {
    let mut cluster = Cluster::new(Options::default());
    let behind = json!([{ "addresses": [A], "targetRef": { "kind": "Pod", "name": "web", "uid": "1" } }]);
    // The slices come before the pod and the services.
    apply(&mut cluster, Kind::EndpointSlice, &slice("s1", "web", behind.clone()));
    step(&mut cluster, &pod("web", "1", "Running", &[A], 0), 1);
    assert_eq!(name(who(&cluster, A, 80, 2)).as_deref(), Some("web"));
    assert_eq!(name(who(&cluster, A, 81, 2)), None, "the service does not lead to that port");
    apply(&mut cluster, Kind::EndpointSlice, &slice("s2", "web", behind.clone()));
    assert_eq!(name(who(&cluster, A, 80, 2)).as_deref(), Some("web"), "two slices of one service");
    apply(&mut cluster, Kind::EndpointSlice, &slice("s3", "other", behind));
    assert_eq!(name(who(&cluster, A, 80, 2)), None);
    apply(&mut cluster, Kind::EndpointSlice, &slice("s3", "other", json!(null)));
    assert_eq!(name(who(&cluster, A, 80, 2)).as_deref(), Some("web"));
}

#[test]
fn of_one_node_the_pods_of_others_are_what_slices_say() {
    let target = json!({ "kind": "Pod", "namespace": "prod", "name": "far", "uid": "7" });
    let behind = json!([{ "addresses": [A], "targetRef": target, "nodeName": "node-b" }]);
    for (scope, expected) in [(Scope::Node, Some("far")), (Scope::Cluster, None)] {
        let mut cluster = Cluster::new(Options { scope, ..Options::default() });
        apply(&mut cluster, Kind::EndpointSlice, &slice("s1", "web", behind.clone()));
        assert_eq!(pod_at(&cluster, A, 2).as_deref(), expected);
        if let Some(found) = who(&cluster, A, 80, 2) {
            assert_eq!(
                (&*found.node.as_ref().unwrap().name, name(Some(found.clone())).as_deref()),
                ("node-b", Some("web"))
            );
        }
        // Another slice says that another pod is there: nobody knows.
        let other = json!([{ "addresses": [A], "targetRef": { "kind": "Pod", "name": "x", "uid": "8" } }]);
        apply(&mut cluster, Kind::EndpointSlice, &slice("s2", "web", other));
        assert_eq!(pod_at(&cluster, A, 2), None);
        apply(&mut cluster, Kind::EndpointSlice, &slice("s2", "web", json!([])));
        assert_eq!(pod_at(&cluster, A, 2).as_deref(), expected);
        // A pod of this node that has finished: slices are behind.
        step(&mut cluster, &pod("far", "7", "Succeeded", &[A], 0), 1);
        assert_eq!(pod_at(&cluster, A, 2), None);
    }
}

#[test]
fn owners_come_in_any_order_and_rings_end() {
    let mut cluster = Cluster::new(Options { annotations: KeyPatterns::new(["team"]), ..Options::default() });
    let owned = |kind: &str, name: &str, uid: &str, owner: &str| {
        let owner = json!([{ "apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": owner, "controller": true }]);
        json!({ "metadata": { "name": name, "namespace": "prod", "uid": uid, "ownerReferences": owner,
            "annotations": { "team": "blue", "other": "x" } } })
    };
    let mut owner = owned("ReplicaSet", "web", "1", "rs");
    owner["spec"] = json!({ "containers": [] });
    owner["status"] = pod("web", "1", "Running", &[A], 0)["status"].clone();
    step(&mut cluster, &owner, 1);
    let owners = |cluster: &Cluster| -> Vec<String> {
        who(cluster, A, 80, 2).unwrap().owners.iter().map(|owner| owner.entity.name.to_string()).collect()
    };
    assert_eq!(owners(&cluster), ["rs"], "what owns it has not come");
    apply(&mut cluster, Kind::ReplicaSet, &owned("Deployment", "rs", "rs", "deploy"));
    assert_eq!(owners(&cluster), ["rs", "deploy"]);
    let found = who(&cluster, A, 80, 2).unwrap();
    assert_eq!(found.owner(OwnerKind::ReplicaSet).unwrap().annotations.len(), 1);
    apply(&mut cluster, Kind::Deployment, &owned("ReplicaSet", "deploy", "deploy", "rs"));
    assert_eq!(owners(&cluster).len(), flowtrace_kubernetes::DEEPEST_OWNER);
}

#[test]
fn a_cluster_has_the_uid_of_its_system() {
    let mut cluster = Cluster::new(Options { cluster_name: Some("blue".into()), ..Options::default() });
    step(&mut cluster, &pod("web", "1", "Running", &[A], 0), 1);
    apply(&mut cluster, Kind::Namespace, &json!({ "metadata": { "name": "kube-system", "uid": "u" } }));
    let found = who(&cluster, A, 80, 2).unwrap().cluster.unwrap();
    assert_eq!((found.name.as_deref(), found.uid.as_deref()), (Some("blue"), Some("u")));
    assert_eq!(who(&cluster, "192.0.2.1", 80, 2), None);
}

#[test]
fn agents_are_ready_pods_of_daemon_sets() {
    let ready =
        |status: &str| json!([{ "type": "Initialized", "status": "True" }, { "type": "Ready", "status": status }]);
    let agent = |owner: &str, status: &str| {
        let mut agent = pod("flowtrace-x", "1", "Running", &[A], 10);
        agent["metadata"]["annotations"] = json!({ "flowtrace.io/configuration": "0123" });
        agent["metadata"]["ownerReferences"] =
            json!([{ "apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": "o", "controller": true }]);
        agent["status"]["conditions"] = ready(status);
        agent
    };
    let mut cluster = Cluster::new(Options::default());
    let has = |cluster: &Cluster, node: &str, hash: &str| cluster.view().has_agent(node, hash);
    step(&mut cluster, &agent("DaemonSet", "False"), 11);
    assert!(!has(&cluster, "node-a", "0123"), "it is not ready");
    step(&mut cluster, &agent("DaemonSet", "True"), 12);
    assert!(has(&cluster, "node-a", "0123"));
    assert!(!has(&cluster, "node-b", "0123") && !has(&cluster, "node-a", "4567"));
    step(&mut cluster, &agent("ReplicaSet", "True"), 13);
    assert!(!has(&cluster, "node-a", "0123"), "anybody may have the annotation");
    step(&mut cluster, &agent("DaemonSet", "True"), 14);
    gone(&mut cluster, &agent("DaemonSet", "True"), 15);
    assert!(!has(&cluster, "node-a", "0123"), "it is gone");
}
