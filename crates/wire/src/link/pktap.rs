//! Apple's packet tap (LINKTYPE_PKTAP, and the older USER2).

use super::{FileLink, Start, start_at, take};
use crate::{Bytes, Reason};

/// Shortest header: Apple's `struct pktap_header` (bsd/net/pktap.h).
const SHORTEST: u32 = 108;
/// Longest header that is believed.
const LONGEST: u32 = 4096;
/// `PTH_TYPE_PACKET`: a frame follows.
const PACKET: u32 = 1;

/// Length of the header (4), kind (4), link type (4), and more; little-endian. Anything else under the number USER2 is
/// not a link that is read.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B) -> Result<Start, Reason> {
    let length = u32::from_le_bytes(take(bytes, 0)?);
    let kind = u32::from_le_bytes(take(bytes, 4)?);
    let link_type = u32::from_le_bytes(take(bytes, 8)?);
    if !(SHORTEST..=LONGEST).contains(&length) || kind != PACKET {
        return Err(Reason::UnsupportedLink);
    }
    let link = u16::try_from(link_type).ok().and_then(FileLink::of).ok_or(Reason::UnsupportedLink)?;
    start_at(bytes, length as usize, link)
}
