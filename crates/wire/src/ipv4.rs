//! IPv4 (RFC 791 section 3.1).

use crate::Fragment;

/// Length of the header without options.
pub const MINIMUM: usize = 20;
/// Where the header says what part of a datagram the packet is.
pub const FRAGMENT_WORD: usize = 4;
/// Bits of the fragment word that hold the offset.
const FRAGMENT_OFFSET: u16 = 0x1fff;
/// Bit of the fragment word: more fragments follow.
const MORE_FRAGMENTS: u16 = 0x2000;

/// The fixed part of an IPv4 header.
pub struct Header(pub [u8; MINIMUM]);

impl Header {
    /// The version field.
    #[inline(always)]
    pub const fn version(&self) -> u8 {
        self.0[0] >> 4
    }

    /// Length of the header with its options, in bytes.
    #[inline(always)]
    pub const fn length(&self) -> usize {
        ((self.0[0] & 0x0f) as usize) * 4
    }

    /// DSCP and ECN.
    #[inline(always)]
    pub const fn traffic_class(&self) -> u8 {
        self.0[1]
    }

    /// Bytes of header and payload as the sender states them; 0 where the packet is too long for the field.
    #[inline(always)]
    pub const fn total_length(&self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    /// Time to live.
    #[inline(always)]
    pub const fn time_to_live(&self) -> u8 {
        self.0[8]
    }

    /// The protocol behind the header.
    #[inline(always)]
    pub const fn protocol(&self) -> u8 {
        self.0[9]
    }

    /// Source address.
    #[inline(always)]
    pub const fn source(&self) -> [u8; 4] {
        [self.0[12], self.0[13], self.0[14], self.0[15]]
    }

    /// Destination address.
    #[inline(always)]
    pub const fn destination(&self) -> [u8; 4] {
        [self.0[16], self.0[17], self.0[18], self.0[19]]
    }
}

/// What a header says of fragments: the identification, three bits and the offset.
pub struct FragmentWord(pub [u8; 4]);

impl FragmentWord {
    /// Whether it is the word of a packet that is all of its datagram.
    #[inline(always)]
    pub const fn is_whole(&self) -> bool {
        self.place() & (FRAGMENT_OFFSET | MORE_FRAGMENTS) == 0
    }

    /// Which part of its datagram the packet is.
    #[inline(always)]
    pub const fn fragment(&self) -> Fragment {
        Fragment::of(self.place() & FRAGMENT_OFFSET != 0, self.place() & MORE_FRAGMENTS != 0)
    }

    /// The same in all fragments of a datagram.
    #[inline(always)]
    pub const fn identification(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    #[inline(always)]
    const fn place(&self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }
}
