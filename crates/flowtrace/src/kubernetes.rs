//! What Kubernetes knows of the ends of a record.

mod domain;
mod links;
mod settings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use flowtrace_flow::workload::Workload;
use flowtrace_flow::{End, Party, Record, Who};
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
        let [source, destination] = [End::Source, End::Destination].map(|end| self.workload(record, end));
        if source.is_none() && destination.is_none() {
            return;
        }
        let mut who = record.who.take().unwrap_or_default();
        if let Some(depth) = self.policies {
            let of = |workload| match workload {
                End::Source => (record.source.address, source.as_deref()),
                End::Destination => (record.destination.address, destination.as_deref()),
            };
            let port = port(record, End::Destination);
            let flow = Conversation { source: of(End::Source), destination: of(End::Destination), port };
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

    fn set(&self, party: &mut Party, workload: Option<Arc<Workload>>) {
        let name = self.names.as_ref().zip(workload.as_ref()).and_then(|(names, workload)| names.of(workload));
        if let Some(name) = name {
            party.name = Some(name.into());
        }
        party.workload = workload;
    }

    fn workload(&self, record: &Record, end: End) -> Option<Arc<Workload>> {
        let endpoint = match end {
            End::Source => &record.source,
            End::Destination => &record.destination,
        };
        let container = record.who.as_deref().and_then(|who| party(who, end).process.as_ref()?.container.as_deref());
        let asked = kubernetes::End {
            pod_uid: container.and_then(|container| container.pod_uid.as_deref()),
            container_id: container.map(|container| &*container.id),
            address: endpoint.address,
            port: port(record, end),
            at: record.start,
        };
        self.view.workload(&asked).map(Arc::new)
    }
}

/// The port of an end, of protocols whose ports Kubernetes knows.
fn port(record: &Record, end: End) -> Option<Port> {
    let number = match end {
        End::Source => record.source.port,
        End::Destination => record.destination.port,
    };
    Some(Port { number: number?, protocol: Protocol::of_number(record.protocol)? })
}

/// Who is at an end.
fn party(who: &Who, end: End) -> &Party {
    match end {
        End::Source => &who.source,
        End::Destination => &who.destination,
    }
}
