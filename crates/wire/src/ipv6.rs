//! IPv6 (RFC 8200 section 3).

/// Length of the fixed header.
pub const LENGTH: usize = 40;
/// Where the source address begins.
pub const SOURCE: usize = 8;
/// Where the destination address begins.
pub const DESTINATION: usize = 24;

/// The first eight bytes of an IPv6 header: all but the addresses.
pub struct Header(pub [u8; 8]);

impl Header {
    /// The version field.
    #[inline(always)]
    pub const fn version(&self) -> u8 {
        self.0[0] >> 4
    }

    /// DSCP and ECN.
    #[inline(always)]
    pub const fn traffic_class(&self) -> u8 {
        self.0[0] << 4 | self.0[1] >> 4
    }

    /// Flow label (RFC 6437).
    #[inline(always)]
    pub const fn flow_label(&self) -> u32 {
        u32::from_be_bytes([0, self.0[1] & 0x0f, self.0[2], self.0[3]])
    }

    /// Bytes behind the fixed header; 0 in a jumbogram (RFC 2675).
    #[inline(always)]
    pub const fn payload_length(&self) -> u16 {
        u16::from_be_bytes([self.0[4], self.0[5]])
    }

    /// What follows the header.
    #[inline(always)]
    pub const fn next_header(&self) -> u8 {
        self.0[6]
    }

    /// Hop limit.
    #[inline(always)]
    pub const fn hop_limit(&self) -> u8 {
        self.0[7]
    }
}

/// Whether a header of this number comes before the upper layer's (IANA "IPv6 Extension Header Types", without the two
/// numbers for experiments), or says that nothing follows.
#[inline(always)]
pub const fn is_extension(next_header: u8) -> bool {
    use crate::protocol::{
        AH, DESTINATION_OPTIONS, FRAGMENT, HIP, HOP_BY_HOP, MOBILITY, NO_NEXT_HEADER, ROUTING, SHIM6,
    };
    matches!(
        next_header,
        HOP_BY_HOP | ROUTING | FRAGMENT | AH | NO_NEXT_HEADER | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6
    )
}
