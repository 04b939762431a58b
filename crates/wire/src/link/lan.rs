//! Other local networks: Token Ring, FDDI, IP over Fibre Channel, IEEE 1394 and InfiniBand.

use super::{Next, Start, take, take_mac, take_u16};
use crate::{Bytes, Mac, Reason};

/// Preamble and start-of-frame delimiter of Ethernet.
pub(super) const PREAMBLE: usize = 8;
/// Header of Hilscher's netANALYZER.
pub(super) const NETANALYZER: usize = 4;

/// Access control (1), frame control (1), destination (6), source (6), routing (IEEE 802.5).
pub(super) fn token_ring<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [control] = take(bytes, at + 1)?;
    let [first, b, c, d, e, f] = take(bytes, at + 8)?;
    let mut end = at + 14;
    // The first bit of the source tells that routing information follows, whose low five bits are its length.
    if first & 0x80 != 0 {
        let [length] = take(bytes, end)?;
        end += usize::from(length & 0x1f);
    }
    let source = Mac::from_first_six([first & 0x7f, b, c, d, e, f, 0, 0]);
    let next = if control & 0xc0 == 0x40 { Next::Llc } else { Next::Other(0) };
    Ok(Start { source_mac: Some(source), ..Start::new(end, next) })
}

/// Frame control (1), destination (6), source (6); addresses in the order in which the file has them (ANSI X3.139).
pub(super) fn fddi<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [control] = take(bytes, at)?;
    let source = take_mac(bytes, at + 7)?;
    let next = if matches!(control & 0xf0, 0x50 | 0xd0) { Next::Llc } else { Next::Other(0) };
    Ok(Start { source_mac: Some(source), ..Start::new(at + 13, next) })
}

/// Destination (8) and source (8), each a MAC address behind two bytes; then LLC (RFC 2625 section 3).
pub(super) fn fibre_channel<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let source = take_mac(bytes, at + 10)?;
    Ok(Start { source_mac: Some(source), ..Start::new(at + 16, Next::Llc) })
}

/// Destination (8), source (8), EtherType (2).
pub(super) fn firewire<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    Ok(Start::ethertype(at + 18, take_u16(bytes, at + 16)?))
}

/// Routing header (40) as the adapters' drivers show it, EtherType (2), reserved (2) (RFC 4391 section 6).
pub(super) fn infiniband<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    Ok(Start::ethertype(at + 44, take_u16(bytes, at + 40)?))
}
