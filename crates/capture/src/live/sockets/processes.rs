//! Sockets by lists, and the processes that have them by what they hold open: for what was there before the kernel
//! programs, or was lost.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::Visits;
use super::diag::Diag;
use super::known::HostSockets;
use super::owners::Listed;
use crate::live::Moment;
use crate::live::namespaces::{NamespaceScope, Namespaces};

/// Number of the initial namespace of process ids (`PROC_PID_INIT_INO`, include/linux/proc_ns.h).
const INITIAL: &str = "pid:[4026531836]";
/// How many open files are looked at, of all processes together.
const MOST_FILES: usize = 1 << 20;
/// So many bytes of a process's name are read (it has 16 at most).
const MOST_NAME: usize = 64;

/// Who has a socket open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    One(u32),
    Several,
}

/// The sockets of one namespace.
struct List {
    netns: u64,
    /// When the kernel was asked for them, in nanoseconds since boot.
    asked: u64,
    sockets: Vec<Listed>,
}

/// Lists sockets and their processes, from time to time, on a thread beside.
pub struct Lister {
    scope: NamespaceScope,
    known: HostSockets,
    visits: Visits,
    /// /proc tells other ids than the kernel programs.
    is_blind: bool,
    running: Option<Running>,
}

struct Running {
    began: u64,
    /// 0: it has not.
    ended: Arc<AtomicU64>,
}

impl Lister {
    /// One that has not begun.
    pub fn new(scope: NamespaceScope, known: HostSockets) -> Self {
        let own = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let is_blind = own != Path::new(INITIAL);
        if is_blind {
            tracing::info!(
                "processes that had their sockets before are not known: this is not the host's namespace of process ids"
            );
        }
        let visits = Visits { is_wanted: true, ..Visits::default() };
        Self { scope, known, visits, is_blind, running: None }
    }

    /// Begins, where it is wanted and time for it.
    pub fn refresh(&mut self, now: u64) {
        if self.is_blind {
            return;
        }
        if let Some(running) = &self.running {
            let ended = running.ended.load(Ordering::Acquire);
            if ended == 0 {
                return;
            }
            self.visits.note(running.began, ended);
            self.running = None;
        }
        self.visits.is_wanted |= self.known.lock().take_wanted();
        if self.visits.is_wanted && now >= self.visits.earliest {
            self.begin(now);
        }
    }

    fn begin(&mut self, now: u64) {
        self.visits.is_wanted = false;
        let (scope, known, before) = (self.scope, self.known.clone(), self.visits.last);
        let ended = Arc::new(AtomicU64::new(0));
        let done = Done(Arc::clone(&ended));
        let work = move || {
            let _done = done;
            if let Err(error) = list(scope, &known, before) {
                tracing::debug!(%error, "sockets were not listed");
            }
        };
        match thread::Builder::new().name("processes".to_owned()).spawn(work) {
            Ok(_) => self.running = Some(Running { began: now, ended }),
            Err(error) => tracing::debug!(%error, "no thread to list sockets"),
        }
    }
}

/// Notes the time when it goes, whatever ends the work.
struct Done(Arc<AtomicU64>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(Moment::now().boot.max(1), Ordering::Release);
    }
}

/// Lists all. Sockets that are new came after `before`.
fn list(scope: NamespaceScope, known: &HostSockets, before: u64) -> io::Result<()> {
    let mut lists = vec![look()?];
    lists.extend(Namespaces::new(scope)?.each(look));
    let inodes = lists.iter().flat_map(|list| &list.sockets).map(|socket| socket.inode).filter(|inode| *inode != 0);
    let holders = holders(Path::new("/proc"), &inodes.collect());
    let mut names: HashMap<u32, Option<Arc<str>>> = HashMap::new();
    for holder in holders.values() {
        if let Holder::One(process) = *holder {
            names.entry(process).or_insert_with(|| name(process));
        }
    }
    let holder = |inode| match holders.get(&inode) {
        Some(Holder::One(process)) => Some((*process, names.get(process).cloned().flatten())),
        _ => None,
    };
    for list in lists {
        known.lock().users.reconcile(list.netns, &list.sockets, (before, list.asked), holder);
    }
    Ok(())
}

/// The sockets of the namespace in which the thread is.
fn look() -> io::Result<List> {
    let asked = Moment::now().boot;
    let diag = Diag::open()?;
    Ok(List { netns: diag.netns(), asked, sockets: diag.all()? })
}

/// Which processes have which of these sockets open.
fn holders(proc: &Path, inodes: &HashSet<u64>) -> HashMap<u64, Holder> {
    let mut holders = HashMap::new();
    let mut left = MOST_FILES;
    for entry in fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may have gone.
        for file in fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten().take(left) {
            left -= 1;
            let Some(inode) = fs::read_link(file.path()).ok().and_then(|link| inode(link.to_str()?)) else { continue };
            if inodes.contains(&inode) {
                note(&mut holders, inode, process);
            }
        }
    }
    holders
}

fn note(holders: &mut HashMap<u64, Holder>, inode: u64, process: u32) {
    let holder = holders.entry(inode).or_insert(Holder::One(process));
    if *holder != Holder::One(process) {
        *holder = Holder::Several;
    }
}

/// As in `socket:[123]`.
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn name(process: u32) -> Option<Arc<str>> {
    let bytes = fs::read(format!("/proc/{process}/comm")).ok()?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_NAME)]);
    Some(text.trim_end_matches('\n').into())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_socket_is_its_process_s() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).expect("it is open");
        let inode = inode(link.to_str().expect("text")).expect("a socket");
        let found = holders(Path::new("/proc"), &HashSet::from([inode]));
        assert_eq!(found.get(&inode), Some(&Holder::One(std::process::id())));
        assert!(name(std::process::id()).is_some_and(|name| !name.is_empty()));
        let port = socket.local_addr().expect("it is bound").port();
        let list = look().expect("anybody may ask");
        assert!(list.sockets.iter().any(|socket| socket.inode == inode && socket.ends.local.1 == port));
    }

    #[test]
    fn with_two_processes_it_is_nobody_s() {
        let mut holders = HashMap::new();
        for process in [1, 1, 2, 1] {
            note(&mut holders, 7, process);
        }
        note(&mut holders, 8, 1);
        note(&mut holders, 8, 1);
        assert_eq!(holders, HashMap::from([(7, Holder::Several), (8, Holder::One(1))]));
        for wrong in ["", "socket:[", "socket:[x]", "pipe:[1]", "socket:[1"] {
            assert_eq!(inode(wrong), None, "{wrong}");
        }
    }
}
