//! What of Kubernetes is absent, and where values come from when several could say them.

use std::sync::Arc;

use flowtrace_flow::workload::{Container as PodContainer, Entity, Owner, OwnerKind, Workload};

use super::*;

/// The record of two processes in containers, with this at the source.
fn at_source(workload: Workload) -> Record {
    let mut record = sample::known();
    if let Some(who) = &mut record.who {
        who.source.workload = Some(Arc::new(workload));
        who.destination.workload = None;
    }
    record
}

fn entity(name: &str) -> Arc<Entity> {
    Arc::new(Entity { name: name.into(), namespace: None, uid: None, labels: [].into(), annotations: [].into() })
}

fn owner(kind: Option<OwnerKind>, kind_name: &str, name: &str) -> Owner {
    Owner { kind, api_version: "v1".into(), kind_name: kind_name.into(), entity: entity(name) }
}

/// The names of Kubernetes that a record has, with all groups.
fn names(record: &Record) -> Vec<&'static str> {
    let options = Options { selection: Selection::all(), ..Options::default() };
    say(record, &options).into_keys().filter(|name| name.contains(".k8s.")).collect()
}

#[test]
fn what_is_not_known_is_absent() {
    assert!(names(&at_source(Workload::default())).is_empty());
    let node = Workload { node: Some(entity("worker-1")), cluster: Some(Arc::default()), ..Workload::default() };
    assert_eq!(names(&at_source(node)), ["source.k8s.node.name"]);
}

#[test]
fn the_owner_at_the_top_is_named_where_its_kind_has_no_attributes() {
    let replicas = || owner(Some(OwnerKind::ReplicaSet), "ReplicaSet", "web-1");
    for (owners, expected) in [
        (vec![], ["", "", "", ""]),
        (vec![replicas()], ["web-1", "", "", ""]),
        (vec![replicas(), owner(Some(OwnerKind::Deployment), "Deployment", "web")], ["web-1", "web", "", ""]),
        (vec![replicas(), owner(None, "Rollout", "web")], ["web-1", "", "Rollout", "web"]),
        (vec![owner(None, "Node", "worker-1")], ["", "", "Node", "worker-1"]),
        // Of what lies between, only kinds that have attributes are named.
        (
            vec![owner(None, "Machine", "m"), owner(Some(OwnerKind::Deployment), "Deployment", "web")],
            ["", "web", "", ""],
        ),
    ] {
        let record = at_source(Workload { owners, ..Workload::default() });
        let names = ["replicaset.name", "deployment.name", "owner.kind", "owner.name"];
        for (name, value) in names.into_iter().zip(expected) {
            check(&record, &[(&format!("source.k8s.{name}"), value), (&format!("destination.k8s.{name}"), "")]);
        }
    }
}

#[test]
fn the_image_is_the_runtimes_or_else_the_pods() {
    let container = PodContainer { name: "app".into(), image: "registry.example.org/app:2".into() };
    let with_pod = Workload { container: Some(Arc::new(container)), ..Workload::default() };
    let mut record = at_source(with_pod);
    for (has_process, has_image, image, name) in [
        (true, true, "nginx:1.21", "web-1"),
        (true, false, "registry.example.org/app:2", "web-1"),
        (false, false, "registry.example.org/app:2", ""),
    ] {
        let source = &mut record.who.as_mut().unwrap().source;
        if let Some(process) = source.process.as_mut().filter(|_| !has_image) {
            let process = Arc::make_mut(process);
            Arc::make_mut(process.container.as_mut().unwrap()).image = None;
        }
        source.process.take_if(|_| !has_process);
        let names = [("source.container.image.name", image), ("source.container.name", name)];
        check(&record, &names);
        check(&record, &[("source.k8s.container.name", "app"), ("destination.container.image.name", "nginx:1.21")]);
        let local = if has_process { image } else { "nginx:1.21" };
        check_in(Profile::Proposal, &record, &[("container.image.name", local)]);
    }
}

/// Both ways to a value say the same, of every attribute.
#[test]
fn a_value_that_is_asked_for_is_the_one_that_is_shown() {
    let options = Options { selection: Selection::all(), ..Options::default() };
    for record in sample::everything() {
        let shown = say(&record, &options);
        for attribute in Attribute::ALL.into_iter().filter(|attribute| Profile::Reference.has(*attribute)) {
            let asked = value_of(&record, attribute, &options, told);
            assert_eq!(asked.as_ref(), shown.get(attribute.name()), "{}", attribute.name());
        }
    }
}
