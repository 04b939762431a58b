//! Bytes that are filled from the front.

use crate::protobuf::length_tag;

/// More than most spans need.
const START: usize = 4 << 10;

/// Bytes that are filled from the front. There are always more than are filled, so that pieces of a fixed size can be
/// written where less is meant: a fixed number of bytes is a few instructions.
#[derive(Clone, Debug)]
pub(super) struct Room {
    bytes: Vec<u8>,
    filled: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: vec![0; START], filled: 0 }
    }
}

impl Room {
    /// Forgets what is in it.
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// What is in it.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// The next bytes, to be written; [`Self::fill`] says how many of them count.
    #[inline]
    pub(super) fn next(&mut self, count: usize) -> &mut [u8] {
        let end = self.filled + count;
        if end > self.bytes.len() {
            self.grow(end);
        }
        &mut self.bytes[self.filled..end]
    }

    /// So many of the next bytes count.
    #[inline]
    pub(super) fn fill(&mut self, count: usize) {
        self.filled += count;
    }

    /// Appends.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.next(bytes.len()).copy_from_slice(bytes);
        self.fill(bytes.len());
    }

    /// Appends tag and length of a field; its `length` bytes are to follow.
    pub(super) fn put_head(&mut self, field: u8, length: usize) {
        self.put(&[length_tag(field)]);
        let mut left = length as u64;
        while left >= 0x80 {
            self.put(&[left as u8 | 0x80]);
            left >>= 7;
        }
        self.put(&[left as u8]);
    }

    /// Appends what `put` does.
    pub(super) fn append(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.filled);
        put(&mut self.bytes);
        self.filled = self.bytes.len();
        self.bytes.resize(self.bytes.capacity(), 0);
    }

    #[cold]
    fn grow(&mut self, least: usize) {
        self.bytes.resize(least.next_power_of_two(), 0);
    }
}
