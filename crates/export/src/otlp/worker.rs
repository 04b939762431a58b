//! The worker: takes batches from the queue, sends each until it is taken or lost, and counts.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client::{Body, Client};
use super::counters::{Counters, add};
use super::exporter::Full;
use super::outcome::{Cause, Outcome, Partial};
use super::queue::{Encoded, Queue};
use super::request;
use super::retry::{Backoff, Retry};

/// Causes that are logged; more than a receiver has, unless it makes them up.
const CAUSES_MAX: usize = 32;
/// Characters of a receiver's message that are logged.
const MESSAGE_MAX: usize = 200;

/// The worker's state, shared by the requests on the way.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) client: Client,
    pub(super) shared: Arc<Shared>,
    pub(super) retry: Retry,
    pub(super) full: Full,
    /// The last batch was lost because the receiver could not be reached.
    pub(super) down: AtomicBool,
    /// What was logged already.
    pub(super) heard: Mutex<HashSet<String>>,
}

/// What the producer and the worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) counters: Counters,
}

impl Shared {
    /// Closes the queue and counts what is left as lost. Also what a panicking worker leaves behind.
    pub(super) fn abandon(&self) {
        self.queue.close();
        let left: u64 = self.queue.drain().iter().map(|batch| batch.records).sum();
        let in_flight = self.counters.in_flight.swap(0, Ordering::Relaxed);
        add(&self.counters.shutdown, left + in_flight);
    }
}

/// How one request ended.
#[derive(Debug)]
enum End {
    Delivered(Partial),
    TooLarge(Cause),
    Refused(Cause),
    Unreachable(Cause),
}

impl Worker {
    /// Sends until the queue is closed and empty, or until the moment that `stop` tells.
    pub(super) async fn run(self, stop: watch::Receiver<Option<Instant>>) {
        tokio::select! {
            () = Arc::new(self).send_all() => {}
            () = deadline(stop) => {}
        }
    }

    /// A few batches at once: they may arrive in another order, which spans do not mind.
    async fn send_all(self: Arc<Self>) {
        let mut on_the_way = JoinSet::new();
        while let Some(batch) = { self.shared.queue.pop().await } {
            self.shared.counters.in_flight.fetch_add(batch.records, Ordering::Relaxed);
            let worker = Arc::clone(&self);
            on_the_way.spawn(async move { worker.deliver(batch).await });
            // One that panics leaves its records in `in_flight`: they are counted at the end.
            while on_the_way.len() >= self.client.concurrency() && on_the_way.join_next().await.is_some() {}
        }
        while on_the_way.join_next().await.is_some() {}
    }

    /// Sends a batch, in pieces where it is too large, until all of it is taken or lost.
    async fn deliver(&self, batch: Encoded) {
        let mut pieces = vec![batch];
        while let Some(piece) = pieces.pop() {
            let end = match self.client.body(&piece.bytes) {
                Ok(body) => self.attempt(&body).await,
                Err(cause) => End::Refused(cause),
            };
            match end {
                End::Delivered(partial) => self.delivered(piece.records, partial),
                End::Refused(cause) => self.refused(piece.records, &cause),
                End::Unreachable(cause) => self.unreachable(piece.records, &cause),
                End::TooLarge(cause) => match request::split(&piece.bytes) {
                    Some(halves) => {
                        pieces.extend(halves.into_iter().rev().map(|(bytes, records)| Encoded { bytes, records }));
                    }
                    None => self.too_large(piece.records, &cause),
                },
            }
        }
    }

    /// Sends one request as often as it takes.
    async fn attempt(&self, body: &Body) -> End {
        let mut backoff = Backoff::new(self.patience(), Instant::now());
        loop {
            let (asked, cause) = match self.client.send(body).await {
                Outcome::Delivered(partial) => return End::Delivered(partial),
                Outcome::TooLarge(cause) => return End::TooLarge(cause),
                Outcome::Refused(cause) => return End::Refused(cause),
                Outcome::TryAgain(asked, cause) => (asked, cause),
            };
            self.warn_once("OTLP receiver does not take spans now; trying again", &cause);
            match backoff.pause(Instant::now(), asked) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return End::Unreachable(cause),
            }
        }
    }

    /// A producer that waits would stand still for the whole time of retrying at every batch while the receiver is
    /// down: then each batch has one attempt. Otherwise batches wait in the queue, which may fill.
    fn patience(&self) -> Retry {
        match (self.full, self.down.load(Ordering::Relaxed)) {
            (Full::Wait, true) => Retry { total: Duration::ZERO, ..self.retry },
            _ => self.retry,
        }
    }

    fn delivered(&self, records: u64, partial: Partial) {
        let counters = &self.shared.counters;
        let rejected = partial.rejected.min(records);
        add(&counters.rejected, rejected);
        self.settle(&counters.sent, records, records - rejected, false);
        if rejected > 0 || !partial.message.is_empty() {
            let message: String = partial.message.chars().take(MESSAGE_MAX).collect();
            if self.is_new(format!("partial {message}")) {
                tracing::warn!(rejected, ?message, "OTLP receiver took a request in part; said once for each message");
            }
        }
    }

    fn refused(&self, records: u64, cause: &Cause) {
        self.settle(&self.shared.counters.refused, records, records, false);
        self.warn_once("OTLP receiver refused spans; they are lost", cause);
    }

    fn too_large(&self, records: u64, cause: &Cause) {
        self.settle(&self.shared.counters.too_large, records, records, false);
        self.warn_once("a single span is too large for the OTLP receiver; it is lost", cause);
    }

    fn unreachable(&self, records: u64, cause: &Cause) {
        self.settle(&self.shared.counters.unreachable, records, records, true);
        self.warn_once("OTLP receiver could not be reached; spans are lost", cause);
    }

    /// So many records are on the way no more, and so many are counted.
    fn settle(&self, counter: &AtomicU64, records: u64, counted: u64, down: bool) {
        self.down.store(down, Ordering::Relaxed);
        add(counter, counted);
        self.shared.counters.in_flight.fetch_sub(records, Ordering::Relaxed);
    }

    /// Logs what happened once for each code.
    fn warn_once(&self, what: &str, cause: &Cause) {
        if self.is_new(format!("{what} {}", cause.code)) {
            let message: String = cause.message.chars().take(MESSAGE_MAX).collect();
            // Quoted: the text comes from outside.
            tracing::warn!(code = cause.code, ?message, "{what}; said once for each code");
        }
    }

    fn is_new(&self, cause: String) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.len() < CAUSES_MAX && heard.insert(cause)
    }
}

/// Waits for the moment that the producer will tell; with the producer gone, there is nothing to wait for.
async fn deadline(mut stop: watch::Receiver<Option<Instant>>) {
    let moment = match stop.wait_for(Option::is_some).await {
        Ok(moment) => *moment,
        Err(_producer_gone) => None,
    };
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment.into()).await;
    }
}
