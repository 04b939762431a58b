//! The producer's side: records in, batches to the queue.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use flowtrace_flow::Record;
use flowtrace_span::{Batch, Options, Resource};
use tokio::sync::watch;
use tracing::Instrument as _;

use super::client::{Client, DestinationError};
use super::counters::{Counters, Report, add};
use super::destination::Destination;
use super::queue::{Encoded, Queue, Refusal};
use super::retry::Retry;
use super::statistics::{Requests, Statistics};
use super::worker::{Shared, Worker};
use crate::spool::{Found, Mode, Spool, SpoolSettings, Unusable};

/// Why there is no exporter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL, a header, a certificate or the like cannot be used.
    #[error("OTLP receiver: {0}")]
    Destination(#[from] DestinationError),
    /// The system gave no thread or no event queue to the worker.
    #[error("cannot start the OTLP exporter: {0}")]
    Start(#[from] std::io::Error),
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] Unusable),
}

/// What a push does when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Waits: for files, which can wait.
    Wait,
    /// Waits a moment ([`Settings::patience`]), then drops the batch and counts it: for live traffic.
    Drop,
}

/// Requests on the way at once, where nobody says how many: enough to hide the time of an answer.
const CONCURRENCY: usize = 4;

/// Bounds and times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What a push does when the queue is full.
    pub full: Full,
    /// With [`Full::Drop`]: how long pushes may wait between two ticks, all of them together, so that many records at
    /// once are no loss. A receiver that takes nothing is waited for only once.
    pub patience: Duration,
    /// Batches in the queue, at most.
    pub queue: usize,
    /// Records in a batch, at most. OpenTelemetry's batch processor has 512, too.
    pub batch_records: usize,
    /// Bytes at which a batch is closed; below the 4 MiB that gRPC servers take by default.
    pub batch_bytes: usize,
    /// Age at which a batch is closed.
    pub batch_age: Duration,
    /// How long one request may take (OTLP exporters' default: 10 s).
    pub timeout: Duration,
    /// How failed requests are tried again.
    pub retry: Retry,
}

impl Settings {
    /// The defaults: at most 64 MiB in the queue.
    pub fn new(full: Full) -> Self {
        Self {
            full,
            patience: Duration::from_millis(500),
            queue: 64,
            batch_records: 512,
            batch_bytes: 1 << 20,
            batch_age: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            retry: Retry::default(),
        }
    }
}

/// Sends records to an OTLP receiver. Dropped without [`Exporter::shutdown`], it forgets what is not sent.
#[derive(Debug)]
pub struct Exporter {
    settings: Settings,
    url: String,
    batch: Batch,
    /// When the first record of the batch came.
    opened: Option<Instant>,
    shared: Arc<Shared>,
    stop: watch::Sender<Option<Instant>>,
    worker: Option<JoinHandle<()>>,
    full_logged: bool,
    /// How long pushes may still wait.
    patience: Duration,
    /// Each record is on disk before it is sent.
    spools_all: bool,
    found: Found,
}

impl Exporter {
    /// Starts the worker. The receiver need not be there: connecting is part of sending.
    pub fn new(
        to: impl Into<Destination>,
        resource: &Resource,
        options: Options,
        settings: Settings,
    ) -> Result<Self, Error> {
        Self::with_spool(to, resource, options, settings, None)
    }

    /// As [`Self::new`]; what the receiver does not take meanwhile is kept on disk. What an earlier run left there is
    /// sent first.
    pub fn with_spool(
        to: impl Into<Destination>,
        resource: &Resource,
        options: Options,
        settings: Settings,
        spool: Option<SpoolSettings>,
    ) -> Result<Self, Error> {
        let mut to = to.into();
        to.concurrency.get_or_insert(if spool.is_some() { 1 } else { CONCURRENCY });
        let spools_all = spool.as_ref().is_some_and(|spool| spool.mode == Mode::Always);
        let (spool, found) = spool.map(Spool::open).transpose()?.unzip();
        let queue = Queue::new(settings.queue, settings.retry.total, spool);
        let shared = Arc::new(Shared { queue, counters: Counters::default(), requests: Requests::default() });
        let (stop, stopped) = watch::channel(None);
        let url = to.url.clone();
        let worker = start(to, settings, Arc::clone(&shared), stopped)?;
        let batch = Batch::new(resource, options);
        Ok(Self {
            settings,
            url,
            batch,
            opened: None,
            shared,
            stop,
            worker: Some(worker),
            full_logged: false,
            patience: settings.patience,
            spools_all,
            found: found.unwrap_or_default(),
        })
    }

    /// Adds the record to the batch, and the batch to the queue when it is full.
    pub fn push(&mut self, record: &Record) {
        if self.batch.is_empty() {
            self.opened = Some(Instant::now());
        }
        self.batch.push(record);
        if self.batch.len() >= self.settings.batch_records || self.batch.bytes() >= self.settings.batch_bytes {
            self.enqueue();
        }
    }

