//! Zstandard (RFC 8878), any number of frames.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A skippable frame (section 3.1.2) begins with a byte from 0x50 to 0x5f and this.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Length of a block's header (section 3.1.1.2).
const BLOCK_HEADER: usize = 3;

/// Whether a file that begins like this is zstd.
pub(super) fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
        || head.split_first().is_some_and(|(first, rest)| first & 0xf0 == 0x50 && rest.starts_with(&SKIPPABLE))
}

/// Decompresses what it reads.
///
/// The library forgets what a call gave out when the same call meets a damage. So each call gets one block at most,
/// which it announces as "this block and the header of the next". Its window is bounded by the library (128 MiB).
pub(super) struct Unzstd<R> {
    input: R,
    decoder: Decoder<'static>,
    /// What the decoder wants next; 0 between frames.
    wanted: usize,
}

impl<R: BufRead> Unzstd<R> {
    pub fn new(input: R) -> io::Result<Self> {
        Ok(Self { input, decoder: Decoder::new()?, wanted: 0 })
    }

    pub const fn input(&self) -> &R {
        &self.input
    }
}

impl<R: BufRead> Read for Unzstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let bytes = self.input.fill_buf()?;
            let at_end = bytes.is_empty();
            if at_end && self.wanted == 0 {
                return Ok(0);
            }
            let length = self.wanted.saturating_sub(BLOCK_HEADER).max(1).min(bytes.len());
            let mut block = InBuffer::around(&bytes[..length]);
            let mut target = OutBuffer::around(&mut *out);
            let result = self.decoder.run(&mut block, &mut target);
            let (taken, given) = (block.pos(), target.pos());
            self.input.consume(taken);
            self.wanted = result.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if given > 0 {
                return Ok(given);
            }
            if at_end && self.wanted != 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
