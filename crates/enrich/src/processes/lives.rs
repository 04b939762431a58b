//! Which process had a number when.

use std::sync::Arc;

use flowtrace_flow::Process;

use super::COMM_LENGTH;

/// How long what was read holds, in nanoseconds.
pub const FRESH: u64 = 1_000_000_000;

/// How many programs of a number are kept: of processes that followed each other, and of one that ran several.
const MAX_PROGRAMS: usize = 8;

/// A program that ran under a number.
#[derive(Clone, Debug)]
pub struct Program {
    /// When its process started, where that is known: up to a tick early.
    pub start: Option<u64>,
    /// When it was first seen.
    pub since: u64,
    /// When it was last seen, or known to be there.
    pub until: u64,
    /// When it was last read.
    pub read: u64,
    /// The name of the main thread, where it is known.
    pub comm: Option<[u8; COMM_LENGTH]>,
    /// It is no longer there.
    pub is_over: bool,
    /// Who it is.
    pub process: Arc<Process>,
}

impl Program {
    /// Whether another sighting of the same process says nothing new: the same, or less because it is ending.
    fn is_same(&self, other: &Self) -> bool {
        let is_ending = other.process.executable_path.is_none() && self.comm == other.comm;
        self.start.is_some() && self.start == other.start && (self.process == other.process || is_ending)
    }
}

/// What is known of a number at a time.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The process.
    Known(Arc<Process>),
    /// The process if it is still there: if the process with this number started at `start`.
    IfStill {
        /// Nanoseconds since boot.
        start: u64,
    },
    /// Another one, or one that nobody knows.
    Unknown,
}

/// All that used a number, oldest first. Times are in nanoseconds since boot.
#[derive(Debug, Default)]
pub struct Lives {
    programs: Vec<Program>,
    /// When anybody last asked or told.
    pub used: u64,
}

impl Lives {
    /// The latest program.
    pub fn last(&self) -> Option<&Program> {
        self.programs.last()
    }

    /// Whether the latest program is that of an observation; then it was there at `at`. `comm` is that of the main
    /// thread, or nothing where another thread was seen.
    pub fn confirm(&mut self, comm: Option<&[u8; COMM_LENGTH]>, at: u64) -> bool {
        let Some(last) = self.programs.last_mut() else { return false };
        let is_fresh = !last.is_over && last.since <= at && at < last.read.saturating_add(FRESH);
        let is_same = comm.is_none_or(|comm| last.comm.as_ref() == Some(comm));
        if is_fresh && is_same {
            last.until = last.until.max(at);
        }
        is_fresh && is_same
    }

    /// Adds what was seen. The same as before only confirms that.
    pub fn put(&mut self, program: Program) {
        if let Some(last) = self.programs.last_mut().filter(|last| last.is_same(&program)) {
            last.until = last.until.max(program.until);
            last.read = last.read.max(program.read);
            last.comm = program.comm.or(last.comm);
            return;
        }
        // Events of several CPUs may come in another order.
        let place = self.programs.partition_point(|known| known.since <= program.since);
        self.programs.insert(place, program);
        if self.programs.len() > MAX_PROGRAMS {
            self.programs.remove(0);
        }
    }

    /// Who had the number at `at`.
    pub fn find(&self, at: u64) -> Answer {
        let next = self.programs.partition_point(|program| program.since <= at);
        let Some(place) = next.checked_sub(1) else { return self.find_before(at) };
        let (program, later) = (&self.programs[place], self.programs.get(next));
        if at <= program.until.saturating_add(FRESH) {
            return Answer::Known(Arc::clone(&program.process));
        }
        match (program.start, later) {
            // The same process before and after.
            (Some(_), Some(later)) if later.start == program.start => Answer::Known(Arc::clone(&program.process)),
            (Some(start), None) if !program.is_over => Answer::IfStill { start },
            _ => Answer::Unknown,
        }
    }

    /// Before anything was seen: the first program, if its process had started.
    fn find_before(&self, at: u64) -> Answer {
        match self.programs.first() {
            Some(first) if first.start.is_some_and(|start| start <= at) => Answer::Known(Arc::clone(&first.process)),
            _ => Answer::Unknown,
        }
    }

    /// The latest program was there at `at`, or is over.
    pub fn settle(&mut self, is_there: bool, at: u64) {
        if let Some(last) = self.programs.last_mut() {
            last.is_over = !is_there;
            last.until = if is_there { last.until.max(at) } else { last.until };
        }
    }

    /// Puts a newer description in the place of an older one.
    pub fn replace(&mut self, old: &Arc<Process>, new: &Arc<Process>) {
        for program in &mut self.programs {
            if Arc::ptr_eq(&program.process, old) {
                program.process = Arc::clone(new);
            }
        }
    }
}
