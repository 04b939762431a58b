//! Lines of a stream that comes in pieces, none longer than a bound.

/// A line is longer than it may be; its bytes were not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// What has come of a stream and was not yet taken.
#[derive(Debug)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// How far there is no line feed.
    searched: usize,
    /// Bytes that a line may have.
    limit: usize,
}

impl Lines {
    pub(super) const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, limit }
    }

    /// Takes the next piece in. Whoever calls takes all whole lines out before the next one.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        (self.searched, self.start) = (self.searched - self.start, 0);
        self.bytes.extend_from_slice(piece);
    }

    /// The next whole line, without its line feed.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let found = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n');
        let end = found.map_or(self.bytes.len(), |place| self.searched + place);
        if end - self.start > self.limit {
            *self = Self::new(self.limit);
            return Err(TooLong);
        }
        if found.is_none() {
            self.searched = end;
            return Ok(None);
        }
        let line = self.start..end;
        (self.start, self.searched) = (end + 1, end + 1);
        Ok(Some(&self.bytes[line]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(String::from_utf8(line.to_vec()).unwrap());
        }
        found
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = b"one\n\ntwo three\nfour\nunfinished";
        for size in 1..=text.len() {
            let mut lines = Lines::new(20);
            let mut found = Vec::new();
            for piece in text.chunks(size) {
                lines.push(piece);
                found.extend(all(&mut lines));
            }
            assert_eq!(found, ["one", "", "two three", "four"], "pieces of {size}");
        }
    }

    #[test]
    fn a_long_line_is_refused_whether_it_ends_or_not() {
        for (text, expected) in
            [("12345\n", Ok(true)), ("12345", Ok(false)), ("123456\n", Err(TooLong)), ("123456", Err(TooLong))]
        {
            let mut lines = Lines::new(5);
            lines.push(text.as_bytes());
            assert_eq!(lines.next().map(|line| line.is_some()), expected, "{text:?}");
        }
        let mut lines = Lines::new(5);
        lines.push(b"1234567");
        assert_eq!(lines.next(), Err(TooLong));
        assert!(lines.bytes.capacity() == 0, "the bytes are not kept");
    }
}
