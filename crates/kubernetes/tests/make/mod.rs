//! Objects made by hand.

#![allow(dead_code, reason = "each test uses some of it")]

use flowtrace_flow::workload::Workload;
use flowtrace_kubernetes::{Cluster, End, Kind, Object, Port, Protocol, Time, time::SECOND};
use serde_json::{Value, json};

/// An object of a kind from the API's form.
pub fn object(kind: Kind, value: &Value) -> Object {
    Object::parse(kind, &value.to_string()).expect("an object of its kind")
}

/// A pod with addresses, which its kubelet took on some seconds after the epoch.
pub fn pod(name: &str, uid: &str, phase: &str, addresses: &[&str], started: u64) -> Value {
    let addresses: Vec<_> = addresses.iter().map(|address| json!({ "ip": address })).collect();
    let started = format!("1970-01-01T00:{:02}:{:02}Z", started / 60, started % 60);
    json!({
        "metadata": { "name": name, "namespace": "prod", "uid": uid, "labels": { "app": name },
            "creationTimestamp": &started },
        "spec": {
            "nodeName": "node-a",
            "containers": [{ "name": "main", "image": "img:1", "ports": [{ "name": "http", "containerPort": 80 }] }],
        },
        "status": { "phase": phase, "podIPs": addresses, "startTime": started },
    })
}

/// Who has an address, by the view of a cluster.
pub fn who(cluster: &Cluster, address: &str, port: u16, at: Time) -> Option<Workload> {
    let port = Some(Port { number: port, protocol: Protocol::Tcp });
    let end =
        End { pod_uid: None, container_id: None, address: address.parse().expect("an address"), port, at: at * SECOND };
    cluster.view().workload(&end)
}

/// The name of the pod that has an address.
pub fn pod_at(cluster: &Cluster, address: &str, at: Time) -> Option<String> {
    who(cluster, address, 80, at)?.pod.map(|pod| pod.name.to_string())
}
