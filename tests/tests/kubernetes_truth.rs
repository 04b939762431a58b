//! Who is at an address, and which policies apply, in a cluster whose API traffic was recorded: every case of the truth
//! that lies beside the recording.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::net::IpAddr;
use std::sync::Arc;

use flowtrace_flow::workload::{Entity, Pairs, Via, Workload};
use flowtrace_kubernetes::{
    Cluster, Conversation, Depth, End, KeyPatterns, Kind, Options, Port, Protocol, Time, View, time,
};
use flowtrace_tests::apiserver::folder;
use flowtrace_tests::cluster::Recording;
use flowtrace_tests::files::say;
use serde_json::{Value, json};

fn options() -> Options {
    let all = || KeyPatterns::new(["*"]);
    Options { labels: all(), annotations: all(), has_policies: true, ..Options::default() }
}

fn port(case: &Value) -> Option<Port> {
    let number = u16::try_from(case["port"].as_u64()?).unwrap();
    Some(Port { number, protocol: Protocol::parse(case["protocol"].as_str()?).unwrap() })
}

fn address(text: &Value) -> IpAddr {
    text.as_str().unwrap().parse().unwrap()
}

fn who(view: &View, address: IpAddr, port: Option<Port>, at: Time) -> Option<Workload> {
    view.workload(&End { pod_uid: None, container_id: None, address, port, at })
}

/// Every case, asked at its point of the timeline.
#[test]
fn every_case_of_the_truth() {
    let Some(folder) = folder() else { return };
    let recording = Recording::load(&folder);
    let mut cases: Vec<&Value> = recording.truth["cases"].as_array().unwrap().iter().collect();
    cases.sort_by_key(|case| case["rv"].as_u64());
    let mut cluster = Cluster::new(options());
    recording.begin(&mut cluster);
    assert!(Kind::ALL.into_iter().all(|kind| cluster.view().is_synced(kind)));
    let (view, mut version) = (cluster.view(), 338);
    for case in &cases {
        let next = case["rv"].as_u64().unwrap();
        recording.replay(&mut cluster, version, next);
        version = next;
        let at = recording.time(version);
        if case["id"].as_str().unwrap().starts_with('c') { end(&view, case, at) } else { policies(&view, case, at) }
    }
    assert!(cases.len() >= 115, "{} cases", cases.len());
    say(&format!("{} cases of the truth", cases.len()));
}

/// One address, and who has it.
fn end(view: &View, case: &Value, at: Time) {
    let (id, expected) = (&case["id"], &case["expect"]);
    let found = who(view, address(&case["ip"]), port(case), at);
    let matched = expected["match"].as_str().unwrap();
    if matched == "none" {
        assert_eq!(found, None, "{id}");
        return;
    }
    let found = found.unwrap_or_else(|| panic!("{id}: nobody"));
    match matched {
        "pod" => pod(&found, case),
        "node" => {
            assert_eq!(found.pod, None, "{id}");
            assert_eq!(named(found.node.as_ref()), expected["node"], "{id}");
            if expected.get("service").is_some() {
                service(&found, case);
            }
        }
        "service" | "service_endpoint" => {
            assert_eq!((&found.pod, &found.node), (&None, &None), "{id}");
            service(&found, case);
        }
        other => panic!("{id}: {other}"),
    }
}

fn service(found: &Workload, case: &Value) {
    let (id, expected) = (&case["id"], &case["expect"]);
    assert_eq!(in_namespace(found.service.as_ref()), expected["service"], "{id}");
    assert_eq!(json!(found.service_port.as_deref()), expected.get("service_port").cloned().unwrap_or_default(), "{id}");
    if let Some(annotations) = expected.get("annotations") {
        assert_eq!(pairs(&found.service.as_ref().unwrap().annotations), *annotations, "{id}");
    }
    let via = match expected.get("via").and_then(Value::as_str) {
        Some("clusterIP") => Some(Via::ClusterIp),
        Some("externalIP") => Some(Via::ExternalIp),
        Some("loadBalancer") => Some(Via::LoadBalancer),
        Some("nodePort") => Some(Via::NodePort),
        Some(other) => panic!("{id}: {other}"),
        None => (expected["match"] == "service_endpoint").then_some(Via::Endpoint),
    };
    assert_eq!(found.via, via, "{id}");
}

