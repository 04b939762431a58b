//! The processes of this host, by number and time.

mod lives;
mod stat;
mod tree;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowtrace_flow::Process;

use crate::containers::Containers;
use crate::recent::Recent;
use crate::users::Users;
use lives::{Answer, Lives, Program};
use tree::{Image, Tree, file_name};

/// Bytes of a thread's name with the zero behind it: `TASK_COMM_LEN` (include/linux/sched.h).
pub const COMM_LENGTH: usize = 16;

/// How long a process that has gone is kept after anybody asked for it, in nanoseconds: the last records of its flows
/// are written later than it ends.
const KEPT: u64 = 120_000_000_000;

/// Where processes are read from, and what of them.
#[derive(Clone, Debug)]
pub struct ProcessSettings {
    /// The tree of processes.
    pub proc: PathBuf,
    /// The names of users.
    pub passwd: PathBuf,
    /// Whether command lines are read, which may hold secrets.
    pub has_command_lines: bool,
    /// How many process numbers are remembered.
    pub capacity: usize,
}

impl Default for ProcessSettings {
    /// `/proc` and `/etc/passwd`, no command lines, 16,384 processes.
    fn default() -> Self {
        let (proc, passwd) = (PathBuf::from("/proc"), PathBuf::from("/etc/passwd"));
        Self { proc, passwd, has_command_lines: false, capacity: 16_384 }
    }
}

/// A process was seen using a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number in the initial namespace of process ids: the id of its main thread.
    pub tgid: u32,
    /// The name of the thread that was seen, with zeros behind it.
    pub comm: [u8; COMM_LENGTH],
    /// Whether that was the main thread.
    pub is_main_thread: bool,
    /// When, in nanoseconds since boot (`CLOCK_BOOTTIME`).
    pub at: u64,
}

/// The processes of this host. [`note`](Self::note) tells that one uses a socket now, from whichever thread;
/// [`get`](Self::get) says later who it was.
///
/// Times are in nanoseconds since boot (`CLOCK_BOOTTIME`).
#[derive(Debug)]
pub struct Processes {
    tree: Tree,
    users: Mutex<Users>,
    known: Mutex<Recent<u32, Lives>>,
    containers: Arc<Containers>,
}

impl Processes {
    /// Nobody yet. `containers` gives the names of containers.
    pub fn new(settings: &ProcessSettings, containers: Arc<Containers>) -> Self {
        Self {
            tree: Tree::new(&settings.proc, settings.has_command_lines),
            users: Mutex::new(Users::new(settings.passwd.clone())),
            known: Mutex::new(Recent::new(settings.capacity)),
            containers,
        }
    }

    /// Whether more than numbers and names of threads can be known: the tree shows the initial namespace of process
    /// ids, whose numbers are those that hooks in the kernel say.
    pub const fn can_read(&self) -> bool {
        self.tree.is_initial()
    }

    /// A process uses a socket. Reads what there is to know of it unless that was done within a second and it still
    /// runs the same program: a hundred microseconds then at most, a tenth of one else.
    pub fn note(&self, seen: &Seen) {
        let comm = seen.is_main_thread.then_some(&seen.comm);
        {
            let mut known = lock(&self.known);
            let lives = known.get_or_insert_with(&seen.tgid, Lives::default);
            lives.used = lives.used.max(seen.at);
            if lives.confirm(comm, seen.at) {
                return;
            }
        }
        let program = self.read(seen);
        lock(&self.known).get_or_insert_with(&seen.tgid, Lives::default).put(program);
        self.forget_one(seen.at);
    }

    /// The process that had the number `tgid` at `at`. Absent where that cannot be told for certain.
    pub fn get(&self, tgid: u32, at: u64) -> Option<Arc<Process>> {
        let answer = {
            let mut known = lock(&self.known);
            known.get(&tgid).map(|lives| {
                lives.used = lives.used.max(at);
                lives.find(at)
            })
        };
        let process = match answer {
            Some(Answer::Known(process)) => process,
            Some(Answer::IfStill { start }) => self.get_if_still(tgid, start, at)?,
            Some(Answer::Unknown) => return None,
            None => self.get_unseen(tgid, at)?,
        };
        Some(self.with_newer_container(tgid, process))
    }

    /// The process that was last seen, if it is still there: then it was so at `at`.
    fn get_if_still(&self, tgid: u32, start: u64, at: u64) -> Option<Arc<Process>> {
        let is_there = self.tree.start(tgid) == Some(start);
        let mut known = lock(&self.known);
        let lives = known.get(&tgid)?;
        lives.settle(is_there, at);
        if is_there { lives.last().map(|program| Arc::clone(&program.process)) } else { None }
    }

