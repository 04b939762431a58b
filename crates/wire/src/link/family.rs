//! Links whose header names an address family: BSD loopback, OpenBSD enc, pf's log, Solaris ipnet.

use super::{Next, Start, take};
use crate::{Bytes, Reason};

/// `AF_INET`, the same on every system.
const INET: u32 = 2;
/// `AF_INET6`: Linux, Windows, NetBSD and OpenBSD, Solaris, FreeBSD, macOS (LINKTYPE_NULL of the registry).
const INET6: [u32; 6] = [10, 23, 24, 26, 28, 30];

/// What an address family announces.
pub(super) fn next(family: u32) -> Next {
    match family {
        INET => Next::Ipv4,
        _ if INET6.contains(&family) => Next::Ipv6,
        _ => Next::Other(u16::try_from(family).unwrap_or(0)),
    }
}

/// A family of four bytes in either byte order: none is above 65535, so the other half tells the order.
fn of_either_order(raw: [u8; 4]) -> u32 {
    match u32::from_be_bytes(raw) {
        family if family >> 16 == 0 => family,
        swapped => swapped.swap_bytes(),
    }
}

/// LINKTYPE_NULL (order of the writer) and LINKTYPE_LOOP (network order): the family, then the packet.
pub(super) fn null<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let family = of_either_order(take(bytes, at)?);
    Ok(Start::new(at + 4, next(family)))
}

/// Number 12: raw IP, whose first byte is never 0, or LINKTYPE_LOOP, whose first byte always is.
pub(super) fn raw_or_loop<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        [0] => null(bytes, at),
        _ => Ok(Start::new(at, Next::Ip)),
    }
}

/// LINKTYPE_ENC: family in the writer's order, security parameter index, flags; four bytes each.
pub(super) fn enc<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let family = of_either_order(take(bytes, at)?);
    Ok(Start::new(at + 12, next(family)))
}

/// LINKTYPE_PFLOG: length without padding, family; the packet begins at the next multiple of four.
pub(super) fn pflog<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [length, family] = take(bytes, at)?;
    let length = usize::from(length).next_multiple_of(4);
    Ok(Start::new(at + length, next(u32::from(family))))
}

/// LINKTYPE_IPNET: version, family, and more, 24 bytes.
pub(super) fn ipnet<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [_, family] = take(bytes, at)?;
    Ok(Start::new(at + 24, next(u32::from(family))))
}
