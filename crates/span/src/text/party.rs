//! Who was talking, at the end of a line.

use std::fmt::{self, Write};

use flowtrace_flow::workload::{Entity, Workload};
use flowtrace_flow::{Party, Process, Record};

/// ` from curl[4242] to nginx[4711]@web-1 (www.example.org)`, with Kubernetes
/// ` from prod/frontend-abc(curl[4242]@app) to service prod/web`, as far as it is known.
pub(super) fn put(record: &Record, line: &mut String) -> fmt::Result {
    let Some(who) = &record.who else { return Ok(()) };
    for (word, party) in [("from", &who.source), ("to", &who.destination)] {
        let place = party.workload.as_deref().and_then(Place::of);
        if place.is_some() || party.process.is_some() || party.name.is_some() {
            write!(line, " {word} ")?;
            put_party(party, place, line)?;
        }
    }
    Ok(())
}

/// Where an end is in the cluster: the pod; else the service; else the node.
#[derive(Clone, Copy)]
enum Place<'a> {
    Pod(&'a Entity),
    Service(&'a Entity),
    Node(&'a Entity),
}

impl<'a> Place<'a> {
    fn of(workload: &'a Workload) -> Option<Self> {
        let pod = workload.pod.as_deref().map(Self::Pod);
        let service = || workload.service.as_deref().map(Self::Service);
        pod.or_else(service).or_else(|| workload.node.as_deref().map(Self::Node))
    }

    fn entity(self) -> &'a Entity {
        match self {
            Self::Pod(entity) | Self::Service(entity) | Self::Node(entity) => entity,
        }
    }

    /// `prod/frontend-abc`, `service prod/web`, `node worker-1`.
    fn put(self, line: &mut String) {
        line.push_str(match self {
            Self::Pod(_) => "",
            Self::Service(_) => "service ",
            Self::Node(_) => "node ",
        });
        if let Some(namespace) = &self.entity().namespace {
            put_text(namespace, line);
            line.push('/');
        }
        put_text(&self.entity().name, line);
    }

    /// Whether a name of the end's address is this one, as `web`, `web.prod`, `web.prod.svc.cluster.local`, and says no more.
    fn is_in(self, name: &str) -> bool {
        let entity = self.entity();
        let mut parts = name.strip_prefix(&*entity.name).unwrap_or("?").splitn(3, '.');
        let ends = [parts.next(), parts.next()];
        ends[0] == Some("") && (ends[1].is_none() || ends[1] == entity.namespace.as_deref())
    }
}

/// The place in the cluster with the process and its container, and the name of the address.
fn put_party(party: &Party, place: Option<Place<'_>>, line: &mut String) -> fmt::Result {
    let name = party.name.as_deref().filter(|name| place.is_none_or(|place| !place.is_in(name)));
    match (place, &party.process) {
        (Some(place), process) => {
            place.put(line);
            if let Some(process) = process {
                line.push('(');
                put_process(process, party, line)?;
                line.push(')');
            }
        }
        (None, Some(process)) => put_process(process, party, line)?,
        (None, None) => {
            put_text(name.unwrap_or_default(), line);
            return Ok(());
        }
    }
    if let Some(name) = name {
        line.push_str(" (");
        put_text(name, line);
        line.push(')');
    }
    Ok(())
}

/// The process and its container, by its name in the pod, else the runtime's, else its id.
fn put_process(process: &Process, party: &Party, line: &mut String) -> fmt::Result {
    put_text(process.executable_name.as_deref().unwrap_or_default(), line);
    write!(line, "[{}]", process.pid)?;
    let of_pod = party.workload.as_ref().and_then(|workload| workload.container.as_ref());
    let of_pod = of_pod.map(|container| &*container.name);
    let of_runtime = process.container.as_ref().map(|container| {
        let short = container.id.get(..12).unwrap_or(&container.id);
        container.name.as_deref().unwrap_or(short)
    });
    if let Some(container) = of_pod.or(of_runtime) {
        line.push('@');
        put_text(container, line);
    }
    Ok(())
}

/// A name that others chose: what would move the terminal's cursor stands as `?`.
fn put_text(text: &str, line: &mut String) {
    line.extend(text.chars().map(|letter| if letter.is_control() { '?' } else { letter }));
}
