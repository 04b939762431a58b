//! Text on the stack: what is formatted for one attribute needs no heap.

use std::fmt;
use std::net::Ipv4Addr;

/// Each octet in decimal with a dot behind, and how long that is.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let mut digits = if octet >= 100 {
            3
        } else if octet >= 10 {
            2
        } else {
            1
        };
        octets[octet].1 = digits + 1;
        let mut left = octet as u8;
        while digits > 0 {
            digits -= 1;
            octets[octet].0[digits as usize] = b'0' + left % 10;
            left /= 10;
        }
        octet += 1;
    }
    octets
};

/// Bytes that are looked at together.
const BLOCK: usize = 16;

/// ASCII text of at most `N` bytes, a multiple of [`BLOCK`]. What does not fit, or is not ASCII, is an error of
/// [`fmt::Write`] and leaves the text as it was.
#[derive(Clone, Copy)]
#[repr(align(16))]
pub struct StackText<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> StackText<N> {
    /// The empty text.
    pub const fn new() -> Self {
        const { assert!(N.is_multiple_of(BLOCK), "whole blocks") }
        Self { bytes: [0; N], length: 0 }
    }

    /// The text becomes an IPv4 address as its `Display` writes it, which costs some twenty times as much; `N` is at least 16.
    #[inline]
    pub fn set_dotted(&mut self, address: Ipv4Addr) {
        const { assert!(N >= 16, "the longest address and a dot") }
        let mut at = 0;
        for octet in address.octets() {
            let (digits, length) = &OCTETS[usize::from(octet)];
            self.bytes[at..at + 4].copy_from_slice(digits);
            at += usize::from(*length);
        }
        // The last dot does not count.
        self.length = at - 1;
    }

    /// The text becomes this ASCII text, of at most `N` bytes: what is longer, or no text, becomes the empty text.
    pub fn set(&mut self, ascii: &[u8]) {
        self.length = 0;
        if let Some(bytes) = self.bytes.get_mut(..ascii.len()).filter(|_| ascii.is_ascii()) {
            bytes.copy_from_slice(ascii);
            self.length = ascii.len();
        }
    }

    /// Nothing again.
    pub const fn clear(&mut self) {
        self.length = 0;
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // All bytes are ASCII, those behind the text, too; whole blocks are checked several times as fast.
        let blocks = self.length.next_multiple_of(BLOCK);
        let text = self.bytes.get(..blocks).and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.and_then(|text| text.get(..self.length)).unwrap_or_default()
    }
}

impl<const N: usize> PartialEq for StackText<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for StackText<N> {}

impl<const N: usize> fmt::Write for StackText<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !text.is_ascii() {
            return Err(fmt::Error);
        }
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
    fn what_cannot_be_set_is_nothing() {
        let mut text = StackText::<16>::new();
        let whole = "sixteen letters!";
        for (ascii, expected) in [(whole.as_bytes(), whole), (b"seventeen letters", ""), (b"ab", "ab"), (b"\xff", "")] {
            text.set(ascii);
            assert_eq!(text.as_str(), expected);
        }
    }

    #[test]
    fn every_octet_is_written_as_display_does() {
        for octet in 0..=255 {
            for address in [Ipv4Addr::new(octet, 0, 10, 255), Ipv4Addr::new(255, 255, 255, octet)] {
                let mut text = StackText::<16>::new();
                text.set_dotted(address);
                assert_eq!(text.as_str(), address.to_string());
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut text = StackText::<16>::new();
        assert!(text.write_str("flows and flows").is_ok());
        assert!(text.write_str("ed").is_err());
        assert!(text.write_str("é").is_err());
        assert_eq!(text.as_str(), "flows and flows");
        assert!(text.write_str(".").is_ok());
        assert_eq!(text.as_str(), "flows and flows.");
    }

    #[test]
    fn what_was_there_before_does_not_matter() {
        let mut text = StackText::<32>::new();
        text.set(b"a text of more than a block");
        text.set(b"short");
        let mut other = StackText::new();
        other.set(b"short");
        assert_eq!((text.as_str(), text), ("short", other));
    }
}
