//! Ethernet II (IEEE 802.3-2022 clause 3).

/// Where the source address begins.
pub const SOURCE: usize = 6;
/// Where the EtherType begins.
pub const ETHERTYPE: usize = 12;
/// Length of the header.
pub const LENGTH: usize = 14;
/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
