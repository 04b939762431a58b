//! Cisco HDLC (LINKTYPE_C_HDLC; RFC 1547 section 4.3.1).

use super::{Start, take_u16};
use crate::{Bytes, Reason};

/// Address (1), control (1), EtherType or a number of Cisco's (2).
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    Ok(Start::ethertype(at + 4, take_u16(bytes, at + 2)?))
}
