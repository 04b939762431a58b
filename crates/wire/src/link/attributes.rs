//! Netlink attributes: length (2), type (2), value, padding to four bytes; in the writer's byte order.

use crate::Bytes;

/// Bits of a type that are no part of its number (linux/netlink.h).
const FLAGS: u16 = 0xc000;

/// A run of attributes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    /// Where the first begins.
    pub start: usize,
    /// Where the last ends, at most.
    pub end: usize,
    /// Whether lengths and types are little-endian.
    pub is_little_endian: bool,
}

impl Attributes {
    /// Where the value of the first attribute of type `wanted` begins and ends.
    pub(super) fn find<B: Bytes + ?Sized>(self, bytes: &B, wanted: u16) -> Option<(usize, usize)> {
        let mut at = self.start;
        while at < self.end {
            let [a, b, c, d] = bytes.get(at)?;
            let (length, kind) = (self.number([a, b]), self.number([c, d]));
            if length < 4 {
                return None;
            }
            if kind & !FLAGS == wanted {
                return Some((at + 4, at + usize::from(length)));
            }
            at += usize::from(length).next_multiple_of(4);
        }
        None
    }

    const fn number(self, raw: [u8; 2]) -> u16 {
        if self.is_little_endian { u16::from_le_bytes(raw) } else { u16::from_be_bytes(raw) }
    }
}
