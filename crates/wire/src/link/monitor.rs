//! What receivers put before an 802.11 frame: radiotap, Prism, AVS; and per-packet information before any frame.

use super::{FileLink, Next, Start, ieee80211, start_at, take};
use crate::{Bytes, Reason};

/// Radiotap: more presence words follow; fields before the flags; the flags; the flag of a padded header.
const EXTENDED: u32 = 1 << 31;
const TIMER: u32 = 1 << 0;
const FLAGS: u32 = 1 << 1;
const PADDED: u8 = 0x20;
/// Most presence words that are followed: radiotap knows no use for more.
const PRESENCE_WORDS: usize = 32;

/// Length of the Prism header.
const PRISM: usize = 144;
/// First three bytes of an AVS header's version.
const AVS: [u8; 3] = [0x80, 0x21, 0x10];
/// Longest AVS header that is believed.
const AVS_LONGEST: u32 = 4096;

/// LINKTYPE_IEEE802_11_RADIOTAP: version (1), padding (1), length (2, little-endian), presence words (4 each), fields
/// (radiotap.org).
pub(super) fn radiotap<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [version, _, low, high] = take(bytes, at)?;
    if version != 0 {
        return Ok(Start::new(at, Next::Other(0)));
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    let is_padded = radiotap_flags(bytes, at)? & PADDED != 0;
    ieee80211::start(bytes, at + length, is_padded)
}

/// The flags field, 0 where there is none.
fn radiotap_flags<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<u8, Reason> {
    let present = u32::from_le_bytes(take(bytes, at + 4)?);
    if present & FLAGS == 0 {
        return Ok(0);
    }
    let mut words = 1;
    let mut last = present;
    while last & EXTENDED != 0 && words < PRESENCE_WORDS {
        last = u32::from_le_bytes(take(bytes, at + 4 + 4 * words)?);
        words += 1;
    }
    let mut field = 4 + 4 * words;
    if present & TIMER != 0 {
        field = field.next_multiple_of(8) + 8;
    }
    let [flags] = take(bytes, at + field)?;
    Ok(flags)
}

/// LINKTYPE_IEEE802_11_PRISM: 144 bytes, or an AVS header, which drivers show under the same number.
pub(super) fn prism<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    match take(bytes, at)? {
        AVS => avs(bytes, at),
        _ => ieee80211::start(bytes, at + PRISM, false),
    }
}

/// LINKTYPE_IEEE802_11_AVS: version (4), length (4), both big-endian.
pub(super) fn avs<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let length = u32::from_be_bytes(take(bytes, at + 4)?);
    if length > AVS_LONGEST {
        return Ok(Start::new(at, Next::Other(0)));
    }
    ieee80211::start(bytes, at + length as usize, false)
}

/// LINKTYPE_PPI: version (1), flags (1), length (2), link type (4), fields; little-endian.
pub(super) fn ppi<B: Bytes + ?Sized>(bytes: &B) -> Result<Start, Reason> {
    let [version, _, low, high, link_type @ ..] = take::<8, B>(bytes, 0)?;
    if version != 0 {
        return Ok(Start::new(0, Next::Other(0)));
    }
    let length = usize::from(u16::from_le_bytes([low, high]));
    let link_type = u16::try_from(u32::from_le_bytes(link_type)).ok();
    let link = link_type.and_then(FileLink::of).ok_or(Reason::UnsupportedLink)?;
    start_at(bytes, length, link)
}
