//! Netlink messages (LINKTYPE_NETLINK, and cooked captures of a netlink monitor), of which those are read that hold a
//! packet which netfilter logged or queued. Of several messages in one frame only the first is read.

use super::attributes::Attributes;
use super::{Next, Start, nflog, take, take_u16};
use crate::{Bytes, Reason};

/// Netlink family of netfilter (linux/netlink.h).
const NETFILTER: u16 = 12;
/// Message types of packets: subsystem in the high byte (linux/netfilter/nfnetlink.h).
const QUEUED_PACKET: u16 = 0x0300;
const LOGGED_PACKET: u16 = 0x0400;

/// A header as that of Linux cooked capture, whose protocol is the netlink family.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let family = take_u16(bytes, at + 14)?;
    message(bytes, at + 16, family)
}

/// Length (4), type (2), flags (2), sequence (4), port (4) in the writer's byte order; netfilter's header (4).
pub(super) fn message<B: Bytes + ?Sized>(bytes: &B, at: usize, family: u16) -> Result<Start, Reason> {
    if family != NETFILTER {
        return Ok(Start::new(at, Next::Other(family)));
    }
    let length = take(bytes, at)?;
    let kind: [u8; 2] = take(bytes, at + 4)?;
    // A message is far shorter than 16 MiB: the order in which the length's highest byte is 0 is the writer's.
    let is_little_endian = length[3] == 0;
    let (length, kind) = if is_little_endian {
        (u32::from_le_bytes(length), u16::from_le_bytes(kind))
    } else {
        (u32::from_be_bytes(length), u16::from_be_bytes(kind))
    };
    let types = match kind {
        QUEUED_PACKET => nflog::QUEUE,
        LOGGED_PACKET => nflog::LOG,
        _ => return Ok(Start::new(at, Next::Other(family))),
    };
    let [network] = take(bytes, at + 16)?;
    let end = at.saturating_add(length as usize);
    nflog::packet(bytes, network, Attributes { start: at + 20, end, is_little_endian }, types)
}
