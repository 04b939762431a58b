//! Where the dissector reads from.

/// The captured bytes of one packet.
///
/// Implemented for slices here and for packet memory by the kernel program. Reading past the end is an answer, not
/// an error: captures are cut short and senders lie.
pub trait Bytes {
    /// The `N` bytes that begin at `offset`, or `None` where fewer are there.
    fn get<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;
}

impl Bytes for [u8] {
    #[inline(always)]
    fn get<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk().copied()
    }
}
