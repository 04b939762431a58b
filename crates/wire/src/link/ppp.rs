//! PPP as capture files show it (RFC 1662), and SLIP.

use super::{Next, Start, chdlc, take};
use crate::{Bytes, Reason};

/// Address and control bytes of HDLC-like framing (RFC 1662 section 3.1).
const ADDRESS: u8 = 0xff;
const CONTROL: u8 = 0x03;
/// Address bytes of Cisco HDLC, unicast and multicast. No PPP protocol begins so: these bytes are odd, and not
/// assigned as compressed ones.
const CHDLC: [u8; 2] = [0x0f, 0x8f];

/// LINKTYPE_SLIP: direction (1), kind of compression (1), compressed header (14); then the whole packet.
pub(super) const SLIP: usize = 16;

/// LINKTYPE_PPP and LINKTYPE_PPP_HDLC: with or without address and control, or Cisco HDLC.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        [ADDRESS, CONTROL] => Ok(Start::new(at + 2, Next::Ppp)),
        [address, 0] if CHDLC.contains(&address) => chdlc::start(bytes, at),
        _ => Ok(Start::new(at, Next::Ppp)),
    }
}

/// LINKTYPE_PPP_PPPD: a direction in place of the address byte, then control or not.
pub(super) fn pppd<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        [_, CONTROL] => Ok(Start::new(at + 2, Next::Ppp)),
        [_, _] => start(bytes, at + 1),
    }
}
