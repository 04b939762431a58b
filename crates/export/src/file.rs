//! Lines to a file: appended whole or not at all, and rotated by size and age.
//!
//! ```text
//! DIR/flows.json                        what is written to
//! DIR/flows-20261121T220500.123Z.json   what was, until that time (UTC)
//! ```

mod error;
mod names;
mod tail;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub use error::FileError;
use tail::Tail;

/// How many bytes are gathered before they are written, unless somebody asks for them sooner.
const FULL: usize = 64 << 10;
/// Who may read a new file: its owner, and its group.
const MODE: u32 = 0o640;

/// When another file is begun, and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes at which a file is full. It grows beyond them by one line at most.
    pub size: Option<u64>,
    /// How old a file may become.
    pub age: Option<Duration>,
    /// How many full files are kept; of more, the oldest are deleted.
    pub keep: usize,
}

/// What became of records for a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// Records in the file, or in those before it.
    pub written: u64,
    /// Records lost: the disk was full, or the user's quota.
    pub disk_full: u64,
    /// Records lost: the disk failed otherwise.
    pub disk_failed: u64,
    /// Files that became full.
    pub rotated: u64,
    /// Full files that were deleted.
    pub deleted: u64,
}

/// Which file the next line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum NextLine {
    /// The same as the last.
    SameFile,
    /// Another one: the line will be its first.
    NewFile,
}

/// Gathers lines and appends them to a file. No file ever begins or ends within a line, whatever fails.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    tail: Tail<File>,
    began: SystemTime,
    rotation: Rotation,
    buffer: Vec<u8>,
    /// Records in the buffer.
    gathered: u64,
    report: FileReport,
    /// Whether the last write failed, so that it is said once.
    is_failing: bool,
    /// The same of the last rotation.
    is_stuck: bool,
}

impl LineFile {
    /// Opens the file, or makes it; what is in it stays.
    pub fn open(path: &Path, rotation: Rotation) -> Result<Self, FileError> {
        let failed = |source| FileError::Open { path: path.to_owned(), source };
        let is_other = |found: fs::Metadata| !found.is_file() && !found.is_dir();
        if fs::metadata(path).is_ok_and(is_other) {
            return Err(FileError::NoFile { path: path.to_owned() });
        }
        let file = open(path, false).map_err(failed)?;
        match file.try_lock() {
            // Not every file system has locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => return Err(FileError::InUse { path: path.to_owned() }),
        }
        // Where the path is a link, its target is what is rotated.
        let path = fs::canonicalize(path).map_err(failed)?;
        let began = file.metadata().and_then(|found| found.created().or_else(|_| found.modified()));
        let mut tail = Tail::new(file);
        tail.end_line().map_err(failed)?;
        Ok(Self {
            path,
            tail,
            began: began.unwrap_or_else(|_| SystemTime::now()),
            rotation,
            buffer: Vec::with_capacity(2 * FULL),
            gathered: 0,
            report: FileReport::default(),
            is_failing: false,
            is_stuck: false,
        })
    }

    /// Where a record's line is appended; call [`Self::written`] after each.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Says that a record's line was appended: writes lines out when many have gathered.
    pub fn written(&mut self) -> Result<NextLine, FileError> {
        self.gathered += 1;
        let gathered = self.buffer.len();
        let is_full = self.rotation.size.is_some_and(|size| self.tail.size() + gathered as u64 >= size);
        if gathered < FULL && !is_full { Ok(NextLine::SameFile) } else { self.flush() }
    }

    /// Writes out what has gathered, and begins another file when it is time. When not all of it can be written,
    /// nothing is: these records are lost, and counted.
    pub fn flush(&mut self) -> Result<NextLine, FileError> {
        let records = std::mem::take(&mut self.gathered);
        let result = if self.buffer.is_empty() { Ok(()) } else { self.tail.append(&self.buffer) };
        self.buffer.clear();
        if let Err(source) = result {
            return Err(self.lost(records, source));
        }
        self.report.written += records;
        if records > 0 && std::mem::take(&mut self.is_failing) {
            tracing::warn!(path = %self.path.display(), "records can be written again");
        }
        Ok(self.rotate_when_due(SystemTime::now()))
    }

    /// Writes out what is left, and waits until the disk has it.
    pub fn close(&mut self) -> Result<(), FileError> {
        let _ = self.flush()?;
        self.tail.sync().map_err(|source| FileError::Write { path: self.path.clone(), source })
    }

    /// What became of the records so far.
    pub fn report(&self) -> FileReport {
        self.report
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn lost(&mut self, records: u64, source: io::Error) -> FileError {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => self.report.disk_full += records,
            _ => self.report.disk_failed += records,
        }
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::error!(path = %self.path.display(), "records cannot be written and are lost: {source}");
        }
        FileError::Write { path: self.path.clone(), source }
    }

    fn rotate_when_due(&mut self, now: SystemTime) -> NextLine {
        let size = self.tail.size();
        let is_large = self.rotation.size.is_some_and(|most| size >= most);
        // A clock that was set back makes no file old.
        let age = now.duration_since(self.began).unwrap_or_default();
        let is_old = self.rotation.age.is_some_and(|most| age >= most);
        if size == 0 && is_old {
            self.began = now;
        }
        if size == 0 || !(is_large || is_old) {
            return NextLine::SameFile;
        }
        match self.rotate(now) {
            Ok(()) => {
                self.is_stuck = false;
                NextLine::NewFile
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_stuck, true) {
                    let path = self.path.display();
                    tracing::error!(%path, "no new file can be begun; the old one is used on: {error}");
                }
                NextLine::SameFile
            }
        }
    }

    /// Gives the file the name of what is full, and begins another one. When that fails, all is as before.
    fn rotate(&mut self, now: SystemTime) -> io::Result<()> {
        let full = names::free(&self.path, now)?;
        fs::rename(&self.path, &full)?;
        let next = match open(&self.path, true) {
            Ok(next) => next,
            Err(error) => {
                fs::rename(&full, &self.path)?;
                return Err(error);
            }
        };
        // Nobody else knows of it yet; where there are no locks, there was none before.
        let _ = next.try_lock();
        self.tail = Tail::new(next);
        self.began = now;
        self.report.rotated += 1;
        self.delete_oldest();
        Ok(())
    }

    fn delete_oldest(&mut self) {
        let full = match names::full(&self.path) {
            Ok(full) => full,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), "cannot list the full files: {error}");
                return;
            }
        };
        let more = full.len().saturating_sub(self.rotation.keep);
        for old in &full[..more] {
            match fs::remove_file(old) {
                Ok(()) => self.report.deleted += 1,
                Err(error) => tracing::warn!(path = %old.display(), "cannot be deleted: {error}"),
            }
        }
    }
}

impl FileReport {
    /// Records that are in no file.
    pub fn lost(&self) -> u64 {
        self.disk_full + self.disk_failed
    }
}

fn open(path: &Path, is_new: bool) -> io::Result<File> {
    // Read: to see whether the last line has an end.
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).create_new(is_new).mode(MODE).open(path)
}

#[cfg(test)]
mod tests;
