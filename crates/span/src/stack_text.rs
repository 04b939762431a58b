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

    /// Nothing again.
    pub const fn clear(&mut self) {
        self.length = 0;
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
        let mut text = StackText::<5>::new();
        assert!(text.write_str("flow").is_ok());
        assert!(text.write_str("ed").is_err());
        assert_eq!(text.as_str(), "flow");
        assert!(text.write_str("s").is_ok());
        assert_eq!(text.as_str(), "flows");
    }
}
