//! Which records of a segment are done: positions (8 bytes) with a CRC32C (4), one after the other.
//!
//! An acknowledgement that was not written costs a batch that is sent twice, never one that is lost; so nothing here
//! is synchronised, and what does not check is passed over.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::lock::options;

const SIZE: usize = 12;
/// More than a segment can have records of: 16 MiB over the 32 bytes of a header.
const COUNT_MAX: usize = 1 << 20;

/// A segment's file of acknowledgements.
#[derive(Debug)]
pub(super) struct Acks {
    file: File,
    count: u64,
}

impl Acks {
    /// Opens the file, makes it where there is none.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = options().write(true).create(true).truncate(false).open(path)?;
        let count = file.metadata()?.len() / SIZE as u64;
        Ok(Self { file, count })
    }

    /// Adds a position. One that could only be written in part is written over by the next.
    pub(super) fn add(&mut self, position: u64) -> io::Result<()> {
        let position = position.to_le_bytes();
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(&position);
        bytes[8..].copy_from_slice(&crc32c::crc32c(&position).to_le_bytes());
        self.file.write_all_at(&bytes, self.count * SIZE as u64)?;
        self.count += 1;
        Ok(())
    }
}

/// The positions in a file; none where there is no file.
pub(super) fn read(path: &Path) -> io::Result<HashSet<u64>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => io::Read::read_to_end(&mut io::Read::take(file, (COUNT_MAX * SIZE) as u64), &mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(error),
    };
    let (entries, _torn) = bytes.as_chunks::<SIZE>();
    Ok(entries.iter().filter_map(position).collect())
}

fn position(entry: &[u8; SIZE]) -> Option<u64> {
    let (position, crc) = (entry.first_chunk::<8>()?, entry.last_chunk::<4>()?);
    (crc32c::crc32c(position) == u32::from_le_bytes(*crc)).then_some(u64::from_le_bytes(*position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_counts_and_the_next_is_written_over_what_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.acks");
        assert!(read(&path).unwrap().is_empty());
        let mut acks = Acks::open(&path).unwrap();
        for position in [7, 0, u64::MAX] {
            acks.add(position).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(read(&path).unwrap().len(), length / SIZE);
            Acks::open(&path).unwrap().add(5).unwrap();
            let positions = read(&path).unwrap();
            assert!(positions.contains(&5) && positions.len() == length / SIZE + 1, "{length}");
        }
        for place in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            let positions = read(&path).unwrap();
            assert_eq!(positions.len(), 2);
            assert!(positions.is_subset(&HashSet::from([7, 0, u64::MAX])), "byte {place}");
        }
    }
}
