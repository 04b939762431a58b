//! What would be lost if the process were killed: written while it runs, deleted when it ends regularly. One that is
//! found at the start says that the process before was killed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::lock::options;
use super::record::POSITION_MAX;

const SIZE: usize = 32;
const MAGIC: [u8; 4] = *b"FTHB";

/// The counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Spans that are in memory only.
    pub(super) memory: u64,
    /// The position after the last record.
    pub(super) end: u64,
    /// The segment that it is in.
    pub(super) segment: u64,
}

/// The file.
#[derive(Debug)]
pub(super) struct Heartbeat {
    file: File,
    path: PathBuf,
    last: Option<Counts>,
}

impl Heartbeat {
    /// Makes the file; what is in it is not touched until the first beat.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = options().write(true).create(true).truncate(false).open(&path)?;
        Ok(Self { file, path, last: None })
    }

    /// Writes the counts when they are new ones.
    pub(super) fn beat(&mut self, counts: Counts) -> io::Result<()> {
        if self.last != Some(counts) {
            self.file.write_all_at(&bytes(counts), 0)?;
            self.last = Some(counts);
        }
        Ok(())
    }

    /// Deletes the file: a regular end.
    pub(super) fn end(self) -> io::Result<()> {
        std::fs::remove_file(self.path)
    }
}

/// The counts in the file; `None` where there are none that check.
pub(super) fn read(path: &Path) -> Option<Counts> {
    let file = File::open(path).ok()?;
    let mut found = [0; SIZE];
    file.read_exact_at(&mut found, 0).ok()?;
    let number = |at: usize| found[at..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let counts = Counts { memory: number(4)?, end: number(12)?, segment: number(20)? };
    (found == bytes(counts) && counts.end < POSITION_MAX).then_some(counts)
}

/// Magic (4), three numbers (8 each), CRC32C of all before (4).
fn bytes(counts: Counts) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..12].copy_from_slice(&counts.memory.to_le_bytes());
    bytes[12..20].copy_from_slice(&counts.end.to_le_bytes());
    bytes[20..28].copy_from_slice(&counts.segment.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_whole_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heartbeat");
        let mut heartbeat = Heartbeat::open(path.clone()).unwrap();
        assert_eq!(read(&path), None);
        let counts = Counts { memory: 3, end: 0x0102_0304, segment: 9 };
        for counts in [Counts::default(), counts] {
            heartbeat.beat(counts).unwrap();
            assert_eq!(read(&path), Some(counts));
        }
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path), None, "byte {place}");
            std::fs::write(&path, &whole[..place]).unwrap();
            assert_eq!(read(&path), None, "{place} bytes");
        }
        heartbeat.end().unwrap();
        assert!(!path.exists());
    }
}
