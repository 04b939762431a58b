//! Packets that netfilter logs (LINKTYPE_NFLOG) or queues, as netlink attributes.

use super::attributes::Attributes;
use super::{Next, Start, family, take, take_u16};
use crate::{Bytes, Mac, Reason};

/// Types of the attributes that are read; two lists of the kernel's differ only in these numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Types {
    /// Where in the packet header (type 1) the EtherType is.
    protocol: usize,
    hardware_address: u16,
    payload: u16,
    vlan: u16,
}

/// Log (linux/netfilter/nfnetlink_log.h).
pub(super) const LOG: Types = Types { protocol: 0, hardware_address: 8, payload: 9, vlan: 20 };
/// Queue (linux/netfilter/nfnetlink_queue.h).
pub(super) const QUEUE: Types = Types { protocol: 4, hardware_address: 9, payload: 10, vlan: 19 };

const PACKET_HEADER: u16 = 1;
/// Attribute within the VLAN attribute: tag control information.
const TAG: u16 = 2;
/// Families whose packets may be of any protocol: unspecified, inet, ARP, netdev, bridge (linux/netfilter.h).
const ANY_PROTOCOL: [u8; 5] = [0, 1, 3, 5, 7];

/// Family (1), version (1), resource (2), attributes to the end of the frame.
pub(super) fn start<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Result<Start, Reason> {
    let [family, ..] = take::<4, B>(bytes, at)?;
    // The first attribute's type is below 256: the order in which its high byte is 0 is the writer's.
    let [_, _, first, second] = take(bytes, at + 4)?;
    let is_little_endian = second & 0x3f == 0 && first != 0;
    packet(bytes, family, Attributes { start: at + 4, end: usize::MAX, is_little_endian }, LOG)
}

/// The packet in `attributes`.
///
/// # Errors
/// [`Reason::TruncatedLink`] where no attribute is a packet.
pub(super) fn packet<B: Bytes + ?Sized>(
    bytes: &B,
    family: u8,
    attributes: Attributes,
    types: Types,
) -> Result<Start, Reason> {
    let (offset, _) = attributes.find(bytes, types.payload).ok_or(Reason::TruncatedLink)?;
    let header = attributes.find(bytes, PACKET_HEADER);
    let protocol = header.and_then(|(start, _)| bytes.get(start + types.protocol)).map(u16::from_be_bytes);
    let start = match protocol {
        Some(protocol) if ANY_PROTOCOL.contains(&family) => Start::ethertype(offset, protocol),
        None if ANY_PROTOCOL.contains(&family) => Start::new(offset, Next::Other(0)),
        _ => Start::new(offset, family::next(u32::from(family))),
    };
    let source_mac = attributes.find(bytes, types.hardware_address).and_then(|(at, _)| mac(bytes, at));
    let vlan = attributes.find(bytes, types.vlan).and_then(|(start, end)| {
        let (tag, _) = Attributes { start, end, ..attributes }.find(bytes, TAG)?;
        Some(take_u16(bytes, tag).ok()? & 0x0fff)
    });
    Ok(Start { source_mac, vlan, ..start })
}

/// Length of the address (2), padding (2), address (8).
fn mac<B: Bytes + ?Sized>(bytes: &B, at: usize) -> Option<Mac> {
    let length = u16::from_be_bytes(bytes.get(at)?);
    (length == 6).then_some(Mac::from_first_six(bytes.get(at + 4)?))
}
