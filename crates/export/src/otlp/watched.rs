//! Files that are read again when they change: certificates, keys, tokens.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Files and what they were when they were last looked at.
#[derive(Debug)]
pub(super) struct Watched {
    files: Vec<PathBuf>,
    seen: Vec<Option<Mark>>,
    next: Instant,
}

/// Inode, length, and time of the last change (s, ns): one of them differs after a write, a rename over the file, or
/// a link that leads elsewhere.
type Mark = (u64, u64, i64, i64);

impl Watched {
    pub(super) fn new(files: Vec<PathBuf>) -> Self {
        let seen = marks(&files);
        Self { files, seen, next: Instant::now() + INTERVAL }
    }

    /// Whether a file differs from the last time; looks once in a second.
    pub(super) fn changed(&mut self, now: Instant) -> bool {
        if self.files.is_empty() || now < self.next {
            return false;
        }
        self.next = now + INTERVAL;
        let marks = marks(&self.files);
        let changed = marks != self.seen;
        self.seen = marks;
        changed
    }
}

fn marks(files: &[PathBuf]) -> Vec<Option<Mark>> {
    let mark = |path: &PathBuf| {
        let data = std::fs::metadata(path).ok()?;
        Some((data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
    };
    files.iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_seen_once_and_at_most_once_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "1").unwrap();
        let mut watched = Watched::new(vec![path.clone()]);
        let mut now = Instant::now();
        let mut changed = || {
            now += INTERVAL + Duration::from_millis(100);
            watched.changed(now)
        };
        assert!(!changed());
        std::fs::write(&path, "22").unwrap();
        assert!(changed());
        assert!(!changed());
        std::fs::write(&other, "33").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(changed());
        std::fs::remove_file(&path).unwrap();
        assert!(changed());
        assert!(!changed());
        std::fs::write(&path, "22").unwrap();
        assert!(!watched.changed(now), "too soon");
    }
}
