//! What the user chose.

use std::path::PathBuf;
use std::time::Duration;

/// When batches go to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// When the memory queue passes three quarters of its bound, or the receiver does not answer.
    Overflow,
    /// Each, before it is sent.
    Always,
}

/// When what was written is made to survive a loss of power. What a killed process wrote is there in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// After each batch.
    Batch,
    /// At the first batch or tick after so long.
    Interval(Duration),
}

/// A spool's place and bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Its directory, of this destination alone; made where there is none.
    pub directory: PathBuf,
    /// Bytes on disk, at most. A record counts as 1 KiB at least, since it costs memory, too.
    pub size: u64,
    /// When batches go to disk.
    pub mode: Mode,
    /// When they are synchronised.
    pub sync: Sync,
}

impl SpoolSettings {
    /// The defaults in a directory: 1 GiB, overflow, synchronised after each batch.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, size: 1 << 30, mode: Mode::Overflow, sync: Sync::Batch }
    }

    /// Bytes after which a new segment is begun: an eighth of the size, so that little of it is held by what is done.
    pub(super) fn segment(&self) -> u64 {
        (self.size / 8).min(16 << 20)
    }
}
