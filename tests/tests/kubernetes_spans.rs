//! What spans say of Kubernetes: the program itself, an API server that replays recorded traffic, and every case of the
//! truth that lies beside the recording, in both scopes.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use flowtrace_tests::apiserver::{Recording, Server, folder};
use flowtrace_tests::craft::ends::Way::There;
use flowtrace_tests::craft::pdu::Pdu;
use flowtrace_tests::craft::transport::{self, SYN};
use flowtrace_tests::files::frames::pcap;
use flowtrace_tests::files::span::Span;
use flowtrace_tests::files::{program, say};
use serde_json::{Value, json};

static RECORDING: LazyLock<Option<Arc<Recording>>> = LazyLock::new(|| Some(Arc::new(Recording::read(&folder()?))));

/// 2027-01-01, in milliseconds since the begin of captures: the pods of the recording have begun by then.
const LATER: u64 = (1_798_761_600 - 1_700_000_000) * 1000;

/// Where a case is asked: its flow's ports and addresses.
struct Asked {
    case: Value,
    ends: [IpAddr; 2],
    ports: [u16; 2],
    protocol: String,
}

impl Asked {
    fn of(number: usize, case: &Value) -> Self {
        let there: IpAddr = case["ip"].as_str().unwrap().parse().unwrap();
        let elsewhere = if there.is_ipv4() { "203.0.113.9" } else { "2001:db8:ffff::9" };
        let here = case["source_ip"].as_str().unwrap_or(elsewhere).parse().unwrap();
        let port = case["port"].as_u64().map_or(0, |port| port as u16);
        // Ports that are for clients only, one for each case: so each is a flow of its own.
        let ports = [50_000 + number as u16, port];
        let protocol = case["protocol"].as_str().unwrap_or("ESP").to_lowercase();
        Self { case: case.clone(), ends: [here, there], ports, protocol }
    }

    /// The first packet of its flow.
    fn frame(&self) -> Vec<u8> {
        let pdu = match self.protocol.as_str() {
            "tcp" => transport::tcp(There, self.ports, SYN, [1, 0], b""),
            "udp" => Pdu::new(There, 0, *b"hello").udp(self.ports),
            "sctp" => transport::sctp(There, self.ports, 1, b""),
            _ => transport::esp(There, 1),
        };
        pdu.ip(self.ends).eth().bytes
    }

    fn is_of(&self, span: &Span) -> bool {
        span.text("network.transport") == self.protocol
            && span.text("destination.address") == self.ends[1].to_string()
            && (self.protocol == "esp" || span.number("source.port") == Some(self.ports[0].into()))
    }
}

/// The spans of these cases, with all that Kubernetes knows.
fn spans(server: &Server, cases: &[Asked], options: &[&str]) -> Vec<Span> {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = server.kubeconfig(folder.path());
    let path = folder.path().join("cases.pcap");
    let frames: Vec<_> = cases.iter().enumerate().map(|(number, case)| (LATER + number as u64, case.frame())).collect();
    std::fs::write(&path, pcap(&frames)).unwrap();
    let all = ["--output", "json", "--attributes", "all", "--annotations", "*", "--kubernetes", "on"];
    let run = program::read(&[&all[..], &["--kubeconfig", &kubeconfig], options].concat(), &path);
    assert_eq!(run.code, 0, "{}", run.stderr);
    Span::parse_all(run.text()).unwrap()
}

/// The attributes of a span's end in Kubernetes, without the prefix.
fn told(span: &Span, end: &str) -> BTreeMap<String, Value> {
    let prefix = format!("{end}.k8s.");
    let of_end = span.attributes.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?, value)));
    of_end.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// What the truth says of an end, under the names of attributes.
fn expected(case: &Value) -> BTreeMap<String, Value> {
    let says = &case["expect"];
    let mut all = BTreeMap::new();
    let mut named = |kind: &str, object: &Value| {
        for field in ["name", "uid"] {
            if object[field].is_string() {
                all.insert(format!("{kind}.{field}"), object[field].clone());
            }
        }
    };
    named("node", &says["node"]);
    named("pod", &says["pod"]);
    for owner in says["owners"].as_array().into_iter().flatten() {
        let kind = owner["kind"].as_str().unwrap().to_lowercase();
        if ["replicaset", "deployment", "statefulset", "job", "cronjob"].contains(&kind.as_str()) {
            named(&kind, owner);
        }
    }
    named("service", &says["service"]);
    if let Some([only]) = says["services_for_port"].as_array().map(Vec::as_slice) {
        all.insert("service.name".to_owned(), only.clone());
    }
    let within = [&says["pod"], &says["service"]].into_iter().find_map(|object| object["namespace"].as_str());
    if let Some(namespace) = within {
        all.insert("namespace.name".to_owned(), json!(namespace));
    }
    if let Some(container) = says["container_for_port"].as_str() {
        all.insert("container.name".to_owned(), json!(container));
    }
    for (group, values) in [("labels", &says["labels"]), ("annotations", &says["annotations"])] {
        let kind = if says["pod"].is_object() { "pod" } else { "service" };
        for (key, value) in values.as_object().into_iter().flatten() {
            all.insert(format!("{kind}.{group}.{key}"), value.clone());
        }
    }
    all
}

