//! Kubernetes while packets come: two nodes and their pods, records that wait for the first lists, pods by process.

use std::fs;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flowtrace_tests::apiserver::{Recording, Server};
use flowtrace_tests::netns::{Cable, Host};
use flowtrace_tests::objects::{agent, node, pod, service};
use flowtrace_tests::record::Record;
use flowtrace_tests::tools::{output, require_live_beside};
use flowtrace_tests::traffic::{self, short_connections};
use flowtrace_tests::translated::translate;
use flowtrace_tests::watch::{Process, Watch};
use serde_json::{Value, json};

/// Connections in a test.
const COUNT: usize = 5;
/// Windows and scans that make records soon.
const SHORT: [&str; 4] = ["--scan-interval", "100ms", "-t", "tcp_fin=200ms"];

/// An API server in a host's namespace.
fn serve(host: &Host, objects: &[Value]) -> Server {
    let listener = host.namespace.enter(|| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    Server::on(listener, &Arc::new(Recording::made(objects)), Recording::START, None)
}

/// `flowtrace run` of a node.
fn watch(host: &Host, node: &str, kubeconfig: &str, options: &[&str]) -> Watch {
    let own = ["--kubernetes", "on", "--kubeconfig", kubeconfig, "--node-name", node, "-i", host.interface];
    Watch::start(&host.namespace, &[&SHORT[..], &own, options].concat())
}

/// Two pods that talk from node to node, and the agents of their nodes.
fn pods_of(cable: &Cable, hash_there: &str) -> Vec<Value> {
    vec![
        node("node-a", &[]),
        node("node-b", &[]),
        pod(["prod", "client"], "node-a", &cable.client.addresses),
        pod(["prod", "server"], "node-b", &cable.server.addresses),
        agent("node-a", hash_there),
        agent("node-b", "0123"),
    ]
}

/// The roots of the connections as either node saw them: the client's, the server's.
fn roots(cable: &Cable, objects: &[Value], options: &[&str]) -> [Vec<Record>; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let ends = [(&cable.client, "node-a"), (&cable.server, "node-b")];
    let started = ends.map(|(host, node)| {
        let server = serve(host, objects);
        let watch = watch(host, node, &server.kubeconfig(folder.path()), options);
        (server, watch)
    });
    short_connections(cable, cable.server.addresses[0], COUNT);
    traffic::settle();
    started.map(|(_server, watch)| {
        let said = watch.stop();
        said.check();
        said.records.into_iter().filter(|record| record.ports[1] == 7000).collect()
    })
}

#[test]
fn nodes_that_are_configured_alike_make_one_tree() {
    let Some(_alone) = require_live_beside() else { return };
    let cable = Cable::new();
    let links = ["--link-hosts", "--configuration-hash", "0123"];
    for (hash, options, is_linked) in [("0123", &links[..], true), ("0123", &[], false), ("4567", &links, false)] {
        let [asked, answered] = roots(&cable, &pods_of(&cable, hash), options);
        assert_eq!([asked.len(), answered.len()], [COUNT; 2]);
        for child in &answered {
            let parent = asked.iter().find(|parent| parent.trace == child.trace).expect("both saw the handshake");
            assert_eq!((parent.json["kind"].as_str(), child.json["kind"].as_str()), (Some("CLIENT"), Some("SERVER")));
            assert_eq!(parent.parent, None);
            assert_eq!(child.parent, is_linked.then(|| parent.span.clone()), "{hash} {options:?}");
            for record in [parent, child] {
                for (name, expected) in [
                    ("source.k8s.pod.name", "client"),
                    ("source.k8s.node.name", "node-a"),
                    ("destination.k8s.pod.name", "server"),
                    ("destination.k8s.namespace.name", "prod"),
                ] {
                    assert_eq!(record.text(name), Some(expected), "{name}: {}", record.json);
                }
            }
            assert_eq!(child.json["resource"]["k8s.node.name"], "node-b");
        }
    }
}

#[test]
fn records_wait_for_the_first_lists_and_no_longer() {
    let Some(_alone) = require_live_beside() else { return };
    let (cable, folder) = (Cable::new(), tempfile::tempdir().expect("a folder"));
    let host = &cable.server;
    let first = serve(host, &pods_of(&cable, "0123"));
    let (kubeconfig, address) = (first.kubeconfig(folder.path()), first.address());
    drop(first);
    // Nobody is there, and nobody comes.
    let mut vain = watch(host, "node-b", &kubeconfig, &["--kubernetes-wait", "300ms"]);
    short_connections(&cable, host.addresses[0], 1);
    vain.hear("records are written with what is known");
    traffic::settle();
    let said = vain.stop();
    assert!(said.records.iter().any(|record| record.ports[1] == 7000), "they were written all the same");
    assert!(said.records.iter().all(|record| record.text("source.k8s.pod.name").is_none()));

    // The server comes later than the records.
    let patient = watch(host, "node-b", &kubeconfig, &["--kubernetes-wait", "30s"]);
    short_connections(&cable, host.addresses[1], 2);
    thread::sleep(Duration::from_secs(1));
    let listener = host.namespace.enter(|| TcpListener::bind(address).expect("it was free"));
    let objects = Arc::new(Recording::made(&pods_of(&cable, "0123")));
    let server = Server::on(listener, &objects, Recording::START, None);
    while server.asked().len() < 12 {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(500));
    // It goes again: what was known stays.
    drop(server);
    short_connections(&cable, host.addresses[0], 2);
    traffic::settle();
    let said = patient.stop();
    said.check();
    let talks: Vec<_> = said.records.iter().filter(|record| record.ports[1] == 7000).collect();
    assert_eq!(talks.len(), 4);
    for record in talks {
        assert_eq!(record.text("source.k8s.pod.name"), Some("client"), "{}", record.json);
        assert_eq!(record.text("destination.k8s.pod.name"), Some("server"), "{}", record.json);
    }
}

/// The control group of a pod's container, as kubelets and containerd make it; goes with its value.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(pod: &str, container: &str) -> Self {
        let mounts = fs::read_to_string("/proc/mounts").expect("a list of mounts");
        let root = mounts.lines().find_map(|line| line.strip_prefix("cgroup2 ")?.split(' ').next());
        let root = PathBuf::from(root.expect("control groups, version 2"));
        let pod = format!("kubepods-besteffort-pod{}.slice", pod.replace('-', "_"));
        let own = format!("flowtrace-{}.slice", std::process::id());
        let path = root.join(own).join("kubepods.slice/kubepods-besteffort.slice").join(pod);
        let cgroup = Self(path.join(format!("cri-containerd-{container}.scope")));
        fs::create_dir_all(&cgroup.0).expect("root may");
        cgroup
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for folder in self.0.ancestors().take(5) {
            // The kernel takes a while to see that the last process is gone.
            let is_gone = |_: &u32| fs::remove_dir(folder).is_ok() || !folder.exists();
            let _ = (0..100).inspect(|_| thread::sleep(Duration::from_millis(10))).find(is_gone);
        }
    }
}

