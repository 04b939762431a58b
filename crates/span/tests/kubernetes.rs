//! What Kubernetes says of both ends, written down by hand: name by name, and that no name is left out.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod records;

use std::collections::BTreeMap;

use flowtrace_span::{Attribute, Environment, Facts, Json, Options, Profile, Resource, Selection};
use serde_json::{Value, json};

/// Of each end: the attribute's name behind the end's, and its value, where `END` is the name of the end.
const ENDS: [(&str, &str); 64] = [
    ("k8s.cluster.name", "END-cluster"),
    ("k8s.cluster.uid", "END-cluster-uid"),
    ("k8s.node.name", "END-node"),
    ("k8s.node.uid", "END-node-uid"),
    ("k8s.node.annotations.example.org/note", "END \"node\"\n→"),
    ("k8s.node.labels.app.kubernetes.io/name", "END-node-label"),
    ("k8s.node.labels.empty", ""),
    ("k8s.namespace.name", "END-namespace"),
    ("k8s.namespace.labels.app.kubernetes.io/name", "END-namespace-label"),
    ("k8s.namespace.labels.empty", ""),
    ("k8s.pod.name", "END-pod"),
    ("k8s.pod.uid", "END-pod-uid"),
    ("k8s.pod.annotations.example.org/note", "END \"pod\"\n→"),
    ("k8s.pod.labels.app.kubernetes.io/name", "END-pod-label"),
    ("k8s.pod.labels.empty", ""),
    ("k8s.container.name", "END-container"),
    ("k8s.deployment.name", "END-deployment"),
    ("k8s.deployment.uid", "END-deployment-uid"),
    ("k8s.deployment.annotations.example.org/note", "END \"deployment\"\n→"),
    ("k8s.deployment.labels.app.kubernetes.io/name", "END-deployment-label"),
    ("k8s.deployment.labels.empty", ""),
    ("k8s.replicaset.name", "END-replicaset"),
    ("k8s.replicaset.uid", "END-replicaset-uid"),
    ("k8s.replicaset.annotations.example.org/note", "END \"replicaset\"\n→"),
    ("k8s.replicaset.labels.app.kubernetes.io/name", "END-replicaset-label"),
    ("k8s.replicaset.labels.empty", ""),
    ("k8s.statefulset.name", "END-statefulset"),
    ("k8s.statefulset.uid", "END-statefulset-uid"),
    ("k8s.statefulset.annotations.example.org/note", "END \"statefulset\"\n→"),
    ("k8s.statefulset.labels.app.kubernetes.io/name", "END-statefulset-label"),
    ("k8s.statefulset.labels.empty", ""),
    ("k8s.daemonset.name", "END-daemonset"),
    ("k8s.daemonset.uid", "END-daemonset-uid"),
    ("k8s.daemonset.annotations.example.org/note", "END \"daemonset\"\n→"),
    ("k8s.daemonset.labels.app.kubernetes.io/name", "END-daemonset-label"),
    ("k8s.daemonset.labels.empty", ""),
    ("k8s.job.name", "END-job"),
    ("k8s.job.uid", "END-job-uid"),
    ("k8s.job.annotations.example.org/note", "END \"job\"\n→"),
    ("k8s.job.labels.app.kubernetes.io/name", "END-job-label"),
    ("k8s.job.labels.empty", ""),
    ("k8s.cronjob.name", "END-cronjob"),
    ("k8s.cronjob.uid", "END-cronjob-uid"),
    ("k8s.cronjob.annotations.example.org/note", "END \"cronjob\"\n→"),
    ("k8s.cronjob.labels.app.kubernetes.io/name", "END-cronjob-label"),
    ("k8s.cronjob.labels.empty", ""),
    ("k8s.owner.kind", "TrainingJob"),
    ("k8s.owner.name", "END-trainingjob"),
    ("k8s.service.name", "END-service"),
    ("k8s.service.uid", "END-service-uid"),
    ("k8s.service.annotations.example.org/note", "END \"service\"\n→"),
    ("k8s.service.labels.app.kubernetes.io/name", "END-service-label"),
    ("k8s.service.labels.empty", ""),
    // The ends differ: the process at the destination is in a container that its runtime knows.
    ("container.id", "|4f1f5c8f9f6d"),
    ("container.runtime.name", "|containerd"),
    ("container.name", "|web-1"),
    ("container.image.name", "registry.example.org/client:3|registry.example.org/web:1.2"),
    ("process.pid", "4242|4711"),
    ("process.executable.name", "curl|nginx"),
    ("process.executable.path", "|/usr/sbin/nginx"),
    ("process.command_line", "|nginx: worker"),
    ("process.owner", "|www-data"),
    ("address", "192.0.2.1|198.51.100.7"),
    ("port", "51234|443"),
];