    /// A process that nobody told of: the one that has the number now, if it had it at `at`.
    fn get_unseen(&self, tgid: u32, at: u64) -> Option<Arc<Process>> {
        let image = self.tree.read(tgid).filter(|image| image.start <= at)?;
        let seen = Seen { tgid, comm: [0; COMM_LENGTH], is_main_thread: false, at };
        let program = self.program(&seen, image);
        let process = Arc::clone(&program.process);
        lock(&self.known).get_or_insert_with(&tgid, Lives::default).put(program);
        Some(process)
    }

    /// What the process is that was seen, by what can be read of its number now.
    fn read(&self, seen: &Seen) -> Program {
        // One that started later is another one.
        match self.tree.read(seen.tgid).filter(|image| image.start <= seen.at) {
            Some(image) if seen.is_main_thread && image.comm != name_of(&seen.comm) => self.changed(seen, &image),
            Some(image) => self.program(seen, image),
            None => Program { start: None, ..program_of(seen, gone(seen)) },
        }
    }

    fn program(&self, seen: &Seen, image: Image) -> Program {
        let container = image.container.as_ref().map(|identity| self.containers.of(identity));
        let owner = image.uid.map(|uid| lock(&self.users).name(uid, seen.at));
        // One that is ending has no executable any more.
        let by_comm = if image.is_kernel { None } else { gone(seen).executable_name };
        let process = Process {
            pid: seen.tgid,
            executable_name: image.path.as_deref().and_then(file_name).map(Arc::from).or(by_comm),
            executable_path: image.path.as_deref().map(Arc::from),
            command_line: image.command_line.map(Arc::from),
            owner,
            container,
        };
        let mut comm = [0; COMM_LENGTH];
        let length = image.comm.len().min(COMM_LENGTH - 1);
        comm[..length].copy_from_slice(&image.comm[..length]);
        Program { start: Some(image.start), comm: Some(comm), ..program_of(seen, process) }
    }

    /// The process runs another program than when it was seen: of the one then only its name is known, and the container,
    /// in which it stays.
    fn changed(&self, seen: &Seen, image: &Image) -> Program {
        let container = image.container.as_ref().map(|identity| self.containers.of(identity));
        let process = Process { container, ..gone(seen) };
        Program { start: Some(image.start), ..program_of(seen, process) }
    }

    /// The process with what is known of its container now: the runtime answers later than the process is seen.
    fn with_newer_container(&self, tgid: u32, process: Arc<Process>) -> Arc<Process> {
        let Some(container) = process.container.as_ref().and_then(|known| self.containers.newer(known)) else {
            return process;
        };
        let newer = Arc::new(Process { container: Some(container), ..Process::clone(&process) });
        if let Some(lives) = lock(&self.known).get(&tgid) {
            lives.replace(&process, &newer);
        }
        newer
    }

    /// Forgets the process that was not asked for for the longest time, if it has gone two minutes ago. Called once for
    /// each one that is read, so that there are not many more than there are running.
    fn forget_one(&self, now: u64) {
        let oldest = {
            let known = lock(&self.known);
            let oldest = known.oldest().filter(|(_, lives)| lives.used.saturating_add(KEPT) < now);
            oldest.map(|(&tgid, lives)| (tgid, lives.used, lives.last().and_then(|program| program.start)))
        };
        let Some((tgid, used, start)) = oldest else { return };
        let is_there = start.is_some() && self.tree.start(tgid) == start;
        let mut known = lock(&self.known);
        if known.oldest().is_none_or(|(&oldest, lives)| oldest != tgid || lives.used != used) {
            return; // Used meanwhile.
        }
        if is_there {
            known.get(&tgid).into_iter().for_each(|lives| lives.used = now);
        } else {
            known.pop();
        }
    }
}

/// What is known of a process that could not be read. A name of 15 bytes may have been longer; that of a thread is not
/// the program's.
fn gone(seen: &Seen) -> Process {
    let name = name_of(&seen.comm);
    let is_whole = seen.is_main_thread && name.len() < COMM_LENGTH - 1;
    let name = std::str::from_utf8(name).ok().filter(|name| is_whole && crate::text::name(name, COMM_LENGTH).is_some());
    Process { pid: seen.tgid, executable_name: name.map(Arc::from), ..Process::default() }
}

fn program_of(seen: &Seen, process: Process) -> Program {
    let comm = seen.is_main_thread.then_some(seen.comm);
    let (since, until, read) = (seen.at, seen.at, seen.at);
    Program { start: None, since, until, read, comm, is_over: false, process: Arc::new(process) }
}

/// The name before the zeros.
fn name_of(comm: &[u8; COMM_LENGTH]) -> &[u8] {
    comm.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Whoever panicked with a lock held left a map that is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