fn pod(found: &Workload, case: &Value) {
    let (id, expected) = (&case["id"], &case["expect"]);
    let entity = found.pod.as_ref().unwrap_or_else(|| panic!("{id}: no pod but {found:?}"));
    assert_eq!(in_namespace(Some(entity)), expected["pod"], "{id}");
    assert_eq!(json!(found.namespace.as_ref().unwrap().name.as_ref()), expected["pod"]["namespace"], "{id}");
    assert_eq!(named(found.node.as_ref()), expected["node"], "{id}");
    assert_eq!(pairs(&entity.labels), expected["labels"], "{id}");
    assert_eq!(pairs(&entity.annotations), expected["annotations"], "{id}");
    let owners = found.owners.iter().map(|owner| {
        let mut named = named(Some(&owner.entity));
        named["kind"] = json!(owner.kind_name.as_ref());
        named["api_version"] = json!(owner.api_version.as_ref());
        named
    });
    assert_eq!(json!(owners.collect::<Vec<_>>()), expected["owners"], "{id}");
    for kind in [Kind::ReplicaSet, Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::Job, Kind::CronJob] {
        let owners = expected["owners"].as_array().unwrap();
        let owner = owners.iter().find(|owner| owner["kind"] == kind.name());
        assert_eq!(
            found.owner(kind.as_owner().unwrap()).map(|owner| json!(owner.name.as_ref())),
            owner.map(|owner| owner["name"].clone())
        );
    }
    if let Some(container) = expected.get("container_for_port") {
        assert_eq!(json!(found.container.as_ref().map(|found| found.name.as_ref())), *container, "{id}");
        let of_name = |known: &&Value| known["name"] == *container;
        let image = expected["containers"].as_array().unwrap().iter().find(of_name).map(|known| known["image"].clone());
        assert_eq!(found.container.as_ref().map(|found| json!(found.image.as_ref())), image, "{id}");
    }
    // The only service that leads to the port; of several, none.
    let services = expected.get("services_for_port").and_then(Value::as_array);
    let only = services.filter(|services| services.len() == 1).map(|services| services[0].clone());
    assert_eq!(found.service.as_ref().map(|service| json!(service.name.as_ref())), only, "{id}");
}

fn named(entity: Option<&Arc<Entity>>) -> Value {
    let Some(entity) = entity else { return Value::Null };
    json!({ "name": entity.name.as_ref(), "uid": entity.uid.as_deref() })
}

fn in_namespace(entity: Option<&Arc<Entity>>) -> Value {
    let Some(entity) = entity else { return Value::Null };
    json!({ "namespace": entity.namespace.as_deref(), "name": entity.name.as_ref(), "uid": entity.uid.as_deref() })
}

fn pairs(pairs: &Pairs) -> Value {
    pairs.iter().map(|(key, value)| (key.to_string(), json!(value.as_ref()))).collect::<serde_json::Map<_, _>>().into()
}

