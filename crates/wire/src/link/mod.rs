//! Links of capture files.
use crate::{Bytes, Mac, Reason};

/// A link that only capture files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileLink {}

/// What follows a link header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// By EtherType.
    EtherType(u16),
    /// LLC.
    Llc,
    /// PPP.
    Ppp,
    /// IP.
    Ip,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Ethernet.
    Ethernet,
    /// Other.
    Other(u16),
}
/// Where the network layer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Offset.
    pub offset: usize,
    /// What.
    pub next: Next,
    /// MAC.
    pub source_mac: Option<Mac>,
    /// VLAN.
    pub vlan: Option<u16>,
}
/// Reads the link header.
pub fn start<B: Bytes + ?Sized>(_bytes: &B, link: FileLink) -> Result<Start, Reason> {
    match link {}
}