/// The cases of the truth of a sort, by their points of the timeline.
fn cases(recording: &Recording, sort: char) -> BTreeMap<u64, Vec<Asked>> {
    let truth: Value = serde_json::from_slice(&recording.file("truth.json")).unwrap();
    let mut points = BTreeMap::<u64, Vec<Asked>>::new();
    let all = truth["cases"].as_array().unwrap().iter().enumerate();
    for (number, case) in all.filter(|(_, case)| case["id"].as_str().unwrap().starts_with(sort)) {
        points.entry(case["rv"].as_u64().unwrap()).or_default().push(Asked::of(number, case));
    }
    points
}

fn span_of<'a>(spans: &'a [Span], asked: &Asked) -> &'a Span {
    let found = spans.iter().find(|span| asked.is_of(span));
    found.unwrap_or_else(|| panic!("no flow of {}", asked.case["id"]))
}

/// What is told of an end that the truth does not speak of: details of the node, services, namespaces.
fn is_beyond(name: &str, case: &Value) -> bool {
    let kind = name.split('.').next().unwrap();
    let is_pod = case["expect"]["pod"].is_object();
    let has_pairs = name.contains(".labels.") || name.contains(".annotations.");
    match kind {
        "cluster" | "owner" => true,
        "pod" => false,
        "container" | "service" if is_pod && case["port"].is_null() => true,
        // Of a pod's service the truth says the name.
        "service" if is_pod && case["expect"]["services_for_port"][0].is_string() => name != "service.name",
        "service" if !is_pod => has_pairs && (name.contains(".labels.") || case["expect"]["annotations"].is_null()),
        _ => has_pairs,
    }
}

#[test]
fn every_case_of_the_truth_is_on_its_span() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for (version, cases) in cases(recording, 'c') {
        let server = Server::start(recording, version, None);
        let all = spans(&server, &cases, &["--cluster-name", "blue"]);
        for asked in &cases {
            let (id, span) = (&asked.case["id"], span_of(&all, asked));
            let (told, expected) = (told(span, "destination"), expected(&asked.case));
            for (name, value) in &expected {
                assert_eq!(told.get(name), Some(value), "{id}: {name} in {}", span.line);
            }
            for name in told.keys().filter(|name| !expected.contains_key(*name)) {
                assert!(is_beyond(name, &asked.case), "{id}: {name} is told");
            }
            let cluster = (!told.is_empty()).then(|| json!("blue"));
            assert_eq!(told.get("cluster.name"), cluster.as_ref(), "{id}: of the ends in this cluster only");
            assert_eq!(self::told(span, "source"), BTreeMap::new(), "{id}: from elsewhere");
            seen.extend(told.into_keys().filter(|name| !name.contains("s.")));
            count += 1;
        }
    }
    assert!(count >= 70, "{count} cases");
    for kind in ["cluster", "node", "pod", "deployment", "replicaset", "statefulset", "job", "cronjob", "service"] {
        for field in ["name", "uid"] {
            assert!(seen.contains(&format!("{kind}.{field}")), "no case has {kind}.{field}");
        }
    }
    assert!(seen.contains("namespace.name") && seen.contains("container.name"));
    say(&format!("{count} cases of the truth on spans"));
}

/// With the pods of one node only: nothing is told that is wrong, all is told of this node's pods, and of others what
/// slices say.
#[test]
fn a_node_knows_less_and_nothing_wrong() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let (mut own, mut others) = (0, 0);
    for (version, cases) in cases(recording, 'c') {
        let server = Server::start(recording, version, None);
        let all = spans(&server, &cases, &["--kubernetes-scope", "node", "--node-name", "node-a"]);
        for asked in &cases {
            let (id, span) = (&asked.case["id"], span_of(&all, asked));
            let (told, expected) = (told(span, "destination"), expected(&asked.case));
            for (name, value) in told.iter().filter(|(name, _)| expected.contains_key(*name)) {
                assert_eq!(value, &expected[name], "{id}: {name} in {}", span.line);
            }
            for name in told.keys().filter(|name| !expected.contains_key(*name)) {
                assert!(is_beyond(name, &asked.case), "{id}: {name} is told");
            }
            let is_pod = asked.case["expect"]["pod"].is_object();
            if is_pod && asked.case["expect"]["node"]["name"] != "node-a" {
                others += usize::from(told.contains_key("pod.name"));
                continue;
            }
            own += usize::from(is_pod);
            for (name, value) in &expected {
                assert_eq!(told.get(name), Some(value), "{id}: {name} in {}", span.line);
            }
        }
    }
    assert!(own > 0 && others > 0, "{own} pods of this node, {others} of others");
}

/// The policies of each case, as deep as is asked for.
#[test]
fn policies_are_those_of_the_truth() {
    let Some(recording) = RECORDING.as_ref() else { return };
    let mut count = 0;
    for (depth, field) in [("selecting", "selecting"), ("port", "with_rule_for_port"), ("allowing", "allowing")] {
        for (version, cases) in cases(recording, 'p') {
            let server = Server::start(recording, version, None);
            let all = spans(&server, &cases, &["--network-policies", depth]);
            for asked in &cases {
                let (id, span) = (&asked.case["id"], span_of(&all, asked));
                for way in ["ingress", "egress"] {
                    let says = &asked.case["expect"][way];
                    let expected = says.is_object().then(|| says[field].clone());
                    let told = span.attribute(&format!("network.policy.{way}"));
                    assert_eq!(told, expected.as_ref(), "{id} {depth} {way}: {}", span.line);
                    count += usize::from(told.is_some());
                }
            }
        }
    }
    assert!(count > 100, "{count}");
}