    /// When [`Self::tick`] has something to do; `None` when there is nothing.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.opened.map(|opened| opened + self.settings.batch_age)
    }

    /// Queues the batch when it is old enough; at once where each is to be on disk, so that all that was pushed
    /// before a tick is there after it.
    pub fn tick(&mut self, now: Instant) {
        if self.spools_all || self.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.enqueue();
        }
        if self.shared.queue.depth() < self.settings.queue {
            self.patience = self.settings.patience;
        }
        self.shared.queue.beat(self.batch.len() as u64);
    }

    /// For how many more records there is room, a quarter of it kept back for those that cannot wait.
    pub fn room(&self) -> u64 {
        (self.shared.queue.room(self.settings.batch_bytes) * self.settings.batch_records) as u64
    }

    /// How many batches wait in the queue.
    pub fn queue_depth(&self) -> usize {
        self.shared.queue.depth()
    }

    /// What became of the records so far; those in the batch, in the queue and on the way are in none of its numbers.
    pub fn report(&self) -> Report {
        self.shared.counters.report(self.shared.queue.damaged(), self.found)
    }

    /// How it is doing.
    pub fn statistics(&self) -> Statistics {
        let Shared { queue, requests, .. } = &*self.shared;
        let (backlog, down) = queue.backlog();
        Statistics { report: self.report(), down, backlog, requests: requests.read() }
    }

    /// What a push does when the queue is full.
    pub fn full(&self) -> Full {
        self.settings.full
    }

    /// From now on pushes wait until then, where there is no room: it is the end, and the last records are coming.
    pub fn end_by(&self, end: Instant) {
        self.shared.queue.end_by(end);
    }

    /// Says the end from another thread, also while a push waits.
    pub fn ender(&self) -> Ender {
        Ender(Arc::clone(&self.shared))
    }

    /// Sends what is left, for at most so long, or until the end that was said; says what became of all records.
    pub fn shutdown(mut self, timeout: Duration) -> Report {
        let end = self.shared.queue.end().unwrap_or_else(|| Instant::now() + timeout);
        self.end_by(end);
        self.enqueue();
        self.shared.queue.close();
        let _ = self.stop.send(Some(end));
        if let Some(worker) = self.worker.take()
            && worker.join().is_err()
        {
            tracing::error!("the OTLP worker panicked; what it had not sent is counted as lost");
        }
        self.report()
    }

    /// Until when a push may wait for room.
    fn deadline(&self) -> Option<Instant> {
        match (self.shared.queue.end(), self.settings.full) {
            (Some(end), _) => Some(end),
            (None, Full::Wait) => None,
            (None, Full::Drop) => Some(Instant::now() + self.patience),
        }
    }

    fn enqueue(&mut self) {
        self.opened = None;
        if self.batch.is_empty() {
            return;
        }
        let records = self.batch.len() as u64;
        let bytes = self.batch.finish();
        let begun = Instant::now();
        let pushed = self.shared.queue.push(Encoded { bytes, records }, self.deadline());
        self.patience = self.patience.saturating_sub(begun.elapsed());
        let counters = &self.shared.counters;
        let counter = match pushed {
            Ok(()) => return,
            Err(Refusal::Closed) => return add(&counters.shutdown, records),
            Err(Refusal::Full) => &counters.queue_full,
            Err(Refusal::Spool(refused)) => counters.spool(refused),
        };
        add(counter, records);
        if !std::mem::replace(&mut self.full_logged, true) {
            let (to, bound) = (&self.url, self.settings.queue);
            tracing::warn!(to, bound, "the queue `otlp` is full; spans are lost; said once");
        }
    }
}

/// Says when an [`Exporter`] ends; it may be gone already.
#[derive(Debug)]
pub struct Ender(Arc<Shared>);

impl Ender {
    /// See [`Exporter::end_by`].
    pub fn end_by(&self, end: Instant) {
        self.0.queue.end_by(end);
    }
}

impl Drop for Exporter {
    /// Tells the worker to end; does not wait for it.
    fn drop(&mut self) {
        self.shared.queue.close();
        let _ = self.stop.send(Some(Instant::now()));
    }
}

/// Starts the worker's thread with a runtime of its own.
fn start(
    destination: Destination,
    settings: Settings,
    shared: Arc<Shared>,
    stop: watch::Receiver<Option<Instant>>,
) -> Result<JoinHandle<()>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let url = destination.url.clone();
    let client = Client::new(destination, settings.timeout)?;
    // Of several receivers, each message names its own.
    let span = tracing::error_span!("otlp", to = url);
    let Settings { retry, full, .. } = settings;
    let (down, heard) = (AtomicBool::new(false), Mutex::new(HashSet::new()));
    let worker = Worker { client, shared: Arc::clone(&shared), retry, full, down, heard };
    let run = move || {
        let _left = Left(shared);
        runtime.block_on(worker.run(stop).instrument(span));
        // A name server that does not answer must not hold up the end.
        runtime.shutdown_background();
    };
    Ok(std::thread::Builder::new().name("otlp".into()).spawn(run)?)
}

/// Counts what the worker leaves behind, however it ends.
struct Left(Arc<Shared>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
