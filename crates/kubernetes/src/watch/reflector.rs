//! One kind: its list, then its changes, for ever.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::Semaphore;

use super::client::Client;
use super::clock::Clock;
use super::events::{Event, Page, Partial, What};
use super::failure::{Failure, Remedy};
use super::lines::Lines;
use super::pause::Backoff;
use super::progress::{Phase, Progress};
use super::{Settings, Sink, request};
use crate::{Kind, Object};

/// More bytes are no event. etcd takes objects of 1.5 MiB, which are some larger in JSON.
const EVENT: usize = 4 << 20;
/// A page with more bytes is asked for again with half as many objects.
const PAGE: usize = 16 << 20;
/// After so many failures at the same place a new list is read.
const STRIKES: u32 = 3;
/// A server ends a watch at its time; so much later we do.
const GRACE: Duration = Duration::from_secs(30);

/// What the kinds share.
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) sink: Mutex<Box<dyn Sink>>,
    pub(super) progress: Arc<Progress>,
    pub(super) settings: Settings,
    /// Pages that are being read: their memory is bounded together, and the server is asked for few at a time.
    pub(super) pages: Semaphore,
    pub(super) clock: Clock,
}

impl Shared {
    /// Tells the sink, for ever, that time goes on.
    pub(super) async fn tick(&self, period: Duration) {
        loop {
            tokio::time::sleep(period).await;
            self.sink.lock().unwrap_or_else(PoisonError::into_inner).tick(self.clock.now());
        }
    }
}

/// Watches one kind.
pub(super) struct Reflector {
    kind: Kind,
    shared: Arc<Shared>,
    /// The version up to which everything is known.
    version: Option<String>,
    /// Objects in a page.
    page: usize,
    backoff: Backoff,
    /// Failures at the same place that may be the place's.
    strikes: u32,
}

impl Reflector {
    pub(super) fn new(kind: Kind, shared: Arc<Shared>) -> Self {
        shared.progress.change(kind, |kind| kind.phase = Phase::Listing);
        let backoff = Backoff::new(shared.settings.pauses.clone());
        Self { kind, page: shared.settings.page.max(1), shared, version: None, backoff, strikes: 0 }
    }

