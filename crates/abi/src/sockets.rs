//! What the kernel notes of sockets: which wait to be spoken to, and (in [`SocketEvent`]) who uses which.

/// A TCP socket that listens, or a UDP socket that is bound to a port of its own. Its key in the map is the socket's
/// cookie (`SO_COOKIE`), which no other socket of the host ever has: so several sockets may share a port, and each may be
/// closed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListeningSocket {
    /// The address that it is bound to, IPv4 mapped into IPv6 (RFC 4291, 2.5.5.2); all zero: any address.
    pub address: [u8; 16],
    /// Cookie of its network namespace (`SO_NETNS_COOKIE`).
    pub netns: u64,
    /// When it began to listen, in nanoseconds since boot. 0: before anybody looked.
    pub opened: u64,
    /// When it ceased to, likewise. 0: it still does.
    pub closed: u64,
    /// The port, in host byte order.
    pub port: u16,
    /// IANA's number of the protocol: TCP or UDP.
    pub protocol: u8,
    /// Packets of which IP versions it gets: bits of [`Families`].
    pub families: u8,
    /// Why it ceased to listen: a value of [`End`].
    pub end: u32,
}

/// Bits of [`ListeningSocket::families`].
#[derive(Clone, Copy, Debug)]
pub struct Families;

impl Families {
    /// IPv4.
    pub const V4: u8 = 1;
    /// IPv6.
    pub const V6: u8 = 2;
}

/// Values of [`ListeningSocket::end`].
#[derive(Clone, Copy, Debug)]
pub struct End;

impl End {
    /// It has not.
    pub const NONE: u32 = 0;
    /// It was closed.
    pub const CLOSED: u32 = 1;
    /// It was connected (UDP): from then on it hears one peer only.
    pub const CONNECTED: u32 = 2;
}

impl ListeningSocket {
    /// A socket bound to an IPv4 address, in network byte order.
    #[inline(always)]
    pub const fn v4(address: [u8; 4]) -> Self {
        let [a, b, c, d] = address;
        let is_any = u32::from_be_bytes(address) == 0;
        let mapped = if is_any { [0; 16] } else { [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] };
        Self { families: Families::V4, ..Self::at(mapped) }
    }

    /// A socket bound to an IPv6 address. To any, it takes IPv4, too, unless `IPV6_V6ONLY` is set, which only userland
    /// sees; bound to a mapped address it takes nothing else.
    #[inline(always)]
    pub const fn v6(address: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(address);
        let families = match number {
            0 => Families::V4 | Families::V6,
            _ if number >> 32 == 0xffff => Families::V4,
            _ => Families::V6,
        };
        Self { families, ..Self::at(address) }
    }

    const fn at(address: [u8; 16]) -> Self {
        Self { address, netns: 0, opened: 0, closed: 0, port: 0, protocol: 0, families: 0, end: End::NONE }
    }
}

/// Places in the map that counts what happened to sockets.
#[derive(Clone, Copy, Debug)]
pub struct SocketEvents;

impl SocketEvents {
    /// How often a socket began or ceased to listen.
    pub const CHANGES: u32 = 0;
    /// How many of those that began found no room.
    pub const MISSED: u32 = 1;
    /// How many [`SocketEvent`]s found no room.
    pub const LOST: u32 = 2;
    /// How many places there are.
    pub const COUNT: usize = 3;
}

impl SocketOffsets {
    /// As userland may not have written them yet.
    pub const UNKNOWN: Self = Self {
        family: 0,
        local4: 0,
        remote4: 0,
        local6: 0,
        remote6: 0,
        local_port: 0,
        remote_port: 0,
        v6_only: 0,
        v6_only_bit: 0,
        protocol: 0,
        kind: 0,
        net: 0,
        net_cookie: 0,
        task_flags: 0,
    };
}

/// What userland tells the programs that watch sockets, before they are loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketSettings {
    /// The first port that this host gives to its clients. A UDP socket that is bound to one of them is none that waits.
    pub first_ephemeral: u32,
    /// The last one.
    pub last_ephemeral: u32,
    /// 1: which process uses which socket is told.
    pub tells_processes: u32,
    /// 0.
    pub reserved: u32,
    /// Where a socket's facts are in this kernel's memory.
    pub offsets: SocketOffsets,
}

/// Where facts are in the kernel's structures, in bytes; this kernel's own type information (BTF) tells. The verifier
/// compares each access with it, so a wrong one is refused.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOffsets {
    /// `skc_family` in `struct sock`, as all others unless said.
    pub family: u32,
    /// `skc_rcv_saddr`.
    pub local4: u32,
    /// `skc_daddr`.
    pub remote4: u32,
    /// `skc_v6_rcv_saddr`.
    pub local6: u32,
    /// `skc_v6_daddr`.
    pub remote6: u32,
    /// `skc_num`.
    pub local_port: u32,
    /// `skc_dport`.
    pub remote_port: u32,
    /// The byte that has `skc_ipv6only` in it.
    pub v6_only: u32,
    /// Which bit of that byte.
    pub v6_only_bit: u32,
    /// `sk_protocol`.
    pub protocol: u32,
    /// `sk_type`.
    pub kind: u32,
    /// `skc_net`. 0: not known, and nothing is read.
    pub net: u32,
    /// `net_cookie` in `struct net`.
    pub net_cookie: u32,
    /// `flags` in `struct task_struct`.
    pub task_flags: u32,
}

impl SocketSettings {
    /// Linux's default, as userland may not have written it yet.
    pub const DEFAULT: Self = Self {
        first_ephemeral: 32_768,
        last_ephemeral: 60_999,
        tells_processes: 1,
        reserved: 0,
        offsets: SocketOffsets::UNKNOWN,
    };

    /// Whether a port is given to clients.
    #[inline(always)]
    pub const fn is_ephemeral(&self, port: u32) -> bool {
        self.first_ephemeral <= port && port <= self.last_ephemeral
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_which_versions_its_socket_takes() {
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
        let own = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        for (socket, address, families) in [
            (ListeningSocket::v4([0; 4]), [0; 16], Families::V4),
            (ListeningSocket::v4([192, 0, 2, 1]), mapped, Families::V4),
            (ListeningSocket::v6([0; 16]), [0; 16], Families::V4 | Families::V6),
            (ListeningSocket::v6(mapped), mapped, Families::V4),
            (ListeningSocket::v6(own), own, Families::V6),
        ] {
            assert_eq!((socket.address, socket.families), (address, families));
        }
    }
}
