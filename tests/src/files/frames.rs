//! Ethernet frames made by hand, and capture files of them.

use std::net::IpAddr;

/// TCP flags (RFC 9293 section 3.1).
pub const FIN: u8 = 0x01;
/// SYN.
pub const SYN: u8 = 0x02;
/// RST.
pub const RST: u8 = 0x04;
/// PSH.
pub const PSH: u8 = 0x08;
/// ACK.
pub const ACK: u8 = 0x10;

/// IP protocol numbers (IANA).
pub mod protocol {
    /// RFC 792.
    pub const ICMP: u8 = 1;
    /// RFC 9293.
    pub const TCP: u8 = 6;
    /// RFC 768.
    pub const UDP: u8 = 17;
    /// RFC 4443.
    pub const ICMPV6: u8 = 58;
}

/// A host; its MAC address is `02:00:00:00:00:NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    number: u8,
    address: IpAddr,
}

impl Host {
    /// Number `number` of a network for documentation: `192.0.2.NUMBER` (RFC 5737).
    pub const fn v4(number: u8) -> Self {
        Self { number, address: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, number)) }
    }

    /// Number `number` of a network for documentation: `2001:db8::NUMBER` (RFC 3849).
    pub const fn v6(number: u8) -> Self {
        let address = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number as u16);
        Self { number, address: IpAddr::V6(address) }
    }

    /// Its address as bytes.
    fn octets(self) -> Vec<u8> {
        match self.address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        }
    }

    fn mac(self) -> [u8; 6] {
        [2, 0, 0, 0, 0, self.number]
    }
}

/// A host and a port.
pub type End = (Host, u16);

/// An Ethernet frame.
pub fn ethernet(source: Host, destination: Host, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&destination.mac()[..], &source.mac(), &ether_type.to_be_bytes(), payload].concat()
}

/// A frame with an IP packet.
pub fn ip(source: Host, destination: Host, protocol: u8, payload: &[u8]) -> Vec<u8> {
    fragment(source, destination, protocol, 0, payload)
}

/// A frame with an IPv4 packet with these flags and fragment offset, or an IPv6 packet without.
pub fn fragment(source: Host, destination: Host, protocol: u8, flags_and_offset: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let (ends, hops) = ([source.octets(), destination.octets()].concat(), 64);
    match source.address {
        IpAddr::V4(_) => {
            let mut header = vec![0x45, 0];
            header.extend((length + 20).to_be_bytes());
            header.extend([0x12, 0x34]);
            header.extend(flags_and_offset.to_be_bytes());
            header.extend([hops, protocol, 0, 0]);
            header.extend(ends);
            let sum = checksum(&header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            ethernet(source, destination, 0x0800, &[&header[..], payload].concat())
        }
        IpAddr::V6(_) => {
            let mut header = vec![0x60, 0, 0x12, 0x34];
            header.extend(length.to_be_bytes());
            header.extend([protocol, hops]);
            header.extend(ends);
            ethernet(source, destination, 0x86dd, &[&header[..], payload].concat())
        }
    }
}

/// A frame with a TCP segment.
pub fn tcp(source: End, destination: End, flags: u8, sequence: u32, acknowledged: u32, data: &[u8]) -> Vec<u8> {
    let mut segment = [source.1.to_be_bytes(), destination.1.to_be_bytes()].concat();
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(data);
    with_checksum(source.0, destination.0, protocol::TCP, segment, 16)
}

/// A UDP datagram without its IP header.
pub fn datagram(source: End, destination: End, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 8).unwrap();
    let numbers = [source.1, destination.1, length, 0].map(u16::to_be_bytes).concat();
    let mut datagram = [&numbers[..], data].concat();
    let sum = transport_checksum(source.0, destination.0, protocol::UDP, &datagram);
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    datagram
}

/// A frame with a UDP datagram.
pub fn udp(source: End, destination: End, data: &[u8]) -> Vec<u8> {
    ip(source.0, destination.0, protocol::UDP, &datagram(source, destination, data))
}

/// A frame with an ICMP message, of version 4 or 6 as the addresses are.
pub fn icmp(source: Host, destination: Host, kind: u8, code: u8, rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let message = [&[kind, code, 0, 0], &rest[..], data].concat();
    if source.address.is_ipv6() {
        return with_checksum(source, destination, protocol::ICMPV6, message, 2);
    }
    let mut message = message;
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ip(source, destination, protocol::ICMP, &message)
}

fn with_checksum(source: Host, destination: Host, protocol: u8, mut payload: Vec<u8>, at: usize) -> Vec<u8> {
    let sum = transport_checksum(source, destination, protocol, &payload);
    payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    ip(source, destination, protocol, &payload)
}

/// The checksum with the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).
fn transport_checksum(source: Host, destination: Host, protocol: u8, payload: &[u8]) -> u16 {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    checksum(&[&source.octets()[..], &destination.octets(), &length, &[0, 0, 0, protocol], payload].concat())
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Microseconds since the Unix epoch at which the captures begin: 2023-11-14 22:13:20 UTC.
const BEGIN: u64 = 1_700_000_000_000_000;

/// A pcap file (draft-ietf-opsawg-pcap), little endian, of Ethernet frames with their times in milliseconds since the
/// begin.
pub fn pcap(frames: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2_u16, 4].map(u16::to_le_bytes).concat());
    file.extend([0_u32, 0, 262_144, 1].map(u32::to_le_bytes).concat());
    for (time, frame) in frames {
        let time = BEGIN + time * 1000;
        let (second, rest) = (u32::try_from(time / 1_000_000).unwrap(), (time % 1_000_000) as u32);
        let length = u32::try_from(frame.len()).unwrap();
        file.extend([second, rest, length, length].map(u32::to_le_bytes).concat());
        file.extend(frame);
    }
    file
}

/// Many UDP exchanges, each a flow of its own, a millisecond apart.
pub fn many_flows(count: u32) -> Vec<(u64, Vec<u8>)> {
    let frame = |number: u32| {
        let port = 1024 + u16::try_from(number % 60_000).unwrap();
        let client = Host::v4(1 + u8::try_from(number / 60_000).unwrap());
        (u64::from(number), udp((client, port), (Host::v4(200), 7), b"hello"))
    };
    (0..count).map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_rfcs() {
        // RFC 1071 section 3.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        // A receiver sums up everything, the checksum too, and gets 0.
        let frame = tcp((Host::v6(1), 1), (Host::v6(2), 2), SYN, 7, 0, b"odd");
        assert_eq!(transport_checksum(Host::v6(1), Host::v6(2), protocol::TCP, &frame[54..]), 0);
        assert_eq!(checksum(&icmp(Host::v4(1), Host::v4(2), 8, 0, [0; 4], b"x")[14..34]), 0);
    }
}
