//! Text that others wrote: bounded, and without what would disturb a terminal.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

/// What a file has, up to `limit` bytes; `None` where it cannot be read.
pub fn read_bounded(file: impl Into<File>, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    file.into().take(limit as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A file below an open directory.
pub fn read_at(folder: &OwnedFd, name: &str, limit: usize) -> Option<Vec<u8>> {
    use rustix::fs::{Mode, OFlags, openat};
    let file = openat(folder, name, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).ok()?;
    read_bounded(file, limit)
}

/// A file that people write, as [`read_bounded`].
pub fn read_path(path: &Path, limit: usize) -> Option<Vec<u8>> {
    read_bounded(File::open(path).ok()?, limit)
}

/// Text for people: what is no UTF-8 and what is a control character (a terminal would obey it) becomes U+FFFD.
pub fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// A name that a runtime or a file gives: absent where it is empty, longer than `limit` bytes, or has control
/// characters.
pub fn name(text: &str, limit: usize) -> Option<&str> {
    let is_name = !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control);
    is_name.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_nothing_to_obey() {
        assert_eq!(printable(b"/usr/bin/\xc3\xa4\x1b[2J\x9b\xff\x7f"), "/usr/bin/ä\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!([name("web", 3), name("webs", 3), name("", 3), name("a\n", 3)], [Some("web"), None, None, None]);
    }

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        assert_eq!(read_path(Path::new("/dev/zero"), 5), Some(vec![0; 5]));
        assert_eq!(read_path(Path::new("/nowhere"), 5), None);
    }
}
