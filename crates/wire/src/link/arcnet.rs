//! ARCNET (LINKTYPE_ARCNET_BSD, LINKTYPE_ARCNET_LINUX; RFC 1201, RFC 1051).

use super::{Next, Start, take};
use crate::{Bytes, Reason, ethernet};

/// System codes (RFC 1201 section 2.2, RFC 1051 section 3; ATA's list for the others).
const OLD_IPV4: u8 = 240;
const OLD_ARP: u8 = 241;
const DIAGNOSE: u8 = 0x80;
const NEW_IPV4: u8 = 212;
const NEW_ARP: u8 = 213;
const IPV6: u8 = 196;
/// Split flag of an exception packet: four more bytes, of which the second is the true flag (RFC 1201 section 2.1).
const EXCEPTION: u8 = 0xff;

/// Source (1), destination (1), system code (1), and in the form of RFC 1201 split flag (1), sequence (2).
pub(super) fn bsd<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [_, _, code] = take(bytes, at)?;
    if is_short(code) {
        return Ok(Start::new(at + 3, next(code)));
    }
    let [mut flag, _, _] = take(bytes, at + 3)?;
    let mut end = at + 6;
    if flag == EXCEPTION {
        [flag] = take(bytes, at + 7)?;
        end += 4;
    }
    // Even flags but 0 are later fragments (RFC 1201 section 2.2).
    let is_later_fragment = flag != 0 && flag & 1 == 0;
    Ok(Start::new(end, if is_later_fragment { Next::Other(u16::from(code)) } else { next(code) }))
}

/// The same with an offset (2) before the system code. Linux shows whole packets only.
pub(super) fn linux<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [_, _, _, _, code] = take(bytes, at)?;
    let length = if is_short(code) { 5 } else { 8 };
    Ok(Start::new(at + length, next(code)))
}

/// Whether the header ends with the system code (RFC 1051).
const fn is_short(code: u8) -> bool {
    matches!(code, OLD_IPV4 | OLD_ARP | DIAGNOSE)
}

const fn next(code: u8) -> Next {
    match code {
        OLD_IPV4 | NEW_IPV4 => Next::Ipv4,
        IPV6 => Next::Ipv6,
        OLD_ARP | NEW_ARP => Next::Other(ethernet::ARP),
        _ => Next::Other(code as u16),
    }
}
