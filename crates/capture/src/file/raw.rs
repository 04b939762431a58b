//! The file as it lies on the disk.

use std::io::{self, Read};

/// Input that can be looked at before it is read, and knows how far it was read.
pub(super) struct Raw {
    input: Box<dyn Read + Send>,
    /// First bytes that were looked at and not yet read.
    peeked: Vec<u8>,
    bytes_read: u64,
    failed: bool,
}

impl Raw {
    pub fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, peeked: Vec::new(), bytes_read: 0, failed: false }
    }

    /// The first `length` bytes, or fewer where the input is shorter.
    pub fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        let missing = length.saturating_sub(self.peeked.len()) as u64;
        let result = self.input.as_mut().take(missing).read_to_end(&mut self.peeked);
        self.failed |= result.is_err();
        result?;
        Ok(&self.peeked)
    }

    /// Bytes that were read so far.
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Whether the operating system failed, as opposed to a decoder above.
    pub const fn failed(&self) -> bool {
        self.failed
    }
}

impl Read for Raw {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let result = if self.peeked.is_empty() {
            self.input.read(out)
        } else {
            let length = self.peeked.len().min(out.len());
            out[..length].copy_from_slice(&self.peeked[..length]);
            self.peeked.drain(..length);
            Ok(length)
        };
        match &result {
            Ok(length) => self.bytes_read += *length as u64,
            Err(error) => self.failed |= error.kind() != io::ErrorKind::Interrupted,
        }
        result
    }
}
