//! Numbers of IP protocols that the dissector acts on (IANA "Assigned Internet Protocol Numbers").

/// IPv6 Hop-by-Hop Options, RFC 8200 section 4.3.
pub const HOP_BY_HOP: u8 = 0;
/// Internet Control Message Protocol, RFC 792.
pub const ICMP: u8 = 1;
/// IPv4 in IP, RFC 2003.
pub const IPV4: u8 = 4;
/// Transmission Control Protocol, RFC 9293.
pub const TCP: u8 = 6;
/// User Datagram Protocol, RFC 768.
pub const UDP: u8 = 17;
/// Datagram Congestion Control Protocol, RFC 4340.
pub const DCCP: u8 = 33;
/// IPv6 in IP, RFC 2473 and RFC 4213.
pub const IPV6: u8 = 41;
/// Routing header of IPv6, RFC 8200 section 4.4 (segment routing: RFC 8754).
pub const ROUTING: u8 = 43;
/// Fragment header of IPv6, RFC 8200 section 4.5.
pub const FRAGMENT: u8 = 44;
/// Generic Routing Encapsulation, RFC 2784.
pub const GRE: u8 = 47;
/// Encapsulating Security Payload, RFC 4303.
pub const ESP: u8 = 50;
/// Authentication Header, RFC 4302.
pub const AH: u8 = 51;
/// ICMP for IPv6, RFC 4443.
pub const ICMPV6: u8 = 58;
/// Nothing follows, RFC 8200 section 4.7.
pub const NO_NEXT_HEADER: u8 = 59;
/// Destination Options of IPv6, RFC 8200 section 4.6.
pub const DESTINATION_OPTIONS: u8 = 60;
/// Layer Two Tunneling Protocol version 3, RFC 3931.
pub const L2TP: u8 = 115;
/// Stream Control Transmission Protocol, RFC 9260.
pub const SCTP: u8 = 132;
/// Mobility Header, RFC 6275.
pub const MOBILITY: u8 = 135;
/// UDP-Lite, RFC 3828.
pub const UDP_LITE: u8 = 136;
/// Host Identity Protocol, RFC 7401.
pub const HIP: u8 = 139;
/// Shim6, RFC 5533.
pub const SHIM6: u8 = 140;

/// Whether the protocol's header begins with a source and a destination port.
#[inline(always)]
pub const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | DCCP | SCTP | UDP_LITE)
}

/// Whether what follows may hold another packet, or another header before the transport's.
#[inline(always)]
pub const fn has_more(protocol: u8) -> bool {
    matches!(protocol, IPV4 | IPV6 | GRE | ESP | AH | L2TP)
}
