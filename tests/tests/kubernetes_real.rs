//! Lists and watches at a real API server, where there is one.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flowtrace_flow::workload::Workload;
use flowtrace_kubernetes::watch::{Access, Settings, Text, Watch};
use flowtrace_kubernetes::{Cluster, End, Kind, Options, Port, Protocol, View};
use flowtrace_tests::apiserver::RealServer;
use flowtrace_tests::objects::{node, pod, service};
use serde_json::json;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const PODS: &str = "/api/v1/namespaces/prod/pods";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn who(view: &View, text: &str) -> Option<Workload> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let port = Some(Port { number: 80, protocol: Protocol::Tcp });
    view.workload(&End { pod_uid: None, container_id: None, address: address(text), port, at: now })
}

/// Waits until the pod at an address is this one, or nobody.
fn wait_for(view: &View, text: &str, expected: Option<&str>) {
    let end = Instant::now() + PATIENCE;
    let found = || who(view, text).and_then(|found| Some(found.pod?.name.to_string()));
    while found().as_deref() != expected {
        assert!(Instant::now() < end, "{text} is {:?}, not {expected:?}", found());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_real_server_tells_who_has_an_address() {
    let Some(server) = RealServer::start() else { return };
    let name = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    server.ask("POST", "/api/v1/namespaces", Some(&name("prod")));
    server.make("/api/v1/nodes", &node("node-a", &[address("10.1.0.1")]));
    server.make("/api/v1/namespaces/prod/services", &service(["prod", "shop"], "10.96.0.7", 80));
    server.make(PODS, &pod(["prod", "listed"], "node-a", &[address("10.0.0.1"), address("fd00::1")]));

    let access = Access {
        skip_verify: true,
        token: Some(Text::Given(server.token().into())),
        ..Access::of(server.url()).unwrap()
    };
    let cluster = Cluster::new(Options { has_policies: true, ..Options::default() });
    let view = cluster.view();
    // A page is one object: lists go on.
    let settings = Settings { page: 1, ..Settings::default() };
    let watch = Watch::start(access, settings, Box::new(cluster)).unwrap();
    assert!(watch.progress().wait_settled(PATIENCE), "{:?}", watch.progress().troubles());
    assert!(Kind::ALL.into_iter().all(|kind| view.is_synced(kind)), "{:?}", watch.progress().troubles());
    for text in ["10.0.0.1", "fd00::1"] {
        wait_for(&view, text, Some("listed"));
    }
    assert_eq!(&*who(&view, "10.96.0.7").unwrap().service.unwrap().name, "shop");
    assert_eq!(&*who(&view, "10.1.0.1").unwrap().node.unwrap().name, "node-a");

    server.make(PODS, &pod(["prod", "watched"], "node-a", &[address("10.0.0.2")]));
    wait_for(&view, "10.0.0.2", Some("watched"));
    let finished = json!({ "status": { "phase": "Succeeded" } });
    server.ask("PATCH", &format!("{PODS}/watched/status"), Some(&finished));
    wait_for(&view, "10.0.0.2", None);
    server.ask("DELETE", &format!("{PODS}/listed?gracePeriodSeconds=0"), None);
    wait_for(&view, "10.0.0.1", None);
}
