//! What the host knows of its sockets.

use std::net::IpAddr;

/// One end of a conversation: address and port.
pub type Socket = (IpAddr, u16);

/// The host on which flows are observed, as far as it can be asked about its sockets. In capture files there is none:
/// `()` knows nothing.
pub trait Host {
    /// Whether a socket of this host listened for the protocol at this end at some time from `first` to `last`
    /// (nanoseconds since boot).
    fn listens(&self, protocol: u8, end: Socket, first: u64, last: u64) -> bool;

    /// Whether a socket of this host has the TCP connection between these ends open.
    fn has_open(&self, ends: [Socket; 2]) -> bool;
}

impl Host for () {
    fn listens(&self, _: u8, _: Socket, _: u64, _: u64) -> bool {
        false
    }

    fn has_open(&self, _: [Socket; 2]) -> bool {
        false
    }
}
