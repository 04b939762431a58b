//! Why a packet was not read.

/// Why the dissector stopped before it knew the packet's flow. Every value is a counter of packets and bytes.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The link type of the capture is not one that is read.
    UnsupportedLink,
    /// The frame ends before its link header does.
    TruncatedLink,
    /// The EtherType is neither IPv4 nor IPv6 (ARP, a VLAN tag, MPLS, …).
    NotIp,
    /// The frame ends before its IP header does.
    TruncatedIp,
    /// The version in the IP header is not the one that the link announced.
    IpVersion,
    /// IPv4 header length below 20 bytes, or total length below the header's (RFC 791 section 3.1).
    IpHeaderLength,
    /// An IPv6 extension header, which is not read yet.
    Ipv6ExtensionHeader,
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
        Self::Ipv6ExtensionHeader,
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
            Self::Ipv6ExtensionHeader => "ipv6_extension_header",
        }
    }
}
