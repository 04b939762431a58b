//! What can go wrong with a capture file, where, and what to do.

use std::{fmt, io};

/// Why a capture could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened.
    #[error("cannot open {name}: {source}; check the path and that you may read it")]
    Open {
        /// The file, as it was named.
        name: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The content is something else, or nothing.
    #[error("{name} is not a capture: {found}. Formats read: pcap, pcapng; plain, gzip or zstd")]
    NotCapture {
        /// The file, as it was named.
        name: String,
        /// How it begins instead.
        found: String,
    },
    /// The file ends inside a record.
    #[error(
        "{place}: the file is cut short: {found}. Every frame before this place was read; copy or record it again for the rest"
    )]
    Truncated {
        /// Where the incomplete record begins.
        place: Place,
        /// What is missing.
        found: String,
    },
    /// A record cannot be what it says.
    #[error(
        "{place}: the file is damaged: {found}. Every frame before this place was read; copy or record it again for the rest"
    )]
    Damaged {
        /// Where the damaged record begins.
        place: Place,
        /// What was found there.
        found: String,
    },
    /// The operating system failed to read.
    #[error("{place}: cannot read on: {source}. Every frame before this place was read")]
    Read {
        /// How far the file was read.
        place: Place,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    /// Whether the file is at fault (cut short or damaged), rather than not a capture or not to be read.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Truncated { .. } | Self::Damaged { .. })
    }

    /// The byte of the (uncompressed) file at which reading ended, where there is one.
    pub const fn offset(&self) -> Option<u64> {
        match self {
            Self::Truncated { place, .. } | Self::Damaged { place, .. } | Self::Read { place, .. } => {
                Some(place.offset)
            }
            Self::Open { .. } | Self::NotCapture { .. } => None,
        }
    }
}

/// A place in a capture file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub name: String,
    /// How the file is compressed, if it is.
    pub compression: Option<Compression>,
    /// Bytes from the beginning of the uncompressed content.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: byte {}", self.name, self.offset)?;
        match self.compression {
            Some(compression) => write!(formatter, " of what {compression} decompresses to"),
            None => Ok(()),
        }
    }
}

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// What a format found wrong, before it is known in which file.
#[derive(Debug)]
pub(super) enum Fault {
    /// Not this format at all.
    Foreign(String),
    /// The record at this offset is incomplete.
    Truncated(u64, String),
    /// The record at this offset is wrong.
    Damaged(u64, String),
    /// The stream below failed, at this offset.
    Stream(u64, io::Error),
}

impl Fault {
    /// The stream ended `held` bytes into something of `needed` bytes at `offset`.
    pub fn truncated(offset: u64, thing: &str, needed: u64, held: u64) -> Self {
        Self::Truncated(offset, format!("the {thing} here takes {needed} bytes, but only {held} are left"))
    }
}
