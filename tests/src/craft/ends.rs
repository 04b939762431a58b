//! Who talks: addresses, and the way of a packet between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the one who asks to the one who answers.
    There,
    /// The other way.
    Back,
}

impl Way {
    /// A pair as it is seen this way.
    pub fn order<T>(self, [first, second]: [T; 2]) -> [T; 2] {
        match self {
            Self::There => [first, second],
            Self::Back => [second, first],
        }
    }
}

/// Two addresses of one family: who asks, who answers.
pub type Ends = [IpAddr; 2];

const fn v4([a, b, c]: [u8; 3]) -> Ends {
    [IpAddr::V4(Ipv4Addr::new(a, b, c, 1)), IpAddr::V4(Ipv4Addr::new(a, b, c, 2))]
}

const fn v6(network: u16) -> Ends {
    [
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, 2)),
    ]
}

/// Those whose conversation it is, in networks for documentation (RFC 5737, RFC 3849).
pub const AB4: Ends = v4([192, 0, 2]);
/// The same over IPv6.
pub const AB6: Ends = v6(0);
/// The ends of a tunnel around them.
pub const XY4: Ends = v4([198, 51, 100]);
/// The same over IPv6.
pub const XY6: Ends = v6(1);
/// The ends of a tunnel around that.
pub const PQ4: Ends = v4([203, 0, 113]);
/// The same over IPv6.
pub const PQ6: Ends = v6(2);

/// The first of some ends, and some other destination.
///
/// # Panics
/// When the text is no address.
pub fn to(ends: Ends, destination: &str) -> Ends {
    [ends[0], destination.parse().expect("an address")]
}

/// The bytes of an address.
pub fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
