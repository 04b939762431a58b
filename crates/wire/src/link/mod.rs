//! Link headers of capture files: the captured bytes → where the network layer begins, and what it is.
//!
//! Ethernet and what it carries (tags, LLC, PPP, MPLS, PPPoE, IP) is read elsewhere, by the walk that goes on from a
//! [`Start`]; here is only what comes before. No device that a kernel program sees delivers these headers.
//!
//! Numbers are those of the registry of link types (draft-ietf-opsawg-pcaplinktype). Every function takes the place
//! `at` where its header begins, because some headers hold another link's frame.

mod arcnet;
mod atm;
mod attributes;
mod chdlc;
mod family;
mod file_link;
mod frame_relay;
mod ieee80211;
mod juniper;
mod lan;
mod monitor;
mod netlink;
mod nflog;
mod nlpid;
mod pktap;
mod ppp;
mod sll;

#[cfg(test)]
mod tests;

pub use file_link::{FileLink, JuniperKind};

use crate::ethernet::{self, FIRST_ETHERTYPE};
use crate::{Bytes, Mac, Reason};

/// What follows a link header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// What this EtherType says; never below 0x600 here.
    EtherType(u16),
    /// An 802.2 LLC header.
    Llc,
    /// A PPP protocol field, of two bytes or compressed to one (RFC 1661 section 6.5).
    Ppp,
    /// IP of the version in its first four bits.
    Ip,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// An Ethernet header.
    Ethernet,
    /// Nothing to read. The number is its EtherType, or the link's own protocol number; 0 where there is none (802.11
    /// management or encrypted, later fragments, unknown headers).
    Other(u16),
}

/// Where the link header ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Bytes before the next layer; may lie behind the end of the captured bytes.
    pub offset: usize,
    /// What begins there.
    pub next: Next,
    /// Source address of the frame, where the link header holds a MAC address.
    pub source_mac: Option<Mac>,
    /// VLAN id, where the link header holds one outside a tag.
    pub vlan: Option<u16>,
}

impl Start {
    const fn new(offset: usize, next: Next) -> Self {
        Self { offset, next, source_mac: None, vlan: None }
    }

    /// Behind a field in which a number below 0x600 is a protocol of the link's own.
    const fn ethertype(offset: usize, number: u16) -> Self {
        let next = if number < FIRST_ETHERTYPE { Next::Other(number) } else { Next::EtherType(number) };
        Self::new(offset, next)
    }
}

/// Reads the link header at the begin of `bytes`.
///
/// # Errors
/// [`Reason::TruncatedLink`] where the bytes end before the header does, [`Reason::UnsupportedLink`] where the frame
/// holds a frame of a link that is not read.
pub fn start<B: Bytes + ?Sized>(bytes: &B, link: FileLink) -> Result<Start, Reason> {
    match link {
        FileLink::Ppi => monitor::ppi(bytes),
        FileLink::Pktap => pktap::start(bytes),
        _ => start_at(bytes, 0, link),
    }
}

/// [`start`] of a frame that begins at `at`. A frame in a frame in a frame is refused, so that depth is bounded.
fn start_at<B: Bytes + ?Sized>(bytes: &B, at: usize, link: FileLink) -> Result<Start, Reason> {
    match link {
        FileLink::Ethernet => Ok(Start::new(at, Next::Ethernet)),
        FileLink::Epon => Ok(Start::new(at + lan::PREAMBLE, Next::Ethernet)),
        FileLink::Netanalyzer => Ok(Start::new(at + lan::NETANALYZER, Next::Ethernet)),
        FileLink::NetanalyzerTransparent => Ok(Start::new(at + lan::NETANALYZER + lan::PREAMBLE, Next::Ethernet)),
        FileLink::Raw => Ok(Start::new(at, Next::Ip)),
        FileLink::RawOrLoop => family::raw_or_loop(bytes, at),
        FileLink::Ipv4 => Ok(Start::new(at, Next::Ipv4)),
        FileLink::Ipv6 => Ok(Start::new(at, Next::Ipv6)),
        FileLink::Mpls => Ok(Start::new(at, Next::EtherType(ethernet::MPLS))),
        FileLink::PppEther => Ok(Start::new(at, Next::EtherType(ethernet::PPPOE_SESSION))),
        FileLink::Null => family::null(bytes, at),
        FileLink::Enc => family::enc(bytes, at),
        FileLink::Pflog => family::pflog(bytes, at),
        FileLink::Ipnet => family::ipnet(bytes, at),
        FileLink::LinuxSll => sll::version_1(bytes, at),
        FileLink::LinuxSll2 => sll::version_2(bytes, at),
        FileLink::Nflog => nflog::start(bytes, at),
        FileLink::Netlink => netlink::start(bytes, at),
        FileLink::Ppp => ppp::start(bytes, at),
        FileLink::PppPppd => ppp::pppd(bytes, at),
        FileLink::PppWithDirection => ppp::start(bytes, at + 1),
        FileLink::Slip => Ok(Start::new(at + ppp::SLIP, Next::Ip)),
        FileLink::Chdlc => chdlc::start(bytes, at),
        FileLink::ChdlcWithDirection => chdlc::start(bytes, at + 1),
        FileLink::FrameRelay => frame_relay::start(bytes, at),
        FileLink::FrameRelayWithDirection => frame_relay::start(bytes, at + 1),
        FileLink::MultilinkFrameRelay => frame_relay::multilink(bytes, at),
        FileLink::AtmRfc1483 => atm::rfc_1483(bytes, at),
        FileLink::AtmClip => atm::clip(bytes, at),
        FileLink::SunAtm => atm::sun(bytes, at),
        FileLink::Juniper(kind) => juniper::start(bytes, at, kind),
        FileLink::ArcnetBsd => arcnet::bsd(bytes, at),
        FileLink::ArcnetLinux => arcnet::linux(bytes, at),
        FileLink::TokenRing => lan::token_ring(bytes, at),
        FileLink::Fddi => lan::fddi(bytes, at),
        FileLink::IpOverFibreChannel => lan::fibre_channel(bytes, at),
        FileLink::IpOverFirewire => lan::firewire(bytes, at),
        FileLink::IpOverInfiniband => lan::infiniband(bytes, at),
        FileLink::Ieee80211 => ieee80211::start(bytes, at, false),
        FileLink::Ieee80211Radiotap => monitor::radiotap(bytes, at),
        FileLink::Ieee80211Prism => monitor::prism(bytes, at),
        FileLink::Ieee80211Avs => monitor::avs(bytes, at),
        FileLink::Ppi | FileLink::Pktap => Err(Reason::UnsupportedLink),
    }
}

/// The bytes at `at`, which the link header must have.
fn take<const N: usize, B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<[u8; N], Reason> {
    bytes.get(at).ok_or(Reason::TruncatedLink)
}

/// The big-endian number at `at`.
fn take_u16<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<u16, Reason> {
    Ok(u16::from_be_bytes(take(bytes, at)?))
}

/// The six bytes at `at` as an address.
fn take_mac<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Mac, Reason> {
    let [a, b, c, d, e, f] = take(bytes, at)?;
    Ok(Mac::from_first_six([a, b, c, d, e, f, 0, 0]))
}
