//! The content of a file, decompressed where its first bytes ask for it.

use std::io::{self, BufReader, Read};

use super::{
    Compression,
    gzip::{Gunzip, is_gzip},
    raw::Raw,
    zstd::{Unzstd, is_zstd},
};

/// Compressed bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Where the uncompressed bytes come from.
pub(super) enum Source {
    Plain(Raw),
    Gzip(Box<Gunzip<BufReader<Raw>>>),
    Zstd(Box<Unzstd<BufReader<Raw>>>),
}

impl Source {
    /// Looks at the first bytes and chooses.
    pub fn new(mut raw: Raw) -> io::Result<Self> {
        let head = raw.peek(4)?;
        if is_gzip(head) {
            Ok(Self::Gzip(Box::new(Gunzip::new(BufReader::with_capacity(CHUNK, raw)))))
        } else if is_zstd(head) {
            Ok(Self::Zstd(Box::new(Unzstd::new(BufReader::with_capacity(CHUNK, raw))?)))
        } else {
            Ok(Self::Plain(raw))
        }
    }

    pub const fn compression(&self) -> Option<Compression> {
        match self {
            Self::Plain(_) => None,
            Self::Gzip(_) => Some(Compression::Gzip),
            Self::Zstd(_) => Some(Compression::Zstd),
        }
    }

    /// The file below.
    pub fn raw(&self) -> &Raw {
        match self {
            Self::Plain(raw) => raw,
            Self::Gzip(gzip) => gzip.input().get_ref(),
            Self::Zstd(zstd) => zstd.input().get_ref(),
        }
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(out),
            Self::Gzip(gzip) => gzip.read(out),
            Self::Zstd(zstd) => zstd.read(out),
        }
    }
}