/// A flow, and the policies that it meets.
fn policies(view: &View, case: &Value, at: Time) {
    let (source, destination) = (address(&case["source_ip"]), address(&case["ip"]));
    let port = port(case);
    let workloads = (who(view, source, None, at), who(view, destination, port, at));
    let flow =
        Conversation { source: (source, workloads.0.as_ref()), destination: (destination, workloads.1.as_ref()), port };
    for (depth, name) in
        [(Depth::Selecting, "selecting"), (Depth::Port, "with_rule_for_port"), (Depth::Allowing, "allowing")]
    {
        let found = view.policies(&flow, depth);
        for (way, found) in [("ingress", found.ingress), ("egress", found.egress)] {
            let expected = case["expect"][way].get(name).cloned().unwrap_or_default();
            let found = found.map(|names| names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
            assert_eq!(json!(found), expected, "{}: {way}, {name}", case["id"]);
        }
    }
}

/// Every address asked for after the end, for the time of its case: who had it then is known as long as is configured,
/// though the pods are gone, and nothing is known of it after that.
#[test]
fn late_records_get_the_pod_of_their_time() {
    let Some(folder) = folder() else { return };
    let recording = Recording::load(&folder);
    let mut cluster = Cluster::new(Options { retention: 3_600 * time::SECOND, ..options() });
    recording.begin(&mut cluster);
    recording.replay(&mut cluster, 338, 1_306);
    let end = recording.time(1_306);
    cluster.expire(end + 3_000 * time::SECOND);
    let cases = recording.truth["cases"].as_array().unwrap();
    let is_pod = |case: &&Value| matches!(case["expect"]["match"].as_str(), Some("pod" | "none"));
    let mut asked = 0;
    for case in cases.iter().filter(is_pod) {
        let at = recording.time(case["rv"].as_u64().unwrap());
        let found = who(&cluster.view(), address(&case["ip"]), port(case), at);
        let pod = found.and_then(|found| found.pod);
        let expected = &case["expect"]["pod"];
        // A pod's begin is known to the second, and an address that nobody has is the next one's from its begin on; while
        // the former one lives, nobody's. Before the word of it either pod may have had it.
        let also = match case["id"].as_str() {
            Some("c53" | "c54") => Some("reuse-new"),
            Some("c58") => Some("grace-old"),
            _ => None,
        };
        if also.is_some() && pod.as_ref().is_none_or(|pod| Some(&*pod.name) == also) {
            continue;
        }
        assert_eq!(in_namespace(pod.as_ref()), *expected, "{}", case["id"]);
        asked += 1;
    }
    assert!(asked > 40, "{asked}");
    cluster.expire(end + 4_000 * time::SECOND);
    let gone = who(&cluster.view(), "10.244.1.12".parse().unwrap(), None, recording.time(700));
    assert_eq!(gone, None);
}

/// All pods by the uids that the names of control groups have, host-network pods too; static ones by their own.
#[test]
fn processes_name_their_pods() {
    let Some(folder) = folder() else { return };
    let recording = Recording::load(&folder);
    let mut cluster = Cluster::new(options());
    recording.begin(&mut cluster);
    recording.replay(&mut cluster, 338, 700);
    let pods = flowtrace_tests::cluster::list(&folder, Kind::Pod, "list.json");
    assert!(pods.len() >= 15);
    let node: IpAddr = "10.95.0.1".parse().unwrap();
    let at = recording.time(700);
    for pod in &pods {
        let metadata = pod.metadata();
        let mirrored = metadata.annotations.get("kubernetes.io/config.mirror");
        for uid in [&metadata.uid].into_iter().chain(mirrored) {
            let end = End { pod_uid: Some(uid), container_id: None, address: node, port: None, at };
            let found = cluster.view().workload(&end).unwrap().pod.unwrap();
            assert_eq!((&*found.name, found.uid.as_deref()), (&*metadata.name, Some(&*metadata.uid)));
        }
    }
    assert!(pods.iter().any(|pod| pod.metadata().annotations.contains_key("kubernetes.io/config.mirror")));
}

/// What is known after the watches is what is known after lists of the end.
#[test]
fn watched_is_listed() {
    let Some(folder) = folder() else { return };
    let recording = Recording::load(&folder);
    let mut watched = Cluster::new(options());
    recording.begin(&mut watched);
    recording.replay(&mut watched, 338, 1_306);
    let mut listed = Cluster::new(options());
    let end = recording.time(1_306);
    for kind in Kind::ALL {
        listed.replace(kind, &flowtrace_tests::cluster::list(&folder, kind, "end.list.json"), end);
    }
    let (watched, listed) = (watched.view(), listed.view());
    for case in recording.truth["cases"].as_array().unwrap() {
        for key in ["ip", "source_ip"] {
            let Some(text) = case.get(key) else { continue };
            let (of_watch, of_list) =
                (who(&watched, address(text), port(case), end), who(&listed, address(text), port(case), end));
            assert_eq!(of_watch, of_list, "{text}");
        }
    }
}
