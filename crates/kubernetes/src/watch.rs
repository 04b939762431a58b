//! Watches the API server: lists each kind once and then has it tell what changes.
//!
//! In a thread of its own; nobody waits for it. What comes goes to a [`Sink`]; how far it has come is in [`Progress`].
//! Why it is not a library: `docs/decisions/0053-the-kubernetes-client.md`.

mod access;
mod client;
mod clock;
mod events;
mod failure;
mod kubeconfig;
mod lines;
mod pause;
mod progress;
mod reflector;
mod request;
mod tls;

pub use access::{Access, AccessError, Text};
pub use pause::Pauses;
pub use progress::{Counts, KindProgress, Phase, Progress};

use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use crate::object::Metadata;
use crate::{Cluster, Kind, Object};
use client::Client;
use clock::Clock;
use reflector::{Reflector, Shared};

/// Pages that are read at a time, each of 16 MiB at most.
const PAGES: usize = 2;
/// How often the sink is told that time goes on.
const TICK: Duration = Duration::from_secs(5);

/// Takes what comes. Called in the watching thread; times are nanoseconds since 1970 and never run backwards.
pub trait Sink: Send {
    /// A list of all objects of a kind begins. One that began before and did not end came to nothing.
    fn begin_list(&mut self, kind: Kind);
    /// The list was complete: what was known of the kind and not in it is gone.
    fn end_list(&mut self, kind: Kind, at: u64);
    /// An object is new or changed, or in a list.
    fn apply(&mut self, kind: Kind, object: Object, at: u64);
    /// An object is gone.
    fn delete(&mut self, kind: Kind, metadata: &Metadata, at: u64);
    /// Time goes on: called every few seconds.
    fn tick(&mut self, at: u64);
}

impl Sink for Cluster {
    fn begin_list(&mut self, kind: Kind) {
        self.begin_list(kind);
    }

    fn end_list(&mut self, kind: Kind, at: u64) {
        self.end_list(kind, at);
    }

    fn apply(&mut self, kind: Kind, object: Object, at: u64) {
        self.apply(kind, &object, at);
    }

    fn delete(&mut self, kind: Kind, metadata: &Metadata, at: u64) {
        self.delete(kind, metadata, at);
    }

    fn tick(&mut self, at: u64) {
        self.expire(at);
    }
}

/// What is watched, and how patiently.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of pods only those of the node with this name: [`Scope::Node`](crate::Scope::Node). Of other kinds all.
    pub node: Option<String>,
    /// The kinds; each is watched by one request at a time.
    pub kinds: Vec<Kind>,
    /// Objects in a page of a list (client-go: 500).
    pub page: usize,
    /// How long a watch is asked for; up to twice that, at random (client-go: 5 to 10 min).
    pub watch: Duration,
    /// How long a watch may say nothing before it is given up: servers send bookmarks about each minute.
    pub silence: Duration,
    /// How long an answer may take to begin, and a list to go on.
    pub answer: Duration,
    /// How long to wait after failures.
    pub pauses: Pauses,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node: None,
            kinds: Kind::ALL.to_vec(),
            page: 500,
            watch: Duration::from_secs(300),
            silence: Duration::from_secs(180),
            answer: Duration::from_secs(30),
            pauses: Pauses::default(),
        }
    }
}

/// What is wrong with watching.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The way to the server.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The system.
    #[error("the thread that watches Kubernetes cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// The thread that watches. It ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    progress: Arc<Progress>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to watch; connects to nobody yet when it returns.
    ///
    /// # Errors
    /// When certificates cannot be read, or the thread cannot be started. A server that cannot be reached is no error:
    /// it is tried again, and [`Progress`] says so.
    pub fn start(access: Access, settings: Settings, sink: Box<dyn Sink>) -> Result<Self, WatchError> {
        let client = Client::new(access, settings.answer)?;
        let progress = Arc::new(Progress::default());
        let (pages, sink) = (Semaphore::new(PAGES), Mutex::new(sink));
        let clock = Clock::default();
        let shared = Arc::new(Shared { client, sink, progress: Arc::clone(&progress), settings, pages, clock });
        // Now, so that nobody sees a watch without kinds.
        let kinds = shared.settings.kinds.iter();
        let reflectors: Vec<_> = kinds.map(|kind| Reflector::new(*kind, Arc::clone(&shared))).collect();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("kubernetes".into())
            .spawn(move || run(runtime, &shared, reflectors, stopped))?;
        Ok(Self { progress, stop: Some(stop), thread: Some(thread) })
    }

    /// How far it has come.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Its end is the signal.
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watches Kubernetes has panicked");
        }
    }
}

fn run(runtime: Runtime, shared: &Shared, reflectors: Vec<Reflector>, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        let mut kinds = JoinSet::new();
        for reflector in reflectors {
            kinds.spawn(reflector.run());
        }
        tokio::select! {
            _ = stopped => (),
            // Kinds are watched for ever.
            Some(Err(error)) = kinds.join_next() => tracing::error!(%error, "Kubernetes is no longer watched"),
            () = shared.tick(TICK) => (),
        }
    });
    // Not waiting for names that are being resolved.
    runtime.shutdown_background();
}
