//! What the user chose.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Letters of a host that are in a directory's name.
const HOST_MAX: usize = 100;

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

    /// The directory of one destination below that of all: its host and port, for people, and a checksum of the URL.
    pub fn destination(directory: &Path, url: &str) -> PathBuf {
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_secret, host)| host);
        let letter = |letter: char| if letter.is_ascii_alphanumeric() || ".-".contains(letter) { letter } else { '_' };
        let host: String = host.chars().take(HOST_MAX).map(letter).collect();
        directory.join(format!("otlp_{host}_{:08x}", crc32c::crc32c(url.as_bytes())))
    }

    /// Bytes after which a new segment is begun: an eighth of the size, so that little of it is held by what is done.
    pub(super) fn segment(&self) -> u64 {
        (self.size / 8).min(16 << 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_destination_has_a_directory_of_its_own_that_tells_no_secret() {
        let name = |url: &str| SpoolSettings::destination(Path::new("/spool"), url);
        for (url, expected) in [
            ("http://localhost:4317", "/spool/otlp_localhost_4317_"),
            ("http://me:secret@[::1]:4317/a/../b", "/spool/otlp____1__4317_"),
            ("unix:/run/x", "/spool/otlp_unix__"),
            ("http://../../etc", "/spool/otlp_.._"),
            ("", "/spool/otlp__"),
        ] {
            let name = name(url);
            let text = name.to_str().unwrap();
            assert!(text.starts_with(expected) && text.len() == expected.len() + 8, "{text}");
            assert_eq!(name.parent(), Some(Path::new("/spool")));
        }
        assert_ne!(name("http://a/x"), name("http://a/y"));
    }
}
