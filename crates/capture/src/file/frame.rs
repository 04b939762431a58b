//! What a capture file is made of.

use flowtrace_wire::Link;
use flowtrace_wire::link::FileLink;

/// One captured frame, lent by the [`Reader`](super::Reader) until its next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Nanoseconds since the Unix epoch; `None` where the block has no stamp (pcapng Simple Packet Block).
    pub time: Option<u64>,
    /// What the frame begins with.
    pub link: Link,
    /// Length of the frame on the wire; never less than was captured.
    pub wire_length: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Running number of the interface over the whole file; 0 for pcap.
    pub interface: u32,
}

/// A frame as the formats find it: everything but the bytes, and where in the buffer these are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub time: Option<u64>,
    pub link: Link,
    pub wire_length: u32,
    pub interface: u32,
    /// Place in the buffer, valid until it is filled again.
    pub start: usize,
    /// Captured bytes.
    pub length: usize,
}

/// LINKTYPE_ETHERNET of the registry of link types (draft-ietf-opsawg-pcaplinktype).
const ETHERNET: u16 = 1;
/// LINKTYPE_RAW.
const RAW: u16 = 101;

/// The link that a LINKTYPE value names.
pub(super) fn link(link_type: u16) -> Link {
    match link_type {
        ETHERNET => Link::Ethernet,
        RAW => Link::Ip,
        _ => match FileLink::of(link_type) {
            Some(link) => Link::File(link),
            None => Link::Unsupported,
        },
    }
}
