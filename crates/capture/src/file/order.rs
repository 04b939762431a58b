//! Byte order of a file or section.

/// The byte order in which the writer stored its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub const fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// The first `N` 32-bit numbers of `bytes`, or `None` where fewer are there.
    #[inline]
    pub fn words<const N: usize>(self, bytes: &[u8]) -> Option<[u32; N]> {
        let (words, _) = bytes.as_chunks::<4>();
        Some(words.first_chunk::<N>()?.map(|word| self.u32(word)))
    }

    /// The two 16-bit numbers that lie in a 32-bit one, in their order in the file.
    #[inline]
    pub const fn halves(self, word: u32) -> [u16; 2] {
        let (high, low) = ((word >> 16) as u16, word as u16);
        match self {
            Self::Little => [low, high],
            Self::Big => [high, low],
        }
    }
}