    pub(super) async fn run(mut self) {
        loop {
            let done = match self.version.clone() {
                None => self.list().await,
                Some(version) => self.watch(&version).await,
            };
            let pause = match done {
                Ok(pause) => pause,
                Err(failure) => self.failed(&failure),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads the whole list, page by page.
    async fn list(&mut self) -> Result<Duration, Failure> {
        self.shared.progress.change(self.kind, |kind| kind.phase = Phase::Listing);
        self.sink(|sink, kind| sink.begin_list(kind));
        let mut token = None;
        let version = loop {
            match self.page(token.as_deref()).await {
                Err(Failure::TooLarge(_)) if self.page > 1 => self.page /= 2,
                Err(failure) => return Err(failure),
                Ok((version, next)) if next.is_empty() => break version,
                Ok((_, next)) => token = Some(next),
            }
        };
        let at = self.shared.clock.now();
        self.sink(|sink, kind| sink.end_list(kind, at));
        self.version = Some(version);
        self.strikes = 0;
        let first = !self.shared.progress.of(self.kind).synced;
        self.well(Phase::Listing, |kind| {
            kind.synced = true;
            kind.counts.lists += 1;
        });
        if first {
            tracing::debug!(kind = self.kind.plural(), "listed");
        }
        Ok(Duration::ZERO)
    }

    /// Reads one page: its version and the next one's token.
    async fn page(&self, token: Option<&str>) -> Result<(String, String), Failure> {
        // The semaphore is never closed.
        let _permit = self.shared.pages.acquire().await;
        self.count(|counts| counts.list_requests += 1);
        let get = request::list(self.kind, self.shared.settings.node.as_deref(), self.page, token);
        let mut body = self.shared.client.get(&get).await?.into_body();
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece(&mut body, self.shared.settings.answer).await? {
            if bytes.len() + piece.len() > PAGE {
                return Err(Failure::TooLarge(PAGE));
            }
            bytes.extend_from_slice(&piece);
        }
        let page = Page::read(&bytes)?;
        let (items, at) = (page.items.unwrap_or_default(), self.shared.clock.now());
        let mut unreadable = 0;
        for item in &items {
            match Object::parse(self.kind, item.get()) {
                Ok(object) => self.sink(|sink, kind| sink.apply(kind, object, at)),
                Err(error) => {
                    tracing::debug!(kind = self.kind.plural(), %error, "an object that cannot be read");
                    unreadable += 1;
                }
            }
        }
        self.count(|counts| {
            counts.listed += items.len() as u64;
            counts.unreadable += unreadable;
        });
        Ok((page.metadata.resource_version, page.metadata.token))
    }

    /// Reads changes until the stream ends.
    async fn watch(&mut self, version: &str) -> Result<Duration, Failure> {
        let began = Instant::now();
        let settings = &self.shared.settings;
        let (silence, time) = (settings.silence, settings.watch.mul_f64(1.0 + fastrand::f64()));
        let get = request::watch(self.kind, settings.node.as_deref(), version, time);
        self.count(|counts| counts.watch_requests += 1);
        let mut body = self.shared.client.get(&get).await?.into_body();
        self.shared.progress.change(self.kind, |kind| (kind.phase, kind.trouble) = (Phase::Watching, None));
        let mut lines = Lines::new(EVENT);
        let mut heard = false;
        while began.elapsed() < time + GRACE {
            let Some(piece) = self.piece(&mut body, silence).await? else { break };
            lines.push(&piece);
            while let Some(line) = lines.next().map_err(|_too_long| Failure::TooLarge(EVENT))? {
                self.event(line)?;
                heard = true;
            }
        }
        // Ended before its time, and said nothing.
        if !heard && began.elapsed() < time / 2 {
            return Err(Failure::Ended);
        }
        Ok(self.backoff.success())
    }

    /// Takes one event in.
    fn event(&mut self, line: &[u8]) -> Result<(), Failure> {
        let Event { what, object } = Event::read(line)?;
        let json = object.get();
        if what == What::Error {
            return Err(Failure::of_status(http::StatusCode::OK, None, json.as_bytes()));
        }
        let at = self.shared.clock.now();
        let version = match what {
            What::Bookmark => Partial::read(json)?.metadata.resource_version,
            What::Deleted => self.delete(json, at)?,
            What::Added | What::Modified | What::Error => match Object::parse(self.kind, json) {
                Ok(object) if !object.metadata().resource_version.is_empty() => {
                    let version = object.metadata().resource_version.clone();
                    self.sink(|sink, kind| sink.apply(kind, object, at));
                    version
                }
                _ => {
                    // What it was before is no longer true.
                    self.count(|counts| counts.unreadable += 1);
                    self.delete(json, at)?
                }
            },
        };
        self.version = Some(version);
        self.strikes = 0;
        self.backoff.success();
        self.well(Phase::Watching, |kind| match what {
            What::Bookmark => kind.counts.bookmarks += 1,
            _ => kind.counts.events += 1,
        });
        Ok(())
    }

    fn delete(&self, json: &str, at: u64) -> Result<String, Failure> {
        let metadata = Partial::read(json)?.metadata;
        self.sink(|sink, kind| sink.delete(kind, &metadata, at));
        Ok(metadata.resource_version)
    }

    /// The next bytes of a body; none at its end.
    async fn piece(&self, body: &mut Incoming, patience: Duration) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = tokio::time::timeout(patience, body.frame()).await;
            match frame.map_err(|_elapsed| Failure::Silent(patience))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::connection(&error)),
                // What is no data are trailers.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.count(|counts| counts.bytes += data.len() as u64);
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Notes a failure and does what helps; how long to wait.
    fn failed(&mut self, failure: &Failure) -> Duration {
        let remedy = failure.remedy();
        let pause = match remedy {
            Remedy::List => {
                self.count(|counts| counts.expired += 1);
                self.backoff.failure(None).max(self.backoff.relist())
            }
            Remedy::Wait => self.backoff.refusal(),
            Remedy::Again(asked) | Remedy::AgainThenList(asked) => self.backoff.failure(asked),
        };
        if matches!(remedy, Remedy::AgainThenList(_)) {
            self.strikes += 1;
        }
        if remedy == Remedy::List || self.strikes >= STRIKES {
            self.version = None;
            self.strikes = 0;
        }
        self.note(failure, if remedy == Remedy::Wait { Phase::Refused } else { Phase::Retrying }, pause);
        pause
    }

    /// Says what went wrong, once, and keeps it.
    fn note(&self, failure: &Failure, phase: Phase, pause: Duration) {
        let (kind, text) = (self.kind.plural(), failure.to_string());
        self.shared.progress.change(self.kind, |progress| {
            // A stream that breaks is of no interest unless it does not come back.
            let is_news = progress.trouble.is_none() && (phase == Phase::Refused || progress.phase != Phase::Watching);
            if is_news {
                tracing::warn!(kind, ?pause, "Kubernetes: {text}");
            } else {
                tracing::debug!(kind, ?pause, "Kubernetes: {text}");
            }
            progress.phase = phase;
            progress.counts.failures += 1;
            progress.trouble = Some(text);
        });
    }

    /// Notes that the server was heard.
    fn well(&self, phase: Phase, change: impl FnOnce(&mut super::progress::KindProgress)) {
        self.shared.progress.change(self.kind, |kind| {
            kind.phase = phase;
            kind.heard = Some(Instant::now());
            kind.trouble = None;
            change(kind);
        });
    }

    fn count(&self, count: impl FnOnce(&mut super::progress::Counts)) {
        self.shared.progress.count(self.kind, count);
    }

    fn sink<T>(&self, call: impl FnOnce(&mut dyn Sink, Kind) -> T) -> T {
        let mut sink = self.shared.sink.lock().unwrap_or_else(PoisonError::into_inner);
        call(&mut **sink, self.kind)
    }
}
