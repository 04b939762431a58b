//! Addresses: IPv4 or IPv6 in one form, and MAC.

/// An IP address as 16 bytes in network order; IPv4 is mapped (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2).
///
/// Held as two native words, which is what the kernel compares fastest. The order of two addresses is the order of
/// these words: total and the same in kernel and userland, but not the bytewise one.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    words: [u64; 2],
}

impl Address {
    /// The address whose 16 bytes are `bytes`.
    #[inline(always)]
    pub const fn from_v6(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        Self { words: [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes([i, j, k, l, m, n, o, p])] }
    }

    /// The address whose first and last eight bytes these are.
    #[inline(always)]
    pub const fn from_words(high: [u8; 8], low: [u8; 8]) -> Self {
        Self { words: [u64::from_ne_bytes(high), u64::from_ne_bytes(low)] }
    }

    /// The mapped form of the IPv4 address `bytes`.
    #[inline(always)]
    pub const fn from_v4(bytes: [u8; 4]) -> Self {
        let [a, b, c, d] = bytes;
        Self { words: [0, u64::from_ne_bytes([0, 0, 0xff, 0xff, a, b, c, d])] }
    }

    /// The two words, for hashing.
    #[inline(always)]
    pub const fn words(self) -> [u64; 2] {
        self.words
    }

    /// The 16 bytes in network order.
    #[inline(always)]
    pub const fn octets(self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h] = self.words[0].to_ne_bytes();
        let [i, j, k, l, m, n, o, p] = self.words[1].to_ne_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    }

    /// The last four bytes: the IPv4 address of a mapped one.
    #[inline(always)]
    pub const fn v4_octets(self) -> [u8; 4] {
        let [_, _, _, _, a, b, c, d] = self.words[1].to_ne_bytes();
        [a, b, c, d]
    }
}

/// A MAC address, in the first six bytes of a native word: the kernel program moves it at once.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mac {
    word: u64,
}

impl Mac {
    /// The address in the first six of eight bytes.
    #[inline(always)]
    pub const fn from_first_six(bytes: [u8; 8]) -> Self {
        const MASK: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
        Self { word: u64::from_ne_bytes(bytes) & MASK }
    }

    /// The six bytes.
    #[inline(always)]
    pub const fn octets(self) -> [u8; 6] {
        let [a, b, c, d, e, f, _, _] = self.word.to_ne_bytes();
        [a, b, c, d, e, f]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_back() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        assert_eq!(Address::from_v6(bytes).octets(), bytes);
        let mapped = Address::from_v4([192, 0, 2, 1]);
        assert_eq!(mapped.octets(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1]);
        assert_eq!(mapped.v4_octets(), [192, 0, 2, 1]);
    }
}
