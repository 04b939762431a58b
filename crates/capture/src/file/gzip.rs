//! gzip (RFC 1952), any number of members.
//!
//! flate2's own reader gives nothing of the piece in which it meets a damage. Here the bytes before the damage come
//! first and the error after them.

use std::io::{self, BufRead, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// How a member begins: ID1, ID2 and the one compression method.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
const FLAG_HEADER_CHECKSUM: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;

/// Whether a file that begins like this is gzip.
pub(super) fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}

/// Decompresses what it reads.
pub(super) struct Gunzip<R> {
    input: R,
    inflate: Decompress,
    checksum: Crc,
    state: State,
    failure: Option<io::Error>,
}

#[derive(Clone, Copy)]
enum State {
    Header,
    Body,
    Trailer,
    End,
}

impl<R: BufRead> Gunzip<R> {
    pub fn new(input: R) -> Self {
        let inflate = Decompress::new(false);
        Self { input, inflate, checksum: Crc::new(), state: State::Header, failure: None }
    }

    pub const fn input(&self) -> &R {
        &self.input
    }

    /// Reads a member's header (section 2.3). `Ok(false)`: there is no further member.
    fn read_header(&mut self) -> io::Result<bool> {
        let Some(first) = self.input.fill_buf()?.first() else { return Ok(false) };
        if *first == 0 {
            return self.read_padding();
        }
        let mut fixed = [0; 10];
        self.input.read_exact(&mut fixed)?;
        if !is_gzip(&fixed) {
            return Err(corrupt("what follows a gzip member is neither a gzip member nor zeros"));
        }
        let flags = fixed[3];
        if flags & FLAG_EXTRA != 0 {
            let mut length = [0; 2];
            self.input.read_exact(&mut length)?;
            self.skip(u16::from_le_bytes(length))?;
        }
        for flag in [FLAG_NAME, FLAG_COMMENT] {
            if flags & flag != 0 {
                self.input.skip_until(0)?;
            }
        }
        if flags & FLAG_HEADER_CHECKSUM != 0 {
            self.skip(2)?;
        }
        self.inflate.reset(false);
        self.checksum.reset();
        Ok(true)
    }

    fn skip(&mut self, length: u16) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(length.into()), &mut io::sink())?;
        if skipped == u64::from(length) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Zeros behind the last member are padding, as of tapes.
    fn read_padding(&mut self) -> io::Result<bool> {
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Ok(false);
            }
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(corrupt("what follows a gzip member is neither a gzip member nor zeros"));
            }
            let length = bytes.len();
            self.input.consume(length);
        }
    }

    /// Decompresses into `out`; 0 where nothing came out yet.
    fn inflate(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.fill_buf()?;
        let at_end = bytes.is_empty();
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(bytes, out, FlushDecompress::None);
        let taken = (self.inflate.total_in() - before_in) as usize;
        let given = (self.inflate.total_out() - before_out) as usize;
        self.input.consume(taken);
        self.checksum.update(&out[..given]);
        match status {
            Ok(Status::StreamEnd) => self.state = State::Trailer,
            Ok(_) if at_end && given == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) => self.failure = Some(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
        Ok(given)
    }

    /// Checks a member's checksum and length (section 2.3.1).
    fn read_trailer(&mut self) -> io::Result<()> {
        let mut trailer = [0; 8];
        self.input.read_exact(&mut trailer)?;
        let [a, b, c, d, e, f, g, h] = trailer;
        if u32::from_le_bytes([a, b, c, d]) != self.checksum.sum() {
            return Err(corrupt("the checksum of the gzip member does not fit"));
        }
        if u32::from_le_bytes([e, f, g, h]) != self.checksum.amount() {
            return Err(corrupt("the length of the gzip member does not fit"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !out.is_empty() {
            if let Some(failure) = self.failure.take() {
                self.state = State::End;
                return Err(failure);
            }
            match self.state {
                State::Header => self.state = if self.read_header()? { State::Body } else { State::End },
                State::Body => match self.inflate(out)? {
                    0 => {}
                    length => return Ok(length),
                },
                State::Trailer => {
                    self.read_trailer()?;
                    self.state = State::Header;
                }
                State::End => return Ok(0),
            }
        }
        Ok(0)
    }
}

fn corrupt(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
