//! Payload that names are learned from.

use flowtrace_wire::Address;

use crate::{FlowKey, Way};

/// The port that DNS answers come from (IANA "Service Name and Transport Protocol Port Number Registry").
pub const PAYLOAD_PORT: u16 = 53;
/// So many bytes of a payload are looked at. A segment on Ethernet holds 1,460; jumbo frames and the loopback hold more.
pub const PAYLOAD_BYTES: usize = 2048;

/// Bytes behind the transport header of a packet, from the first on, at most [`PAYLOAD_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The packet's flow; live with the generation that the packet was counted into.
    pub key: FlowKey,
    /// Which way the packet went.
    pub way: Way,
    /// When, in nanoseconds: since boot live, since the Unix epoch in files.
    pub at: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Payload<'_> {
    /// Address and port of who sent it.
    pub const fn sender(&self) -> (Address, u16) {
        match self.way {
            Way::Up => (self.key.low, self.key.low_port),
            Way::Down => (self.key.high, self.key.high_port),
        }
    }

    /// Address and port of who it was sent to.
    pub const fn receiver(&self) -> (Address, u16) {
        match self.way {
            Way::Up => (self.key.high, self.key.high_port),
            Way::Down => (self.key.low, self.key.low_port),
        }
    }
}

/// What the kernel program puts before the bytes of a payload.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadHead {
    /// The packet's flow, with the generation it was counted into.
    pub key: FlowKey,
    /// When, in nanoseconds since boot.
    pub at: u64,
    /// How many bytes follow.
    pub length: u32,
    /// The packet's way: 0 up, 1 down.
    pub way: u32,
}
