//! The end of a file, to which lines are appended whole or not at all.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// What is needed of a file.
pub(super) trait Appendable: Write {
    /// Its bytes.
    fn size(&self) -> io::Result<u64>;
    /// Cuts it to so many bytes.
    fn cut(&self, size: u64) -> io::Result<()>;
}

impl Appendable for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }
}

/// A file that is open for appending.
#[derive(Debug)]
pub(super) struct Tail<F> {
    file: F,
    /// Its bytes, as far as is known: somebody else may cut it (logrotate's `copytruncate`).
    size: u64,
    /// Where the last whole line ends, when what is behind it is to be cut off.
    torn: Option<u64>,
}

impl<F: Appendable> Tail<F> {
    /// The end of this file.
    pub(super) fn new(file: F) -> Self {
        let size = file.size().unwrap_or_default();
        Self { file, size, torn: None }
    }

    /// The file's bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends these lines. When that fails, what was written of them is cut off: now, or before the next lines.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.mend()?;
        let before = self.file.size()?;
        let result = self.file.write_all(lines).and_then(|()| self.file.flush());
        if result.is_err() {
            (self.torn, self.size) = (Some(before), before);
            // The next lines try again.
            let _ = self.mend();
        } else {
            self.size = before + lines.len() as u64;
        }
        result
    }

    fn mend(&mut self) -> io::Result<()> {
        if let Some(end) = self.torn {
            if self.file.size()? > end {
                self.file.cut(end)?;
            }
            self.torn = None;
        }
        Ok(())
    }
}

impl Tail<File> {
    /// Ends the last line, if whoever wrote it was killed before its end.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if self.size == 0 {
            return Ok(());
        }
        let mut last = [0];
        self.file.seek(SeekFrom::End(-1))?;
        self.file.read_exact(&mut last)?;
        if last == *b"\n" { Ok(()) } else { self.append(b"\n") }
    }

    /// Waits until the disk has all of it.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A disk with so much room; cutting works, or not.
    struct Disk {
        content: RefCell<Vec<u8>>,
        room: usize,
        cuts: bool,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let content = self.content.get_mut();
            let fit = bytes.len().min(self.room - content.len());
            content.extend_from_slice(&bytes[..fit]);
            if fit == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fit) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Appendable for Disk {
        fn size(&self) -> io::Result<u64> {
            Ok(self.content.borrow().len() as u64)
        }

        fn cut(&self, size: u64) -> io::Result<()> {
            if self.cuts {
                self.content.borrow_mut().truncate(size as usize);
            }
            self.cuts.then_some(()).ok_or(io::ErrorKind::Other.into())
        }
    }

    fn content(tail: &Tail<Disk>) -> String {
        String::from_utf8(tail.file.content.borrow().clone()).unwrap()
    }

    #[test]
    fn lines_are_appended_whole_or_not_at_all() {
        let mut tail = Tail::new(Disk { content: RefCell::default(), room: 10, cuts: true });
        tail.append(b"one\ntwo\n").unwrap();
        assert_eq!(tail.append(b"three\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!((content(&tail).as_str(), tail.size()), ("one\ntwo\n", 8));
        tail.append(b"4\n").unwrap();
        tail.file.room = 99;
        tail.append(b"five\n").unwrap();
        assert_eq!((content(&tail).as_str(), tail.size()), ("one\ntwo\n4\nfive\n", 15));
    }

    #[test]
    fn what_could_not_be_cut_off_is_cut_off_before_the_next_line() {
        let mut tail = Tail::new(Disk { content: RefCell::default(), room: 6, cuts: false });
        tail.append(b"one\n").unwrap();
        assert!(tail.append(b"two\n").is_err());
        assert_eq!(content(&tail), "one\ntw");
        tail.file.room = 99;
        assert_eq!(tail.append(b"three\n").unwrap_err().kind(), io::ErrorKind::Other, "no line behind half a line");
        tail.file.cuts = true;
        tail.append(b"four\n").unwrap();
        assert_eq!(content(&tail), "one\nfour\n");
    }

    #[test]
    fn a_file_that_others_cut_is_not_made_longer() {
        let mut tail = Tail::new(Disk { content: RefCell::default(), room: 99, cuts: true });
        tail.append(b"one\ntwo\n").unwrap();
        tail.file.content.get_mut().clear();
        tail.file.room = 3;
        assert!(tail.append(b"three\n").is_err());
        assert_eq!((content(&tail).as_str(), tail.size()), ("", 0));
    }
}
