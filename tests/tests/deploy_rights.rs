//! The rights that the chart gives are those that are used: what is asked of an API server, and the rendered
//! ClusterRole, are compared.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use flowtrace_kubernetes::watch::{Access, Settings, Watch};
use flowtrace_kubernetes::{Cluster, Needs, Options, Scope};
use flowtrace_tests::deploy::{Programs, objects, only};
use serde_json::Value;

/// API group, resource and verb.
type Right = (String, String, String);
/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An API server whose lists are empty and whose watches say nothing. Answers where it is, and what it is asked.
fn server() -> (String, Arc<Mutex<BTreeSet<Right>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let shared = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let shared = Arc::clone(&shared);
            thread::spawn(move || serve(stream, &shared));
        }
    });
    (url, asked)
}

/// Answers the requests of a connection, until one of them is a watch.
fn serve(mut stream: TcpStream, asked: &Mutex<BTreeSet<Right>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let right = right(&request);
        let is_watch = right.2 == "watch";
        asked.lock().expect("no thread panics within").insert(right);
        if is_watch {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
                .ok()?;
            // Open until the other end closes it.
            lines.next();
            return None;
        }
        let body = r#"{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#;
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    }
}

/// What a request needs: `GET /apis/apps/v1/deployments?watch=true&... HTTP/1.1`, as Kubernetes reads requests
/// (k8s.io/apiserver, `RequestInfo`).
fn right(request: &str) -> Right {
    let words: Vec<_> = request.split(' ').collect();
    let (path, query) = words[1].split_once('?').unwrap_or((words[1], ""));
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let (group, resource) = match parts[..] {
        ["api", "v1", resource] => ("", resource),
        ["apis", group, "v1", resource] => (group, resource),
        _ => panic!("not a list of all namespaces: {request}"),
    };
    let is_watch = query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"));
    let verb = match (words[0], is_watch) {
        ("GET", false) => "list",
        ("GET", true) => "watch",
        (method, _) => panic!("{method} is no question"),
    };
    (group.to_owned(), resource.to_owned(), verb.to_owned())
}

/// What is asked of an API server by one who needs this.
fn used(needs: Needs, scope: Scope) -> BTreeSet<Right> {
    let (url, asked) = server();
    let kinds = needs.kinds();
    let node = (scope == Scope::Node).then(|| "node-a".to_owned());
    let expected = 2 * kinds.len();
    let settings = Settings { node, kinds, ..Settings::default() };
    let sink = Box::new(Cluster::new(Options { scope, has_policies: needs.has_policies, ..Options::default() }));
    let watch = Watch::start(Access::of(&url).expect("an address"), settings, sink).expect("a thread");
    let end = Instant::now() + PATIENCE;
    while asked.lock().expect("no thread panics within").len() < expected {
        assert!(Instant::now() < end, "not each kind is listed and watched: {asked:?}");
        thread::sleep(Duration::from_millis(10));
    }
    drop(watch);
    asked.lock().expect("no thread panics within").clone()
}

/// What a ClusterRole gives.
fn given(role: &Value) -> BTreeSet<Right> {
    let texts = |rule: &Value, key: &str| -> Vec<String> {
        let list = rule[key].as_array().unwrap_or_else(|| panic!("{key} in {rule}"));
        list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().expect("rules") {
        assert_eq!(rule.as_object().map(|rule| rule.len()), Some(3), "nothing but groups, resources and verbs: {rule}");
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                for verb in texts(rule, "verbs") {
                    rights.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    rights
}

#[test]
fn what_is_given_is_what_is_used() {
    let Some(programs) = Programs::get() else { return };
    let none = Needs::default();
    let uid = Needs { has_cluster_uid: true, ..none };
    let policies = Needs { has_policies: true, ..none };
    let details = Needs { has_details: true, ..none };
    let all = Needs { has_details: true, has_cluster_uid: true, has_policies: true };
    for (scope, name) in [(Scope::Cluster, "cluster"), (Scope::Node, "node")] {
        for (value, needs) in [
            ("config.attributes=null", none),
            ("config.kubernetes.network_policies=\"port\"", none),
            ("config.attributes=[\"process.command\",\"debug\"]", none),
            ("config.attributes=[\"k8s.uid\"]", uid),
            ("config.attributes=[\"network.policy\"]", policies),
            ("config.attributes=[\"k8s.labels\"]", details),
            ("config.attributes=[\"debug\",\"k8s.annotations\"]", details),
            ("config={\"attributes\":[\"k8s.labels\"],\"kubernetes\":{\"labels\":[]}}", none),
            ("config.attributes=[\"all\"]", all),
            ("config.otlp=[{\"endpoint\":\"http://a\"},{\"endpoint\":\"http://b\",\"attributes\":[\"all\"]}]", all),
        ] {
            let scope_value = format!("config.kubernetes.scope=\"{name}\"");
            let rendered = objects(programs, &[&scope_value, value]).unwrap_or_else(|why| panic!("{why}"));
            assert_eq!(given(only(&rendered, "ClusterRole")), used(needs, scope), "{scope_value} {value}");
            assert!(rendered.iter().all(|object| object["kind"] != "Role"), "there are no other rights");
        }
    }
}

#[test]
fn the_binding_leads_from_the_pods_to_the_role() {
    let Some(programs) = Programs::get() else { return };
    for values in [&[][..], &["fullnameOverride=\"agent\""], &["serviceAccount.name=\"other\""]] {
        let rendered = objects(programs, values).unwrap_or_else(|why| panic!("{why}"));
        let binding = only(&rendered, "ClusterRoleBinding");
        let account = &only(&rendered, "ServiceAccount")["metadata"];
        assert_eq!(binding["roleRef"]["name"], only(&rendered, "ClusterRole")["metadata"]["name"]);
        assert_eq!(binding["subjects"][0]["name"], account["name"]);
        assert_eq!(binding["subjects"][0]["namespace"], account["namespace"]);
        let pod = &only(&rendered, "DaemonSet")["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], account["name"]);
    }
}