/// A pod on its node's network is known by its process alone; its node by the address.
#[test]
fn a_pod_is_known_by_its_process() {
    const POD: &str = "0c3f5f4e-2f6d-4f1f-8c8f-9f6d4f1f5c8f";
    const CONTAINER: &str = "4f1f5c8f9f6d4f1f5c8f9f6d4f1f5c8f9f6d4f1f5c8f9f6d4f1f5c8f9f6d4567";
    let Some(_alone) = require_live_beside() else { return };
    let (cable, folder) = (Cable::new(), tempfile::tempdir().expect("a folder"));
    let host = &cable.server;
    let mut agent = pod(["kube-system", "proxy-x"], "node-b", &[]);
    agent["metadata"]["uid"] = json!(POD);
    agent["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "proxy", "uid": "d", "controller": true }]);
    agent["spec"]["containers"] =
        json!([{ "name": "other", "image": "example.org/other:1" }, { "name": "web", "image": "example.org/web:2" }]);
    agent["status"]["containerStatuses"] =
        json!([{ "name": "web", "containerID": format!("containerd://{CONTAINER}") }]);
    let nodes = [node("node-a", &cable.client.addresses), node("node-b", &host.addresses)];
    let server = serve(host, &[&nodes[..], &[agent]].concat());

    let cgroup = Cgroup::new(POD, CONTAINER);
    let mut web = host.namespace.command("python3");
    let web = web.args(["-m", "http.server", "--bind", "::", "8080"]);
    let _web = Process::start(web.stdout(Stdio::null()).stderr(Stdio::null()));
    let listening = || host.run("ss --listening --tcp --no-header --processes sport = 8080");
    let found = (0..500).inspect(|_| thread::sleep(Duration::from_millis(20))).map(|_| listening());
    let found = found.into_iter().find(|line| line.contains("pid=")).expect("it listens");
    let pid = found.split("pid=").nth(1).and_then(|rest| rest.split(',').next()).expect("its process");
    fs::write(cgroup.0.join("cgroup.procs"), pid).expect("root may");

    let watch = watch(host, "node-b", &server.kubeconfig(folder.path()), &["--names", "kubernetes"]);
    let fetch = |address: IpAddr| {
        let url =
            if address.is_ipv6() { format!("http://[{address}]:8080/") } else { format!("http://{address}:8080/") };
        output(cable.client.namespace.command("curl").args(["--silent", "--output", "/dev/null", &url]))
    };
    for address in host.addresses {
        fetch(address);
    }
    traffic::settle();
    let said = watch.stop();
    said.check();
    let talks: Vec<_> = said.records.iter().filter(|record| record.ports[1] == 8080).collect();
    assert_eq!(talks.len(), 2);
    for record in talks {
        for (name, expected) in [
            ("destination.k8s.pod.name", Some("proxy-x")),
            ("destination.k8s.namespace.name", Some("kube-system")),
            ("destination.k8s.container.name", Some("web")),
            ("destination.k8s.daemonset.name", Some("proxy")),
            ("destination.k8s.node.name", Some("node-b")),
            ("destination.container.id", Some(CONTAINER)),
            ("destination.container.image.name", Some("example.org/web:2")),
            ("server.address", Some("proxy-x.kube-system.svc.cluster.local")),
            ("source.k8s.node.name", Some("node-a")),
            ("source.k8s.pod.name", None),
            ("client.address", Some("node-a")),
        ] {
            assert_eq!(record.text(name), expected, "{name}: {}", record.json);
        }
    }
}

/// A service's address is translated on the client's node, as kube-proxy does it: the pod that answers is named, and
/// asked for by the name of its service.
#[test]
fn behind_a_service_is_the_pod_that_answered() {
    const SERVICE: &str = "10.96.0.7";
    let Some(_alone) = require_live_beside() else { return };
    let (cable, folder) = (Cable::new(), tempfile::tempdir().expect("a folder"));
    let host = &cable.client;
    let mut objects = pods_of(&cable, "0123");
    objects.push(service(["prod", "shop"], SERVICE, 80));
    objects.push(json!({
        "kind": "NetworkPolicy",
        "metadata": { "namespace": "prod", "name": "to-server" },
        "spec": { "podSelector": { "matchLabels": { "app": "server" } }, "policyTypes": ["Ingress"],
            "ingress": [{ "ports": [{ "port": 7000, "protocol": "TCP" }] }] },
    }));
    let api = serve(host, &objects);
    let rule = format!("ip daddr {SERVICE} tcp dport 80 dnat to {}:7000", cable.server.addresses[0]);
    translate(&host.namespace, 0, &[("own", &rule)]);
    host.run("ip route add 10.96.0.0/16 dev DEV");
    let options = ["--names", "kubernetes", "--attributes", "network.policy", "--network-policies", "port"];
    let watch = watch(host, "node-a", &api.kubeconfig(folder.path()), &options);
    let bound = (cable.server.addresses[0], 7000);
    let listener = cable.server.namespace.enter(|| TcpListener::bind(bound).expect("a free port"));
    let stream = host.namespace.enter(|| TcpStream::connect((SERVICE, 80)).expect("it is translated"));
    drop((listener.accept().expect("a connection"), stream));
    traffic::settle();
    let said = watch.stop();
    said.check();
    let asked: Vec<_> = said.records.iter().filter(|record| record.ports[1] == 80).collect();
    let [record] = asked[..] else { panic!("one flow: {:?}", said.records) };
    for (name, expected) in [
        ("destination.address", SERVICE),
        ("destination.k8s.service.name", "shop"),
        ("destination.k8s.pod.name", "server"),
        ("destination.k8s.node.name", "node-b"),
        ("server.address", "shop.prod.svc.cluster.local"),
        ("client.address", "client.prod.svc.cluster.local"),
        ("flow.nat.destination.address", &cable.server.addresses[0].to_string()),
    ] {
        assert_eq!(record.text(name), Some(expected), "{name}: {}", record.json);
    }
    assert_eq!(record.json["attributes"]["network.policy.ingress"], json!(["to-server"]), "{}", record.json);
    assert!(said.records.iter().all(|record| record.ports[1] != 7000), "no second flow: {:?}", said.records);
}
