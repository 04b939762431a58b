//! Text on the stack: what is formatted for one attribute needs no heap.

use std::fmt;

/// Text of at most `N` bytes. What does not fit is an error of [`fmt::Write`] and leaves the text as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StackText<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> StackText<N> {
    /// The empty text.
    pub const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Only whole strings are ever appended.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Write for StackText<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl<const N: usize> fmt::Debug for StackText<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut text = StackText::<5>::new();
        assert!(text.write_str("flow").is_ok());
        assert!(text.write_str("ed").is_err());
        assert_eq!(text.as_str(), "flow");
        assert!(text.write_str("s").is_ok());
        assert_eq!(text.as_str(), "flows");
    }
}
