//! A scene: how a tunnel is set up between two ends of a cable, what goes through it, and what flowtrace is to say.
//!
//! All scenes are played on one cable and before one flowtrace, for it takes long to start; so each has addresses of its
//! own, by its number.
//!
//! The words that stand for something in the lines of a set-up: `DEV` the end of the cable; `LOCAL` and `REMOTE` the
//! addresses on the cable, with `6` behind for IPv6; `INSIDE` the network of those in the tunnel (`10.99.3`); `OWN` and `OTHER` the last byte of addresses, 1 at the client and 2
//! at the server; `OUT` and `IN` the security parameters indices of what is sent and received; `KEYS` the cipher and the
//! keys of IPsec; `PRIVATE` the file of WireGuard's private key, `PEER` the public key of the other end, `PORT` and
//! `PEERPORT` the ports of both. The tunnel's device is called `tun`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::count::Count;

use super::expect::Expect;

/// Datagrams of a client, and how long they are.
pub const DATAGRAMS: usize = 5;
/// Payload of each.
pub const ASKED: usize = 100;
/// Datagrams of the server in answer.
pub const ANSWERS: usize = 3;
/// Payload of each.
pub const ANSWERED: usize = 40;
/// Pings.
pub const PINGS: usize = 4;
/// Payload of each.
pub const PINGED: usize = 56;
/// The ports of client and server.
pub const PORTS: [u16; 2] = [40_000, 7000];
/// The security parameters indices of what client and server send.
pub const SPI: [u32; 2] = [0x1001, 0x1002];
/// The ports of WireGuard at client and server.
pub const WIREGUARD: [u16; 2] = [40_001, 51_820];

/// What the tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// Ethernet frames: the device has a MAC address.
    Ethernet,
    /// IP packets.
    Ip,
    /// There is none, or the set-up does all that is to be done: addresses and routes.
    None,
}

/// Which of the traffic goes through.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Between the addresses of the cable, not those of the tunnel.
    pub is_on_cable: bool,
    /// IP versions: 0 for IPv4, 1 for IPv6.
    pub versions: &'static [usize],
    /// Pings, besides datagrams.
    pub has_pings: bool,
    /// How many bytes longer than usual all payloads are.
    pub longer: usize,
}

/// A scene.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its number, from 1.
    pub number: u8,
    /// Its name.
    pub name: &'static str,
    /// Lines of words that are run at both ends.
    pub setup: Vec<&'static str>,
    /// What the tunnel's device is.
    pub device: Device,
    /// What goes through it.
    pub traffic: Traffic,
    /// What flowtrace is to say, on the server's end of the cable.
    pub expect: Expect,
}

impl Scene {
    /// One with both IP versions through a device that carries frames.
    pub fn frames(name: &'static str, setup: &[&'static str], expect: Expect) -> Self {
        let traffic = Traffic { is_on_cable: false, versions: &[0, 1], has_pings: true, longer: 0 };
        Self { number: 0, name, setup: setup.to_vec(), device: Device::Ethernet, traffic, expect }
    }

    /// One with packets of these IP versions through a device that carries packets.
    pub fn packets(name: &'static str, versions: &'static [usize], setup: &[&'static str], expect: Expect) -> Self {
        let scene = Self::frames(name, setup, expect);
        Self { device: Device::Ip, traffic: Traffic { versions, ..scene.traffic }, ..scene }
    }

    /// One whose set-up does everything, with IPv4 through it.
    pub fn routed(name: &'static str, setup: &[&'static str], expect: Expect) -> Self {
        Self { device: Device::None, ..Self::packets(name, &[0], setup, expect) }
    }

    /// One between the addresses of the cable.
    pub fn untunnelled(name: &'static str, setup: &[&'static str], expect: Expect) -> Self {
        let scene = Self::routed(name, setup, expect);
        Self { traffic: Traffic { is_on_cable: true, ..scene.traffic }, ..scene }
    }

    /// The ends of the traffic: client and server.
    pub fn ends(&self, version: usize) -> [IpAddr; 2] {
        let network = if self.traffic.is_on_cable { CABLE } else { INSIDE };
        [1, 2].map(|end| address(version, network, self.number, end))
    }

    /// The addresses of client and server on the cable.
    pub fn on_cable(&self, version: usize) -> [IpAddr; 2] {
        [1, 2].map(|end| address(version, CABLE, self.number, end))
    }
}

/// Networks on the cable and in the tunnel: `10.77` and `fd77::`, `10.99` and `fd99::`.
const CABLE: u8 = 77;
const INSIDE: u8 = 99;

/// Addresses on the cable without a scene: of client (1) and server (2).
pub fn on_cable(version: usize, end: u8) -> IpAddr {
    address(version, CABLE, 0, end)
}

fn address(version: usize, network: u8, scene: u8, end: u8) -> IpAddr {
    match version {
        0 => Ipv4Addr::new(10, network, scene, end).into(),
        _ => Ipv6Addr::new(0xfd00 + hex(network), 0, 0, 0, 0, 0, scene.into(), end.into()).into(),
    }
}

/// 77 as 0x77: the two families' networks look alike.
fn hex(number: u8) -> u16 {
    u16::from(number / 10) * 16 + u16::from(number % 10)
}

/// One IP packet, or its fragments on a cable of 1500 bytes: `payload` bytes behind the IP header, of which `extra` more
/// in each packet are a header that stands in between.
pub fn on_the_wire(version: usize, payload: usize, extra: usize) -> Count {
    const MTU: usize = 1500;
    let header = [20, 40][version];
    if header + extra + payload <= MTU {
        return Count { packets: 1, bytes: (header + extra + payload) as u64 };
    }
    // Fragments of IPv6 have a header for that (RFC 8200, 4.5); all but the last carry a multiple of 8.
    let header = header + [0, 8][version];
    let packets = payload.div_ceil((MTU - header) / 8 * 8);
    Count { packets: packets as u64, bytes: (payload + packets * header) as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_counted() {
        for (version, payload, extra, packets, bytes) in [
            (0, 108, 0, 1, 128),
            (1, 108, 0, 1, 148),
            (0, 108, 24, 1, 152),
            (0, 3008, 0, 3, 3008 + 3 * 20),
            (1, 3008, 0, 3, 3008 + 3 * 48),
            (0, 1480, 0, 1, 1500),
            (0, 1481, 0, 2, 1481 + 2 * 20),
        ] {
            assert_eq!(on_the_wire(version, payload, extra), Count { packets, bytes }, "{version} {payload} {extra}");
        }
    }

    #[test]
    fn networks_look_alike() {
        assert_eq!([on_cable(0, 1).to_string(), on_cable(1, 1).to_string()], ["10.77.0.1", "fd77::1"]);
        assert_eq!([0, 1].map(|version| address(version, INSIDE, 16, 2).to_string()), ["10.99.16.2", "fd99::10:2"]);
    }
}
