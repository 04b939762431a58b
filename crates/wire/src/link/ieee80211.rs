//! 802.11 frames (LINKTYPE_IEEE802_11; IEEE 802.11-2020 clause 9.2).
//!
//! Read are data frames in the clear: not encrypted, not a later fragment. Of an aggregate of several packets
//! (A-MSDU) only the first is read.

use super::{Next, Start, take, take_mac};
use crate::{Bytes, Reason};

/// First byte of the frame control: version and type, of which data of version 0 is this.
const TYPE_MASK: u8 = 0x0f;
const DATA: u8 = 0x08;
/// Bits of a data frame's subtype.
const WITHOUT_DATA: u8 = 0x40;
const QOS: u8 = 0x80;
/// Second byte of the frame control.
const TO_DISTRIBUTION: u8 = 0x01;
const FROM_DISTRIBUTION: u8 = 0x02;
const PROTECTED: u8 = 0x40;
const ORDER: u8 = 0x80;
/// First byte of the QoS control: the body is an A-MSDU.
const AGGREGATE: u8 = 0x80;

/// Fields of the header.
const SECOND_ADDRESS: usize = 10;
const THIRD_ADDRESS: usize = 16;
const SEQUENCE: usize = 22;
const FOURTH_ADDRESS: usize = 24;

/// The frame at `at`; `is_padded` where the receiver pads headers to a multiple of four bytes.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize, is_padded: bool) -> Result<Start, Reason> {
    let [kind, flags] = take(bytes, at)?;
    if kind & TYPE_MASK != DATA || kind & WITHOUT_DATA != 0 || flags & PROTECTED != 0 {
        return Ok(Start::new(at, Next::Other(0)));
    }
    let is_relayed = flags & TO_DISTRIBUTION != 0 && flags & FROM_DISTRIBUTION != 0;
    let source = match (is_relayed, flags & FROM_DISTRIBUTION != 0) {
        (true, _) => FOURTH_ADDRESS,
        (false, true) => THIRD_ADDRESS,
        (false, false) => SECOND_ADDRESS,
    };
    let source_mac = Some(take_mac(bytes, at + source)?);
    let [sequence] = take(bytes, at + SEQUENCE)?;
    let mut length = if is_relayed { 30 } else { 24 };
    let mut next = Next::Llc;
    if kind & QOS != 0 {
        let [control] = take(bytes, at + length)?;
        if control & AGGREGATE != 0 {
            next = Next::Ethernet;
        }
        length += if flags & ORDER != 0 { 6 } else { 2 };
    }
    if is_padded {
        length = length.next_multiple_of(4);
    }
    if sequence & 0x0f != 0 {
        next = Next::Other(0);
    }
    Ok(Start { source_mac, ..Start::new(at + length, next) })
}
