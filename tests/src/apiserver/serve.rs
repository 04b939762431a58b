//! Connections, and the streams of watches.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::answers::{Question, list, recorded, refusal};
use super::fault::{Ask, Fault};
use super::http::{Answer, Request, chunk};
use super::recording::{Event, Key};
use super::{Asked, Recording, Shared};

/// How often what waits looks whether it is to stop.
const TICK: Duration = Duration::from_millis(50);

trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

/// Answers the requests of a connection.
pub(super) fn connection(shared: &Shared, stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Duplex> = match tls {
        None => Box::new(stream),
        Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)),
    };
    let mut stream = BufReader::new(stream);
    while let Some(request) = Request::read(&mut stream) {
        if answer(shared, &request, stream.get_mut()).is_err() {
            return;
        }
    }
}

fn answer(shared: &Shared, request: &Request, to: &mut dyn Duplex) -> io::Result<()> {
    let question = Question::of(request);
    let ask = if request.parameter("watch").is_some() { Ask::Watch } else { Ask::List };
    let (now, oldest, refused, fault) = {
        let mut control = shared.control.lock().unwrap();
        control.asked.push(Asked {
            kind: question.kind.clone(),
            path: request.target.clone(),
            accept: request.header("accept").to_owned(),
            ask,
        });
        let refused = refusal(&shared.recording, &control, &question);
        let place = control.faults.iter().position(|(kind, of, _)| *kind == question.kind && *of == ask);
        let fault = place.filter(|_| refused.is_none()).map(|place| control.faults.remove(place).2);
        (control.now, control.oldest, refused, fault)
    };
    let whole = match (&fault, refused) {
        (_, Some(refusal)) => Some(refusal),
        (Some(Fault::Recorded(file)), None) => Some(recorded(&shared.recording, file)),
        (Some(Fault::Body(body)), None) => Some(Answer::json(200, body.clone())),
        (Some(Fault::Status(status, seconds)), None) => {
            let mut answer = Answer::json(*status, Vec::new());
            answer.headers.extend(seconds.map(|seconds| ("Retry-After".to_owned(), seconds.to_string())));
            Some(answer)
        }
        _ if ask == Ask::List => Some(list(&shared.recording, now, &question)),
        _ if request.parameter("sendInitialEvents").is_some() => Some(streaming_list(shared, now, request)),
        _ => None,
    };
    let mut sender = Sender { shared, to, fault, sent: 0 };
    match whole {
        Some(answer) => {
            sender.to.write_all(&answer.head(Some(answer.body.len())))?;
            sender.send(&answer.body, false)
        }
        None => watch(&mut sender, &question, oldest),
    }
}

/// A list as a stream of events: as recorded, or not at all.
fn streaming_list(shared: &Shared, now: u64, request: &Request) -> Answer {
    let recording = &shared.recording;
    let is_same = |file: &&String| {
        let http = &recording.http[*file];
        file.starts_with("streaming-list.") && http.path == request.target && http.accept() == request.header("accept")
    };
    match recording.http.keys().find(is_same).filter(|_| now == Recording::STEADY) {
        Some(file) => recorded(recording, file),
        None => Answer::json(400, Vec::new()),
    }
}

/// Sends what happened after a version, and then what happens.
fn watch(sender: &mut Sender<'_>, question: &Question<'_>, oldest: u64) -> io::Result<()> {
    let shared = sender.shared;
    let Some(history) = question.history(&shared.recording) else {
        let answer = recorded(&shared.recording, "error.404.resource.txt");
        sender.to.write_all(&answer.head(Some(answer.body.len())))?;
        return sender.send(&answer.body, false);
    };
    let version: u64 = question.request.parameter("resourceVersion").unwrap_or_default().parse().unwrap_or(0);
    sender.to.write_all(&Answer::json(200, Vec::new()).head(None))?;
    if version < oldest {
        let file = if question.is_meta { "error.410.watch.meta.jsonl" } else { "error.410.watch.jsonl" };
        sender.send(&shared.recording.file(file), true)?;
        return sender.to.write_all(&chunk(b""));
    }
    let seconds = question.request.parameter("timeoutSeconds").map_or(1800, |seconds| seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let known = history.at(version).into_iter().filter(|(_, event)| question.is_selected(event));
    let mut known: BTreeSet<Key> = known.map(|(key, _)| key).collect();
    let mut events = history.events.iter().filter(|event| event.version > version).peekable();
    loop {
        let now = shared.control.lock().unwrap().now;
        while let Some(event) = events.next_if(|event| event.version <= now) {
            if let Some(line) = seen(question, event, &mut known) {
                sender.send(&line, true)?;
            }
        }
        if Instant::now() >= end {
            return sender.to.write_all(&chunk(b""));
        }
        if shared.stopped.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let control = shared.control.lock().unwrap();
        if control.now == now {
            drop(shared.changed.wait_timeout(control, TICK).unwrap());
        }
    }
}

/// An event as a watch with a selector shows it: a pod that comes to be selected is added.
fn seen(question: &Question<'_>, event: &Event, known: &mut BTreeSet<Key>) -> Option<Vec<u8>> {
    if question.node.is_none() || event.what == "BOOKMARK" {
        return Some(event.line.clone());
    }
    let was_known = known.contains(&event.key);
    match (event.what.as_str(), question.is_selected(event)) {
        ("DELETED", _) => known.remove(&event.key).then(|| event.line.clone()),
        (_, true) => {
            known.insert(event.key.clone());
            let what = if was_known { "MODIFIED" } else { "ADDED" };
            Some(format!("{{\"type\":\"{what}\",\"object\":{}}}\n", event.object).into_bytes())
        }
        (_, false) => None,
    }
}

/// Sends bodies, and does it wrong if it is told to.
struct Sender<'a> {
    shared: &'a Shared,
    to: &'a mut dyn Duplex,
    fault: Option<Fault>,
    /// Bytes of this body.
    sent: usize,
}

impl Sender<'_> {
    fn send(&mut self, bytes: &[u8], is_chunked: bool) -> io::Result<()> {
        let (allowed, stalls) = match self.fault {
            Some(Fault::Cut(after)) => (after.saturating_sub(self.sent), false),
            Some(Fault::Stall(after)) => (after.saturating_sub(self.sent), true),
            _ => (usize::MAX, false),
        };
        let (size, pause) = match self.fault {
            Some(Fault::Slow(size, pause)) => (size, pause),
            _ => (64 << 10, Duration::ZERO),
        };
        for piece in bytes[..bytes.len().min(allowed)].chunks(size) {
            self.to.write_all(&if is_chunked { chunk(piece) } else { piece.to_vec() })?;
            self.to.flush()?;
            self.sent += piece.len();
            self.shared.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            thread::sleep(pause);
        }
        if bytes.len() <= allowed {
            return Ok(());
        }
        while stalls && !self.shared.stopped.load(Ordering::Relaxed) {
            thread::sleep(TICK);
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}
