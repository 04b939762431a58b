//! Why a packet was not read.

/// Why the dissector stopped before it knew the packet's flow. Every value is a counter of packets and bytes.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reason {
    #[default]
    /// The link type of the capture is not one that is read.
    UnsupportedLink,
    /// The frame ends before its link header does.
    TruncatedLink,
    /// What the frame holds is neither IPv4 nor IPv6 (ARP, LLDP, …); counted by its EtherType, too.
    NotIp,
    /// The frame ends before its IP header does.
    TruncatedIp,
    /// The version in the IP header is not the one that the link announced.
    IpVersion,
    /// IPv4 header length below 20 bytes, or total length below the header's (RFC 791 section 3.1).
    IpHeaderLength,
    /// More tags and labels than are read ([`STEPS`](crate::STEPS)).
    TooManyHeaders,
}

impl Reason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::UnsupportedLink,
        Self::TruncatedLink,
        Self::NotIp,
        Self::TruncatedIp,
        Self::IpVersion,
        Self::IpHeaderLength,
        Self::TooManyHeaders,
    ];

    /// The name by which the loss is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnsupportedLink => "unsupported_link",
            Self::TruncatedLink => "truncated_link",
            Self::NotIp => "not_ip",
            Self::TruncatedIp => "truncated_ip",
            Self::IpVersion => "ip_version",
            Self::IpHeaderLength => "ip_header_length",
            Self::TooManyHeaders => "too_many_headers",
        }
    }
}
