//! The header that Juniper routers put before a frame of another link (LINKTYPE_JUNIPER_*).
//!
//! Its form is published only in the code of libpcap and tcpdump: magic (3), flags (1), extensions where a flag says
//! so (2 bytes of length, then that many), then per link a cookie.

use super::file_link::JuniperKind;
use super::{Next, Start, atm, chdlc, frame_relay, nlpid, ppp, take, take_u16};
use crate::{Bytes, Reason};

const MAGIC: [u8; 3] = *b"MGC";
/// Extensions follow the flags.
const EXTENSIONS: u8 = 0x80;
/// No link header: four bytes, then IP.
const NO_LINK: u8 = 0x02;
/// The router received the frame.
const RECEIVED: u8 = 0x01;

/// Cookie of an ATM1 card that marks a management cell.
const MANAGEMENT_1: u8 = 0x80;
/// Bits of the last byte of an ATM2 card's cookie that mark a management cell.
const MANAGEMENT_2: u8 = 0x70;
/// Bits of the fourth byte of an ATM2 card's cookie that mark bridged Ethernet in a sent frame.
const BRIDGED: u8 = 0x3f;
/// PPP protocols that an ATM2 circuit may carry without LLC: IPv4, IPv6, MPLS, and control protocols.
const PPP_PROTOCOLS: [u16; 5] = [0x0021, 0x0057, 0x0281, 0x0283, 0xc021];

/// The header at `at`, then the link `kind`.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize, kind: JuniperKind) -> Result<Start, Reason> {
    let [magic @ .., flags] = take::<4, B>(bytes, at)?;
    if magic != MAGIC {
        return Ok(Start::new(at, Next::Other(0)));
    }
    let mut at = at + 4;
    if flags & EXTENSIONS != 0 {
        at += 2 + usize::from(take_u16(bytes, at)?);
    }
    if flags & NO_LINK != 0 {
        return ip(bytes, at + 4);
    }
    match kind {
        JuniperKind::Ethernet => Ok(Start::new(at, Next::Ethernet)),
        JuniperKind::Ppp => ppp::start(bytes, at),
        JuniperKind::FrameRelay => frame_relay::start(bytes, at),
        JuniperKind::Chdlc => chdlc::start(bytes, at),
        JuniperKind::PppoeAtm => Ok(Start::ethertype(at + 2, take_u16(bytes, at)?)),
        JuniperKind::Services => ip(bytes, at + 8),
        JuniperKind::Atm1 => atm_1(bytes, at),
        JuniperKind::Atm2 => atm_2(bytes, at, flags & RECEIVED != 0),
    }
}

fn atm_1<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        [MANAGEMENT_1, _, _, _] => Ok(Start::new(at + 4, Next::Other(0))),
        [_, _, _, _] => match encapsulated(bytes, at + 4)? {
            Some(start) => Ok(start),
            None => ip(bytes, at + 4),
        },
    }
}

fn atm_2<B: Bytes + ?Sized>(bytes: &B, at: usize, received: bool) -> Result<Start, Reason> {
    let [_, _, _, channel, _, _, _, cell] = take(bytes, at)?;
    let at = at + 8;
    if cell & MANAGEMENT_2 != 0 {
        return Ok(Start::new(at, Next::Other(0)));
    }
    if let Some(start) = encapsulated(bytes, at)? {
        return Ok(start);
    }
    if !received && channel & BRIDGED != 0 {
        return Ok(Start::new(at, Next::Ethernet));
    }
    if PPP_PROTOCOLS.contains(&take_u16(bytes, at)?) {
        return Ok(Start::new(at, Next::Ppp));
    }
    ip(bytes, at)
}

/// LLC or Cisco's short form, where the bytes look so.
fn encapsulated<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Option<Start>, Reason> {
    Ok(match take(bytes, at)? {
        atm::SNAP | atm::ISO => Some(atm::llc(bytes, at)?),
        [0x03, _, _] => Some(nlpid::start(bytes, at + 1)?),
        _ => None,
    })
}

/// IP where the first byte can be one of it: IPv4 of five words or more, or IPv6.
fn ip<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let next = match take(bytes, at)? {
        [0x45..=0x4f] => Next::Ipv4,
        [0x60..=0x6f] => Next::Ipv6,
        _ => Next::Other(0),
    };
    Ok(Start::new(at, next))
}
