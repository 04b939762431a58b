//! What Kubernetes knows of the ends of a record.

mod domain;
mod links;
mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use flowtrace_flow::workload::Workload;
use flowtrace_flow::{Container, End, Endpoint, Party, Record};
use flowtrace_kubernetes::watch::{Progress, Watch};
use flowtrace_kubernetes::{self as kubernetes, Cluster, Conversation, Depth, Port, Protocol, View};

use links::Links;
pub use settings::{Settings, check, cluster_name, node_name, settings};

/// How many records wait for the first lists, at most.
const MOST_WAITING: usize = 50_000;

/// What Kubernetes knows.
pub struct Kubernetes {
    view: Arc<View>,
    watch: Watch,
    /// How ends are named, if they are.
    names: Option<kubernetes::Names>,
    /// Which policies are asked for, if they are.
    policies: Option<Depth>,
    links: Option<Links>,
    /// Until when records wait for the first lists; none once they wait no more.
    waits_until: Option<Instant>,
}

impl Kubernetes {
    /// Begins to watch.
    ///
    /// # Errors
    /// When there is no way to the API server, or no thread.
    pub fn start(settings: Settings) -> Result<Self, kubernetes::watch::WatchError> {
        let cluster = Cluster::new(settings.options);
        let view = cluster.view();
        let watch = Watch::start(settings.access, settings.watch, Box::new(cluster))?;
        let waits_until = Some(Instant::now() + settings.wait);
        Ok(Self { view, watch, names: settings.names, policies: settings.policies, links: settings.links, waits_until })
    }

    /// How far watching has come.
    pub fn progress(&self) -> Arc<Progress> {
        self.watch.progress()
    }

    /// Whether that many records are to wait for what is not known yet. Says why they wait no more, if they waited in
    /// vain.
    pub fn keeps_waiting(&mut self, records: usize) -> bool {
        let Some(until) = self.waits_until else { return false };
        let progress = self.watch.progress();
        let is_settled = progress.is_settled();
        if !is_settled && Instant::now() < until && records < MOST_WAITING {
            return true;
        }
        self.waits_until = None;
        if !is_settled {
            tracing::warn!("Kubernetes has not told of everything yet: records are written with what is known");
        }
        for (kind, trouble) in progress.troubles() {
            tracing::warn!("Kubernetes, {}: {trouble}", kind.plural());
        }
        false
    }

    /// Waits for the first lists, for whoever has all the time.
    pub fn wait(&mut self) {
        let left = self.waits_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        self.watch.progress().wait_settled(left);
        self.keeps_waiting(usize::MAX);
    }

    /// Adds what is known of a record's ends.
    pub fn add(&self, record: &mut Record) {
        let [source, destination] = [End::Source, End::Destination].map(|end| self.found(record, end));
        if source.is.is_none() && destination.is.is_none() {
            return;
        }
        let mut who = record.who.take().unwrap_or_default();
        if let Some(depth) = self.policies {
            let flow = Conversation {
                source: (behind(record, End::Source).address, source.is.as_deref()),
                destination: (behind(record, End::Destination).address, destination.is.as_deref()),
                port: port(record, behind(record, End::Destination)),
            };
            let found = self.view.policies(&flow, depth);
            who.ingress = found.ingress.map(Into::into);
            who.egress = found.egress.map(Into::into);
        }
        self.set(&mut who.source, source);
        self.set(&mut who.destination, destination);
        record.who = Some(who);
        if let Some(links) = &self.links {
            links.link(record, &self.view);
        }
    }

    fn set(&self, party: &mut Party, found: Found) {
        let name = self.names.as_ref().zip(found.named.as_ref()).and_then(|(names, workload)| names.of(workload));
        if let Some(name) = name {
            party.name = Some(name.into());
        }
        party.workload = found.is;
    }

    /// Who is at an end. Where this host translates a service's address, it is the pod behind it that answers, by the
    /// name of the service.
    fn found(&self, record: &Record, end: End) -> Found {
        let container = record.who.as_deref().and_then(|who| who.party(end).process.as_ref()?.container.as_deref());
        let (own, behind) = (record.endpoint(end), behind(record, end));
        let answers = self.at(record, behind, container);
        if own == behind {
            let is = answers.map(Arc::new);
            return Found { named: is.clone(), is };
        }
        let named = self.at(record, own, None).map(Arc::new);
        let is = match (answers, &named) {
            (Some(answers), Some(asked)) if asked.service.is_some() => Some(Arc::new(Workload {
                service: asked.service.clone(),
                service_port: asked.service_port.clone(),
                via: asked.via,
                ..answers
            })),
            (Some(answers), _) => Some(Arc::new(answers)),
            (None, _) => named.clone(),
        };
        Found { is, named }
    }

    fn at(&self, record: &Record, endpoint: &Endpoint, container: Option<&Container>) -> Option<Workload> {
        self.view.workload(&kubernetes::End {
            pod_uid: container.and_then(|container| container.pod_uid.as_deref()),
            container_id: container.map(|container| &*container.id),
            address: endpoint.address,
            port: port(record, endpoint),
            at: record.start,
        })
    }
}

/// Who is at an end.
struct Found {
    /// All that is known of it.
    is: Option<Arc<Workload>>,
    /// What it is called by.
    named: Option<Arc<Workload>>,
}

/// Where the packets to an end go, behind a translation of what was asked.
fn behind(record: &Record, end: End) -> &Endpoint {
    match (&record.nat, end) {
        (Some(nat), End::Source) if record.initiator == Some(End::Destination) => &nat.source,
        (Some(nat), End::Destination) if record.initiator == Some(End::Source) => &nat.destination,
        _ => record.endpoint(end),
    }
}

/// The port of an end, of protocols whose ports Kubernetes knows.
fn port(record: &Record, end: &Endpoint) -> Option<Port> {
    Some(Port { number: end.port?, protocol: Protocol::of_number(record.protocol)? })
}
