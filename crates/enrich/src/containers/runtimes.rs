//! The thread that asks container runtimes for names and images.

mod containerd;
mod cri;
mod docker;
mod grpc;
mod request;
mod storage;

#[cfg(test)]
mod real;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::{Containers, Facts, Question};
use crate::text;

/// How long an answer may take: runtimes answer in milliseconds, busy ones in a second.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a socket that did not answer in time is left alone.
const PAUSE: Duration = Duration::from_secs(60);
/// Longest name of a container or an image, in bytes: a reference to an image has 255, a registry and a digest.
const MAX_NAME: usize = 512;

/// Where container runtimes are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// Sockets of runtimes; those that are not there are passed over.
    pub sockets: Vec<Socket>,
    /// Podman's and CRI-O's own list of containers.
    pub storage: Option<PathBuf>,
}

/// The socket of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Who listens there.
    pub kind: SocketKind,
    /// The Unix socket.
    pub path: PathBuf,
}

/// Who listens at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketKind {
    /// Docker: HTTP.
    Docker,
    /// containerd: gRPC, Kubernetes' interface and its own.
    Containerd,
    /// CRI-O: gRPC, Kubernetes' interface.
    CriO,
    /// Podman: HTTP as Docker's. systemd starts it when it is asked.
    Podman,
}

impl SocketKind {
    /// The runtime's name, as containers have it.
    const fn runtime(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Podman => "podman",
        }
    }
}

/// Where the sockets are: as the runtimes have them, then as k3s, k0s and MicroK8s have containerd's.
const SOCKETS: [(SocketKind, &str); 7] = [
    (SocketKind::Docker, "/run/docker.sock"),
    (SocketKind::Containerd, "/run/containerd/containerd.sock"),
    (SocketKind::Containerd, "/run/k3s/containerd/containerd.sock"),
    (SocketKind::Containerd, "/run/k0s/containerd.sock"),
    (SocketKind::Containerd, "/var/snap/microk8s/common/run/containerd.sock"),
    (SocketKind::CriO, "/run/crio/crio.sock"),
    (SocketKind::Podman, "/run/podman/podman.sock"),
];
/// containers-storage.conf(5), `graphroot`.
const STORAGE: &str = "/var/lib/containers/storage/overlay-containers/containers.json";

impl Default for RuntimeSettings {
    /// Where runtimes have their sockets unless they are told otherwise.
    fn default() -> Self {
        let sockets = SOCKETS.iter().map(|(kind, path)| Socket { kind: *kind, path: path.into() });
        Self { sockets: sockets.collect(), storage: Some(STORAGE.into()) }
    }
}

impl Containers {
    /// Containers whose runtimes are asked for names and images, by a thread of its own that ends with the last use of
    /// them.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(settings: RuntimeSettings) -> io::Result<Arc<Self>> {
        let (containers, questions) = Self::with_questions();
        let weak = Arc::downgrade(&containers);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let asker = Asker { settings, silent: HashMap::new() };
        thread::Builder::new().name("containers".into()).spawn(move || asker.run(&runtime, &questions, &weak))?;
        Ok(containers)
    }
}

/// Asks one container after the other.
struct Asker {
    settings: RuntimeSettings,
    /// Sockets that did not answer in time, and until when they are left alone.
    silent: HashMap<PathBuf, Instant>,
}

impl Asker {
    fn run(mut self, runtime: &tokio::runtime::Runtime, questions: &Receiver<Question>, containers: &Weak<Containers>) {
        while let Ok(question) = questions.recv() {
            let facts = runtime.block_on(self.find(&question));
            let Some(containers) = containers.upgrade() else { return };
            match facts {
                Some(facts) => containers.answer(&question.id, facts),
                None => tracing::debug!(id = &*question.id, "no runtime knows the container"),
            }
        }
    }

    /// Whoever knows the container: the runtime that its cgroup names; any where it names none.
    async fn find(&mut self, question: &Question) -> Option<Facts> {
        let named = question.runtime.as_deref();
        let may_be_stored = named.is_none_or(|runtime| matches!(runtime, "podman" | "cri-o"));
        // Before the sockets: asking Podman starts its service.
        if may_be_stored
            && let Some(facts) = self.settings.storage.as_deref().and_then(|path| storage::find(path, &question.id))
        {
            return Some(facts);
        }
        for place in 0..self.settings.sockets.len() {
            let socket = self.settings.sockets[place].clone();
            if named.is_none_or(|runtime| runtime == socket.kind.runtime())
                && let Some(facts) = self.ask(&socket, &question.id).await
            {
                return Some(facts);
            }
        }
        None
    }

    async fn ask(&mut self, socket: &Socket, id: &str) -> Option<Facts> {
        let now = Instant::now();
        if self.silent.get(&socket.path).is_some_and(|until| now < *until) || !socket.path.exists() {
            return None;
        }
        let Ok(answer) = tokio::time::timeout(TIMEOUT, ask(socket, id)).await else {
            tracing::debug!(socket = %socket.path.display(), "no answer in time");
            self.silent.insert(socket.path.clone(), now + PAUSE);
            return None;
        };
        answer.map(|facts| Facts { runtime: Some(socket.kind.runtime()), ..facts })
    }
}

async fn ask(socket: &Socket, id: &str) -> Option<Facts> {
    match socket.kind {
        SocketKind::Docker | SocketKind::Podman => docker::find(&socket.path, id).await,
        SocketKind::CriO => cri::find(&socket.path, id).await,
        SocketKind::Containerd => match cri::find(&socket.path, id).await {
            Some(facts) => Some(facts),
            None => containerd::find(&socket.path, id).await,
        },
    }
}

/// A name that a runtime gave.
fn name(text: &str) -> Option<String> {
    text::name(text, MAX_NAME).map(str::to_owned)
}

/// The name of an image; one that is named by its content has none.
fn image(text: &str) -> Option<String> {
    let is_digest =
        text.starts_with("sha256:") || text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name(text).filter(|_| !is_digest)
}
