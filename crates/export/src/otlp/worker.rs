//! The worker: takes batches from the queue, sends each until it is taken or lost, and counts.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::client::{Body, Client};
use super::counters::{Counters, add};
use super::exporter::Full;
use super::outcome::{Cause, Outcome, Partial};
use super::queue::{Encoded, Queue, Taken};
use super::request;
use super::retry::{Backoff, Retry};
use super::statistics::Requests;

/// Causes that are logged; more than a receiver has, unless it makes them up.
const CAUSES_MAX: usize = 32;
/// Characters of a receiver's message that are logged.
const MESSAGE_MAX: usize = 200;
/// The longest that a receiver's wish puts off a batch that is on disk.
const ASKED_MAX: Duration = Duration::from_secs(300);

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
    pub(super) requests: Requests,
}

impl Shared {
    /// Closes the queue and counts what is left: in the spool, or as lost. Also what a panicking worker leaves behind.
    pub(super) fn abandon(&self) {
        let left = self.queue.abandon();
        add(&self.counters.shutdown, left.lost);
        add(&self.counters.spooled, left.spooled);
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

/// What became of the records of a batch. Counted when all of it is sent or lost: until then the queue has it whole.
#[derive(Debug, Default)]
struct Tally {
    sent: u64,
    rejected: u64,
    refused: u64,
    too_large: u64,
    unreachable: u64,
}

impl Worker {
    /// Sends until the queue is closed and empty, or until the moment that `stop` tells.
    pub(super) async fn run(self, stop: watch::Receiver<Option<Instant>>) {
        tokio::select! {
            () = Arc::new(self).send_all() => {}
            () = deadline(stop) => {}
        }
    }

    /// More than one batch at once may arrive in another order, which spans do not mind.
    async fn send_all(self: Arc<Self>) {
        let mut on_the_way = JoinSet::new();
        while let Some(Taken { id, batch }) = self.shared.queue.pop().await {
            let worker = Arc::clone(&self);
            let send = async move {
                let tally = worker.deliver(batch).await;
                worker.count(&tally);
                worker.shared.queue.done(id);
            };
            on_the_way.spawn(send.in_current_span());
            // The queue still has the batch of one that panics, and counts it in the end.
            while on_the_way.len() >= self.client.concurrency() && on_the_way.join_next().await.is_some() {}
        }
        while on_the_way.join_next().await.is_some() {}
    }

    /// Sends a batch, in pieces where it is too large, until all of it is taken or lost.
    async fn deliver(&self, batch: Encoded) -> Tally {
        let (mut tally, mut pieces) = (Tally::default(), vec![batch]);
        while let Some(piece) = pieces.pop() {
            let end = match self.client.body(&piece.bytes) {
                Ok(body) => self.attempt(&body).await,
                Err(cause) => End::Refused(cause),
            };
            match end {
                End::TooLarge(cause) => match request::split(&piece.bytes) {
                    Some(halves) => {
                        pieces.extend(halves.into_iter().rev().map(|(bytes, records)| Encoded { bytes, records }));
                    }
                    None => self.too_large(piece.records, &cause, &mut tally),
                },
                End::Delivered(partial) => self.delivered(piece.records, partial, &mut tally),
                End::Refused(cause) => self.refused(piece.records, &cause, &mut tally),
                End::Unreachable(cause) => self.unreachable(piece.records, &cause, &mut tally),
            }
        }
        tally
    }

    /// Sends one request as often as it takes: with a spool, which keeps the batch, until the end.
    async fn attempt(&self, body: &Body) -> End {
        let mut backoff = Backoff::new(self.patience(), Instant::now());
        loop {
            let begun = Instant::now();
            let outcome = self.client.send(body).await;
            self.shared.requests.count(&outcome, begun.elapsed());
            let (asked, cause) = match outcome {
                Outcome::Delivered(partial) => return End::Delivered(partial),
                Outcome::TooLarge(cause) => return End::TooLarge(cause),
                Outcome::Refused(cause) => return End::Refused(cause),
                Outcome::TryAgain(asked, cause) => (asked, cause),
            };
            let is_kept = self.shared.queue.set_down(true);
            self.warn_once("OTLP receiver does not take spans now; trying again", &cause);
            match backoff.pause(Instant::now(), asked) {
                Some(pause) => tokio::time::sleep(pause).await,
                None if is_kept => tokio::time::sleep(self.retry.maximum.max(asked.min(ASKED_MAX))).await,
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

    fn delivered(&self, records: u64, partial: Partial, tally: &mut Tally) {
        self.answered();
        let rejected = partial.rejected.min(records);
        tally.rejected += rejected;
        tally.sent += records - rejected;
        if rejected > 0 || !partial.message.is_empty() {
            let message: String = partial.message.chars().take(MESSAGE_MAX).collect();
            if self.is_new(format!("partial {message}")) {
                tracing::warn!(rejected, ?message, "OTLP receiver took a request in part; said once for each message");
            }
        }
    }

    fn answered(&self) {
        self.down.store(false, Ordering::Relaxed);
        self.shared.queue.set_down(false);
    }

    fn refused(&self, records: u64, cause: &Cause, tally: &mut Tally) {
        self.answered();
        tally.refused += records;
        self.warn_once("OTLP receiver refused spans; they are lost", cause);
    }

    fn too_large(&self, records: u64, cause: &Cause, tally: &mut Tally) {
        self.answered();
        tally.too_large += records;
        self.warn_once("a single span is too large for the OTLP receiver; it is lost", cause);
    }

    fn unreachable(&self, records: u64, cause: &Cause, tally: &mut Tally) {
        self.down.store(true, Ordering::Relaxed);
        tally.unreachable += records;
        self.warn_once("OTLP receiver could not be reached; spans are lost", cause);
    }

    fn count(&self, tally: &Tally) {
        let counters = &self.shared.counters;
        add(&counters.sent, tally.sent);
        add(&counters.rejected, tally.rejected);
        add(&counters.refused, tally.refused);
        add(&counters.too_large, tally.too_large);
        add(&counters.unreachable, tally.unreachable);
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
