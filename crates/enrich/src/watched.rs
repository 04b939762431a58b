//! A file that is read again when it changes.

use std::fs::{self, Metadata};
use std::path::PathBuf;
use std::time::SystemTime;

use crate::text;

/// How often the file is looked at, in nanoseconds.
const INTERVAL: u64 = 2_000_000_000;

/// What a file says, at most 2 s ago. A file that cannot be read says nothing.
#[derive(Debug)]
pub struct Watched<T> {
    path: PathBuf,
    limit: usize,
    parse: fn(&[u8]) -> T,
    value: T,
    state: Option<State>,
    /// When to look again, in nanoseconds since boot.
    next: u64,
}

/// By what a change is known: files are replaced (another inode) or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    length: u64,
    changed: Option<SystemTime>,
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { inode: metadata.ino(), length: metadata.len(), changed: metadata.modified().ok() }
    }
}

impl<T> Watched<T> {
    /// A file that is read with `parse`, up to `limit` bytes, when it is first asked.
    pub fn new(path: PathBuf, limit: usize, parse: fn(&[u8]) -> T) -> Self {
        Self { path, limit, parse, value: parse(&[]), state: None, next: 0 }
    }

    /// What it says. `now` is in nanoseconds since boot.
    pub fn get(&mut self, now: u64) -> &T {
        if now >= self.next {
            self.next = now.saturating_add(INTERVAL);
            self.look();
        }
        &self.value
    }

    fn look(&mut self) {
        // A pipe or a device in its place would block.
        let metadata = fs::metadata(&self.path).ok().filter(Metadata::is_file);
        let state = metadata.as_ref().map(State::of);
        if state == self.state {
            return;
        }
        let content = if state.is_some() { text::read_path(&self.path, self.limit) } else { None };
        self.value = (self.parse)(whole_lines(&content.unwrap_or_default(), self.limit));
        self.state = state;
    }
}

/// What was read, without the line that the limit cuts: half a name is another name.
fn whole_lines(content: &[u8], limit: usize) -> &[u8] {
    let is_cut = content.len() >= limit;
    let end = content.iter().rposition(|&byte| byte == b'\n' || !is_cut).map_or(0, |last| last + 1);
    &content[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_two_seconds_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = Watched::new(path.clone(), 4, <[u8]>::to_vec);
        assert_eq!(file.get(0), b"");
        fs::write(&path, "one").unwrap();
        assert_eq!(file.get(1), b"", "not looked at yet");
        assert_eq!(file.get(INTERVAL), b"one");
        fs::write(&path, "1\n23").unwrap();
        assert_eq!(file.get(2 * INTERVAL), b"1\n", "no line that the limit may have cut");
        fs::remove_file(&path).unwrap();
        assert_eq!(file.get(3 * INTERVAL), b"");
    }
}
