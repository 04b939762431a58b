//! Numbers of IP protocols that the dissector acts on (IANA "Assigned Internet Protocol Numbers").

/// Internet Control Message Protocol, RFC 792.
pub const ICMP: u8 = 1;
/// Transmission Control Protocol, RFC 9293.
pub const TCP: u8 = 6;
/// User Datagram Protocol, RFC 768.
pub const UDP: u8 = 17;
/// Datagram Congestion Control Protocol, RFC 4340.
pub const DCCP: u8 = 33;
/// ICMP for IPv6, RFC 4443.
pub const ICMPV6: u8 = 58;
/// Stream Control Transmission Protocol, RFC 9260.
pub const SCTP: u8 = 132;
/// UDP-Lite, RFC 3828.
pub const UDP_LITE: u8 = 136;

/// Whether the protocol's header begins with a source and a destination port.
#[inline(always)]
pub const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | DCCP | SCTP | UDP_LITE)
}
