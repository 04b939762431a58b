//! The worker: takes batches from the queue, sends each until it is taken or lost, and counts.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tonic::{Code, Status};

use super::client::{Client, PartialSuccess};
use super::counters::{Counters, add};
use super::exporter::Full;
use super::queue::{Encoded, Queue, Taken};
use super::retry::{Backoff, Retry, Verdict, judge};

/// Causes that are logged; more than a receiver has, unless it makes them up.
const CAUSES_MAX: usize = 32;
/// Characters of a receiver's message that are logged.
const MESSAGE_MAX: usize = 200;

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was delivered or is lost, and counted.
    Final,
    /// The receiver does not answer; the spool keeps it, so it is tried again until the end.
    Kept,
}

/// The worker's state.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) client: Client,
    pub(super) shared: Arc<Shared>,
    pub(super) retry: Retry,
    pub(super) full: Full,
    /// The last batch was lost because the receiver could not be reached.
    pub(super) down: bool,
    /// What was logged already.
    pub(super) heard: HashSet<String>,
}

/// What the producer and the worker share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) counters: Counters,
}

impl Shared {
    /// Closes the queue and counts what is left: in the spool, or as lost. Also what a panicking worker leaves behind.
    pub(super) fn abandon(&self) {
        let left = self.queue.abandon();
        add(&self.counters.shutdown, left.lost);
        add(&self.counters.spooled, left.spooled);
    }
}

impl Worker {
    /// Sends until the queue is closed and empty, or until the moment that `stop` tells.
    pub(super) async fn run(mut self, stop: watch::Receiver<Option<Instant>>) {
        tokio::select! {
            () = self.send_all() => {}
            () = deadline(stop) => {}
        }
    }

    async fn send_all(&mut self) {
        while let Some(Taken { id, batch }) = self.shared.queue.pop().await {
            while self.deliver(&batch).await == Outcome::Kept {
                tokio::time::sleep(self.retry.maximum).await;
            }
            self.shared.queue.done(id);
        }
    }

    async fn deliver(&mut self, batch: &Encoded) -> Outcome {
        let mut backoff = Backoff::new(self.patience(), Instant::now());
        loop {
            let status = match self.client.send(batch.bytes.clone()).await {
                Ok(partial) => {
                    self.delivered(batch.records, partial);
                    return Outcome::Final;
                }
                Err(status) => status,
            };
            let asked = match judge(&status) {
                Verdict::TryAgain(asked) => asked,
                Verdict::GiveUp => {
                    self.refused(batch.records, &status);
                    return Outcome::Final;
                }
            };
            let is_kept = self.shared.queue.set_down(true);
            self.warn_once("OTLP receiver does not answer; trying again", &status);
            match backoff.pause(Instant::now(), asked) {
                Some(pause) => tokio::time::sleep(pause).await,
                None if is_kept => return Outcome::Kept,
                None => {
                    self.unreachable(batch.records, &status);
                    return Outcome::Final;
                }
            }
        }
    }

    /// A producer that waits would stand still for the whole time of retrying at every batch while the receiver is
    /// down: then each batch has one attempt. Otherwise batches wait in the queue, which may fill.
    fn patience(&self) -> Retry {
        match (self.full, self.down) {
            (Full::Wait, true) => Retry { total: Duration::ZERO, ..self.retry },
            _ => self.retry,
        }
    }

    fn delivered(&mut self, records: u64, partial: Option<PartialSuccess>) {
        self.answered();
        let PartialSuccess { rejected_spans, error_message } = partial.unwrap_or_default();
        let rejected = u64::try_from(rejected_spans).unwrap_or(0).min(records);
        add(&self.shared.counters.sent, records - rejected);
        add(&self.shared.counters.rejected, rejected);
        if rejected > 0 || !error_message.is_empty() {
            let message: String = error_message.chars().take(MESSAGE_MAX).collect();
            if self.is_new(format!("partial {message}")) {
                tracing::warn!(rejected, ?message, "OTLP receiver took a request in part; said once for each message");
            }
        }
    }

    fn answered(&mut self) {
        self.down = false;
        self.shared.queue.set_down(false);
    }

    fn refused(&mut self, records: u64, status: &Status) {
        self.answered();
        add(&self.shared.counters.refused, records);
        self.warn_once("OTLP receiver refused spans; they are lost", status);
    }

    fn unreachable(&mut self, records: u64, status: &Status) {
        self.down = true;
        add(&self.shared.counters.unreachable, records);
        self.warn_once("OTLP receiver could not be reached; spans are lost", status);
    }

    /// Logs what happened once for each status code.
    fn warn_once(&mut self, what: &str, status: &Status) {
        let code: Code = status.code();
        if self.is_new(format!("{what} {code:?}")) {
            let message: String = explain(status).chars().take(MESSAGE_MAX).collect();
            // Quoted: the text comes from outside.
            tracing::warn!(?code, ?message, "{what}; said once for each code");
        }
    }

    fn is_new(&mut self, cause: String) -> bool {
        self.heard.len() < CAUSES_MAX && self.heard.insert(cause)
    }
}

/// The status' message, with the causes below it: "tcp connect error: Connection refused".
fn explain(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        let error_text = error.to_string();
        if !text.contains(&error_text) {
            text.push_str(": ");
            text.push_str(&error_text);
        }
        cause = error.source();
    }
    text
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
