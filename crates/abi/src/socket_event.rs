//! What the kernel tells of the processes that use sockets.

/// The longest name of a thread, with the zero at its end (`TASK_COMM_LEN`).
pub const NAME: usize = 16;

/// Something that happened to a socket, as it lies in the ring buffer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketEvent {
    /// The local address, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2); all zero: any address.
    pub local: [u8; 16],
    /// The peer's, likewise; all zero: any peer.
    pub remote: [u8; 16],
    /// When, in nanoseconds since boot.
    pub at: u64,
    /// The socket's cookie (`SO_COOKIE`).
    pub cookie: u64,
    /// Cookie of its network namespace (`SO_NETNS_COOKIE`).
    pub netns: u64,
    /// Name of the thread that did it, ended by a zero.
    pub name: [u8; NAME],
    /// Id of the process that did it, in the initial namespace of process ids; 0: none did.
    pub process: u32,
    /// Id of its thread, likewise. The main thread has that of the process.
    pub thread: u32,
    /// The local port, in host byte order. 0: the socket has no ends, or none any more.
    pub local_port: u16,
    /// The peer's port, likewise; 0: any peer.
    pub remote_port: u16,
    /// IANA's number of the protocol. A raw socket gets all packets of it; of 255 it gets none, and sends any.
    pub protocol: u8,
    /// Packets of which IP versions it gets: bits of [`Families`](crate::Families).
    pub families: u8,
    /// What happened: a value of [`Happening`].
    pub happening: u8,
    /// 1: a raw socket.
    pub is_raw: u8,
}

/// Values of [`SocketEvent::happening`].
#[derive(Clone, Copy, Debug)]
pub struct Happening;

impl Happening {
    /// A connection came up that a process of this host will accept, or a UDP socket was bound. No process is told.
    pub const OPENED: u8 = 1;
    /// A process connected a socket, or sent or received by it, which was not the last one to do so.
    pub const USED: u8 = 2;
    /// Several processes use the socket in turns, faster than is told.
    pub const SHARED: u8 = 3;
    /// The last process that had it let go of it. The event has no ends.
    pub const CLOSED: u8 = 4;
}

/// What is kept with a socket as long as it lives.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketUse {
    /// The process that was told of last; 0: none, or several after it.
    pub told: u32,
    /// The process that connects it, to be told when its ends are known; 0: none.
    pub connector: u32,
    /// The thread that does.
    pub connector_thread: u32,
    /// How often a process was told of.
    pub changes: u32,
    /// When that was last, in nanoseconds since boot.
    pub at: u64,
    /// 1: since then others used it that were not told of.
    pub is_shared: u64,
    /// Name of the thread that connects it.
    pub name: [u8; NAME],
}

impl SocketUse {
    /// So many changes of hands are told at once, each.
    pub const FREE_CHANGES: u32 = 8;
    /// Later ones are told so many nanoseconds after one another at least. In between, it is told that there are some.
    pub const PAUSE: u64 = 100_000_000;

    /// Whether a change at `now` is told.
    #[inline(always)]
    pub const fn may_tell(&self, now: u64) -> bool {
        self.changes < Self::FREE_CHANGES || now.wrapping_sub(self.at) >= Self::PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_changes_are_told_now_and_then() {
        let after = |changes, at| SocketUse { changes, at, ..SocketUse::default() };
        assert!(after(0, 0).may_tell(0) && after(7, 10).may_tell(10));
        assert!(!after(8, 10).may_tell(11) && after(8, 10).may_tell(10 + SocketUse::PAUSE));
    }
}
