//! A window over the content of a file.

use std::io::{self, Read};

use super::{error::Fault, source::Source};

/// The longest packet record (pcapng: block) that is believed, in bytes: 16 MiB. The longest frames that are known to
/// be captured are super-packets of about 512 KiB (Linux BIG TCP).
pub const MAX_RECORD: usize = 16 << 20;

/// What is read at once. More than a second-level cache holds would make every frame come from memory twice.
const CHUNK: usize = 256 << 10;

/// The bytes of the file that were read and not yet consumed, in one piece.
pub(super) struct Buffer {
    source: Source,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Place of `bytes[0]` in the uncompressed file.
    base: u64,
}

impl Buffer {
    pub fn new(source: Source) -> Self {
        Self { source, bytes: vec![0; CHUNK], start: 0, end: 0, base: 0 }
    }

    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Place of the next byte in the uncompressed file.
    pub const fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Place of the next byte in the buffer.
    #[inline]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// Bytes of the buffer, as a record found them.
    #[inline]
    pub fn slice(&self, start: usize, length: usize) -> &[u8] {
        self.bytes.get(start..).and_then(|bytes| bytes.get(..length)).unwrap_or_default()
    }

    /// The next bytes: at least `needed` (of which [`MAX_RECORD`] is the most) unless the file ends before.
    #[inline]
    pub fn fill(&mut self, needed: usize) -> Result<&[u8], Fault> {
        if self.end - self.start < needed {
            self.read(needed).map_err(|error| Fault::Stream(self.offset(), error))?;
        }
        Ok(&self.bytes[self.start..self.end])
    }

    /// Moves on by `length` bytes of those that were seen.
    #[inline]
    pub fn consume(&mut self, length: usize) {
        self.start = self.end.min(self.start + length);
    }

    /// Moves on by `length` bytes, whatever they are. Returns how many there were.
    pub fn skip(&mut self, length: u64) -> Result<u64, Fault> {
        let mut left = length;
        while left > 0 {
            let held = self.fill(1)?.len();
            if held == 0 {
                break;
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(held);
            self.consume(step);
            left -= step as u64;
        }
        Ok(length - left)
    }

    #[cold]
    fn read(&mut self, needed: usize) -> io::Result<()> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < needed {
            if self.end == self.bytes.len() {
                // Grows with what is there, not with what a record claims.
                self.bytes.resize((2 * self.end).min(MAX_RECORD), 0);
            }
            match self.source.read(&mut self.bytes[self.end..]) {
                Ok(0) => break,
                Ok(length) => self.end += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