/// All that a line may say of the ends and their policies.
fn expected() -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for (name, values) in ENDS {
        let (source, destination) = values.split_once('|').unwrap_or((values, values));
        for (end, value, start) in [("source", source, "client"), ("destination", destination, "server")] {
            let number = || value.parse::<u32>().ok().filter(|_| !name.ends_with(".id"));
            let value = number().map_or_else(|| json!(value.replace("END", start)), |number| json!(number));
            if !values.starts_with('|') || end == "destination" {
                all.insert(format!("{end}.{name}"), value);
            }
        }
    }
    all.insert("network.policy.ingress".into(), json!(["allow-frontend", "deny-rest"]));
    // It is known that there are none.
    all.insert("network.policy.egress".into(), json!([]));
    all
}

fn line(selection: Selection) -> BTreeMap<String, Value> {
    let resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    let mut out = Vec::new();
    Json::new(&resource, Options { selection, ..Options::default() }).write(&records::in_kubernetes(), &mut out);
    let line: Value = serde_json::from_slice(&out).unwrap();
    serde_json::from_value(line["attributes"].clone()).unwrap()
}

/// The contract test says that the other outputs say the same.
#[test]
fn every_attribute_of_both_ends_has_its_value() {
    let is_of_ends =
        |name: &str| ["source.", "destination.", "network.policy."].iter().any(|start| name.starts_with(start));
    let said: BTreeMap<_, _> = line(Selection::all()).into_iter().filter(|(name, _)| is_of_ends(name)).collect();
    let expected = expected();
    for (name, value) in &expected {
        assert_eq!(said.get(name), Some(value), "{name}");
    }
    let more: Vec<_> = said.keys().filter(|name| !expected.contains_key(*name)).collect();
    assert!(more.is_empty(), "{more:?}");
}

/// The registry is compared with the specification's list of attributes (xtask).
#[test]
fn no_attribute_of_the_registry_is_left_out() {
    let expected = expected();
    let is_here = |name: &str| ["k8s.", "container.", "network.policy."].iter().any(|part| name.contains(part));
    let is_said = |attribute: &Attribute| is_here(attribute.name()) && Profile::Reference.has(*attribute);
    let mut count = 0;
    for attribute in Attribute::ALL.into_iter().filter(is_said) {
        let name = attribute.name();
        // Of a map one key is enough; at the source no runtime says anything.
        let of_map = format!("{name}.");
        let found = expected.keys().any(|said| said == name || said.starts_with(&of_map));
        let other = name.replacen("source.", "destination.", 1);
        assert!(found || name.starts_with("source.container.") && expected.contains_key(&other), "{name}");
        count += 1;
    }
    assert_eq!(count, 2 + 2 * (4 + 43), "policies; of each end its container, and Kubernetes'");
}

/// Names are on in both profiles; the opt-in groups add theirs, and nothing else; the proposal has neither uids nor
/// annotations.
#[test]
fn groups_choose() {
    let is_named = |name: &str, parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let groups = [
        ("k8s.uid", ".uid"),
        ("k8s.annotations", ".annotations."),
        ("k8s.labels", ".labels."),
        ("network.policy", "network.policy."),
    ];
    let opt_in = groups.map(|(_, part)| part);
    let all = line(Selection::all());
    for (profile, lacks) in [(Profile::Reference, &[][..]), (Profile::Proposal, &[".uid", ".annotations."])] {
        for (choice, part) in [("", "?")].into_iter().chain(groups) {
            let said = line(Selection::parse(choice).unwrap().with_profile(profile));
            let said: Vec<_> = said.keys().filter(|name| is_named(name, &["k8s.", "network.policy."])).collect();
            let wanted = |name: &&String| {
                is_named(name, &["k8s.", "network.policy."])
                    && (!is_named(name, &opt_in) || name.contains(part) && !is_named(name, lacks))
            };
            let expected: Vec<_> = all.keys().filter(wanted).collect();
            assert_eq!(said, expected, "{profile:?} {choice}");
        }
    }
}
