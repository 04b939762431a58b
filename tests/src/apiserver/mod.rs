//! An API server of Kubernetes that replays recorded traffic: lists, pages, watches with bookmarks, refusals; with
//! faults on demand. What was recorded goes out byte for byte; its clock is the resource version, which tests advance.

#![allow(clippy::unwrap_used, reason = "a failure in these helpers is a failed test")]

mod answers;
mod fault;
mod http;
mod made;
mod real;
mod recording;
mod serve;
mod tls;

pub use fault::{Ask, Fault};
pub use real::RealServer;
pub use recording::{Recording, folder};
pub use tls::Authority;

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The kind in the path, in the plural.
    pub kind: String,
    /// Path and query.
    pub path: String,
    /// Its `Accept`.
    pub accept: String,
    /// Whether it was a list or a watch.
    pub ask: Ask,
}

/// What tests may change while it runs.
#[derive(Debug, Default)]
struct Control {
    /// The present resource version.
    now: u64,
    /// Watches from before it are too old.
    oldest: u64,
    /// The only token that is taken, if one is.
    token: Option<String>,
    /// Kinds that are refused, with the status: 403 or 404.
    refused: Vec<(String, u16)>,
    /// Faults to come, each once.
    faults: Vec<(String, Ask, Fault)>,
    asked: Vec<Asked>,
    connections: Vec<TcpStream>,
}

#[derive(Debug)]
struct Shared {
    recording: Arc<Recording>,
    control: Mutex<Control>,
    changed: Condvar,
    stopped: AtomicBool,
    /// Bytes of bodies.
    sent: AtomicU64,
}

/// The server. It ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    is_tls: bool,
    listener: TcpListener,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Begins to serve at a resource version, with TLS if there is an authority for it.
    pub fn start(recording: &Arc<Recording>, now: u64, authority: Option<&Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::on(listener, recording, now, authority)
    }

    /// The same on an address, as after a restart.
    pub fn start_at(address: SocketAddr, recording: &Arc<Recording>, now: u64) -> Self {
        Self::on(TcpListener::bind(address).unwrap(), recording, now, None)
    }

    /// The same with a listener: of another network namespace, for one.
    pub fn on(listener: TcpListener, recording: &Arc<Recording>, now: u64, authority: Option<&Authority>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            recording: Arc::clone(recording),
            control: Mutex::new(Control { now, oldest: Recording::START, ..Control::default() }),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
            sent: AtomicU64::new(0),
        });
        let config = authority.map(|authority| authority.server(&["http/1.1"]));
        let is_tls = config.is_some();
        let serving = Arc::clone(&shared);
        let accepting = listener.try_clone().unwrap();
        let thread = thread::spawn(move || {
            for stream in accepting.incoming().map_while(Result::ok) {
                if serving.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (shared, config) = (Arc::clone(&serving), config.clone());
                shared.control.lock().unwrap().connections.push(stream.try_clone().unwrap());
                thread::spawn(move || serve::connection(&shared, stream, config));
            }
        });
        Self { address, is_tls, listener, shared, thread: Some(thread) }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Time goes on to a resource version: watches send what happened.
    pub fn advance(&self, now: u64) {
        self.change(|control| control.now = now);
    }

    /// Forgets what was before a resource version, as after a compaction: watches from there are answered with 410.
    pub fn forget(&self, before: u64) {
        self.change(|control| control.oldest = before);
    }

    /// From now on takes only this token.
    pub fn require(&self, token: &str) {
        self.change(|control| control.token = Some(token.to_owned()));
    }

    /// Refuses a kind: with 403 as for lack of rights, with 404 as if it did not know it.
    pub fn refuse(&self, kind: &str, status: u16) {
        self.change(|control| control.refused.push((kind.to_owned(), status)));
    }

    /// Refuses nothing any more.
    pub fn allow(&self) {
        self.change(|control| control.refused.clear());
    }

    /// The next requests of this sort go wrong: one for each fault, in order.
    pub fn fault(&self, kind: &str, ask: Ask, faults: &[Fault]) {
        self.change(|control| control.faults.extend(faults.iter().map(|fault| (kind.to_owned(), ask, fault.clone()))));
    }

    /// Whether all faults have happened.
    pub fn is_out_of_faults(&self) -> bool {
        self.shared.control.lock().unwrap().faults.is_empty()
    }

    /// Cuts all connections.
    pub fn disconnect(&self) {
        self.change(|control| {
            for stream in control.connections.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.control.lock().unwrap().asked.clone()
    }

    /// Requests of a sort for a kind.
    pub fn count(&self, kind: &str, ask: Ask) -> usize {
        self.asked().iter().filter(|asked| asked.kind == kind && asked.ask == ask).count()
    }

    /// Bytes of bodies that were sent.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    fn change(&self, change: impl FnOnce(&mut Control)) {
        change(&mut self.shared.control.lock().unwrap());
        self.shared.changed.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.disconnect();
        // Wakes the thread that waits for connections.
        let _ = nix::sys::socket::shutdown(self.listener.as_raw_fd(), nix::sys::socket::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
