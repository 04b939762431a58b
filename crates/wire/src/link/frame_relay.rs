//! Frame Relay (LINKTYPE_FRELAY; RFC 2427, ITU-T Q.922) and its multi-link form (LINKTYPE_MFR; FRF.16).

use super::{Next, Start, nlpid, take, take_u16};
use crate::{Bytes, Reason};

/// Last bit of an address byte: no more follow (Q.922 section 3.3.1).
const LAST: u8 = 0x01;
/// Control byte of an unnumbered information frame; an NLPID follows.
const UNNUMBERED: u8 = 0x03;
/// Control byte of an exchange of identification (RFC 2427 section 4.4).
const IDENTIFICATION: u8 = 0xaf;
/// FRF.16: begin and end of a frame in this fragment; a control message.
const BEGIN_AND_END: u8 = 0xc0;
const MULTILINK_CONTROL: u8 = 0x20;

/// An address of two to four bytes, then RFC 2427's control and NLPID, or Cisco's EtherType.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let Some((length, channel)) = address(bytes, at)? else { return Ok(Start::new(at, Next::Other(0))) };
    let at = at + length;
    let [control] = take(bytes, at)?;
    match control {
        UNNUMBERED => match take(bytes, at + 1)? {
            [0] => nlpid::start(bytes, at + 2),
            [_] => nlpid::start(bytes, at + 1),
        },
        IDENTIFICATION => Ok(Start::new(at, Next::Other(0))),
        // Signalling: LAPF.
        _ if channel == 0 => Ok(Start::new(at, Next::Other(0))),
        _ => Ok(Start::ethertype(at + 2, take_u16(bytes, at)?)),
    }
}

/// Length and channel of the address; `None` where it has one byte or more than four.
fn address<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Option<(usize, u32)>, Reason> {
    let [first, second] = take(bytes, at)?;
    if first & LAST != 0 {
        return Ok(None);
    }
    let channel = u32::from(first >> 2) << 4 | u32::from(second >> 4);
    if second & LAST != 0 {
        return Ok(Some((2, channel)));
    }
    let [third] = take(bytes, at + 2)?;
    if third & LAST != 0 {
        return Ok(Some((3, channel << 6 | u32::from(third >> 2))));
    }
    let [fourth] = take(bytes, at + 3)?;
    let channel = channel << 13 | u32::from(third >> 1) << 6 | u32::from(fourth >> 2);
    Ok((fourth & LAST != 0).then_some((4, channel)))
}

/// Two bytes of fragment header; only a frame in one piece is read.
pub(super) fn multilink<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [flags, _] = take(bytes, at)?;
    if flags & BEGIN_AND_END == BEGIN_AND_END && flags & MULTILINK_CONTROL == 0 {
        return start(bytes, at + 2);
    }
    Ok(Start::new(at + 2, Next::Other(0)))
}
