//! ATM: RFC 1483 and 2684 encapsulations, classical IP, SunATM's header.

use super::{Next, Start, nlpid, take, take_u16};
use crate::{Bytes, Reason};

/// LLC header of SNAP, and of ISO protocols behind which an NLPID follows (RFC 2684 section 5).
pub(super) const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
pub(super) const ISO: [u8; 3] = [0xfe, 0xfe, 0x03];
/// Cisco's short form: a control byte, then the NLPID.
const SHORT: u8 = 0x03;
/// SNAP header and two bytes of padding before a bridged frame (RFC 2684 section 5.2).
const BRIDGED: usize = 10;

/// Traffic types of SunATM, the low four bits of its first byte.
const LAN_EMULATION: u8 = 1;
const LLC: u8 = 2;
/// Circuits below this of path 0 are for signalling and management (ITU-T I.361).
const FIRST_USER_CIRCUIT: u16 = 32;
/// First two bytes of a control frame of LAN emulation.
const EMULATION_CONTROL: u16 = 0xff00;

/// LINKTYPE_ATM_RFC1483: LLC, or Cisco's short form.
pub(super) fn rfc_1483<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        [SHORT] => nlpid::start(bytes, at + 1),
        _ => llc(bytes, at),
    }
}

/// LLC with the forms that only ATM has: an NLPID, and padding before a bridged Ethernet frame.
pub(super) fn llc<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        ISO => nlpid::start(bytes, at + 3),
        SNAP if take(bytes, at + 3)? == nlpid::BRIDGED && nlpid::is_ethernet(take_u16(bytes, at + 6)?) => {
            Ok(Start::new(at + BRIDGED, Next::Ethernet))
        }
        _ => Ok(Start::new(at, Next::Llc)),
    }
}

/// LINKTYPE_ATM_CLIP: IP, or SNAP before it.
pub(super) fn clip<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        [first] if first == SNAP[0] => Ok(Start::new(at, Next::Llc)),
        [_] => Ok(Start::new(at, Next::Ip)),
    }
}

/// LINKTYPE_SUNATM: direction and traffic type (1), path (1), circuit (2).
pub(super) fn sun<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [kind, path] = take(bytes, at)?;
    let circuit = take_u16(bytes, at + 2)?;
    let at = at + 4;
    if path == 0 && circuit < FIRST_USER_CIRCUIT {
        return Ok(Start::new(at, Next::Other(0)));
    }
    match kind & 0x0f {
        LAN_EMULATION if take_u16(bytes, at)? == EMULATION_CONTROL => Ok(Start::new(at, Next::Other(0))),
        LAN_EMULATION => Ok(Start::new(at + 2, Next::Ethernet)),
        LLC => llc(bytes, at),
        _ if matches!(take(bytes, at)?, SNAP | ISO) => llc(bytes, at),
        _ => Ok(Start::new(at, Next::Other(0))),
    }
}
