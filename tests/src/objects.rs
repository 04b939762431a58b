//! Objects of Kubernetes, made by hand, for [`Recording::made`](crate::apiserver::Recording::made).

use std::net::IpAddr;

use serde_json::{Value, json};

/// A node with addresses.
pub fn node(name: &str, addresses: &[IpAddr]) -> Value {
    let addresses: Vec<_> = addresses.iter().map(|ip| json!({ "type": "InternalIP", "address": ip })).collect();
    json!({ "kind": "Node", "metadata": { "name": name }, "status": { "addresses": addresses } })
}

/// A pod that runs on a node, with addresses of its own, or on its node's network if it has none.
pub fn pod([namespace, name]: [&str; 2], node: &str, addresses: &[IpAddr]) -> Value {
    let ips: Vec<_> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
    json!({
        "kind": "Pod",
        "metadata": { "namespace": namespace, "name": name, "labels": { "app": name } },
        "spec": {
            "nodeName": node,
            "hostNetwork": addresses.is_empty(),
            "containers": [{ "name": "main", "image": "example.org/main:1" }],
        },
        "status": { "phase": "Running", "podIPs": ips, "startTime": "2020-01-01T00:00:01Z" },
    })
}

/// A service by its address and port.
pub fn service([namespace, name]: [&str; 2], address: &str, port: u16) -> Value {
    json!({
        "kind": "Service",
        "metadata": { "namespace": namespace, "name": name },
        "spec": { "clusterIP": address, "clusterIPs": [address], "ports": [{ "port": port, "protocol": "TCP" }] },
    })
}

/// A pod of flowtrace on a node, with the hash of its configuration.
pub fn agent(node: &str, hash: &str) -> Value {
    let mut agent = pod(["flowtrace", &format!("flowtrace-{node}")], node, &[]);
    agent["metadata"]["annotations"] = json!({ "flowtrace.io/configuration": hash });
    agent["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "flowtrace", "uid": "flowtrace", "controller": true,
    }]);
    agent["status"]["conditions"] = json!([{ "type": "Ready", "status": "True" }]);
    agent
}
