//! Transport protocols: headers and messages.

use super::ends::Way;
use super::pdu::Pdu;
use super::sum;

/// TCP flags (RFC 9293 section 3.1).
pub const SYN: u8 = 0x02;
/// PSH.
pub const PSH: u8 = 0x08;
/// ACK.
pub const ACK: u8 = 0x10;

impl Pdu {
    /// Puts a UDP header in front; the ports change places with the way.
    pub fn udp(self, ports: [u16; 2]) -> Self {
        let ports = self.way.order(ports);
        self.udp_to(ports)
    }

    /// Puts a UDP header in front with these ports on either way, as tunnels have it.
    pub fn udp_to(self, [source, destination]: [u16; 2]) -> Self {
        let length = (8 + self.bytes.len()) as u16;
        let header = [source, destination, length, 0].map(u16::to_be_bytes).concat();
        self.front(header, 0, 17).summed(6)
    }
}

/// A TCP segment; the ports change places with the way.
pub fn tcp(way: Way, ports: [u16; 2], flags: u8, [sequence, acknowledged]: [u32; 2], data: &[u8]) -> Pdu {
    let mut segment = way.order(ports).map(u16::to_be_bytes).concat();
    segment.extend([sequence, acknowledged].map(u32::to_be_bytes).concat());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(data);
    Pdu::new(way, 6, segment).summed(16)
}

/// A UDP-Lite datagram whose checksum covers all of it (RFC 3828).
pub fn udp_lite(way: Way, ports: [u16; 2], data: &[u8]) -> Pdu {
    let mut datagram = way.order(ports).map(u16::to_be_bytes).concat();
    datagram.extend([0, 0, 0, 0]);
    datagram.extend(data);
    Pdu::new(way, 136, datagram).summed(6)
}

/// An SCTP packet with these chunks (RFC 9260 section 3).
pub fn sctp(way: Way, ports: [u16; 2], tag: u32, chunks: &[u8]) -> Pdu {
    let mut packet = way.order(ports).map(u16::to_be_bytes).concat();
    packet.extend(tag.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(chunks);
    let crc = sum::crc32c(&packet);
    packet[8..12].copy_from_slice(&crc.to_le_bytes());
    Pdu::new(way, 132, packet)
}

/// A DCCP packet with 48-bit sequence numbers (RFC 4340 section 5.1). `rest`: what the type adds.
pub fn dccp(way: Way, ports: [u16; 2], kind: u8, sequence: u32, rest: &[u8]) -> Pdu {
    let mut packet = way.order(ports).map(u16::to_be_bytes).concat();
    packet.extend([((16 + rest.len()) / 4) as u8, 0, 0, 0, kind << 1 | 1, 0, 0, 0]);
    packet.extend(sequence.to_be_bytes());
    packet.extend(rest);
    Pdu::new(way, 33, packet).summed(6)
}

/// An ICMP message (RFC 792).
pub fn icmp(way: Way, kind: u8, code: u8, rest: [u8; 4], data: &[u8]) -> Pdu {
    Pdu::new(way, 1, sum::with_internet([&[kind, code, 0, 0], &rest[..], data].concat(), 2))
}

/// An ICMPv6 message (RFC 4443).
pub fn icmp6(way: Way, kind: u8, code: u8, rest: [u8; 4], data: &[u8]) -> Pdu {
    Pdu::new(way, 58, [&[kind, code, 0, 0], &rest[..], data].concat()).summed(2)
}

/// An ESP packet (RFC 4303): only SPI and sequence number can be read.
pub fn esp(way: Way, spi: u32) -> Pdu {
    let mut packet = [spi, 1].map(u32::to_be_bytes).concat();
    packet.extend((0..32).map(|byte: u8| byte.wrapping_mul(37) ^ 0xc3));
    Pdu::new(way, 50, packet)
}

/// A WireGuard message of this type and length, its indices at these places (little endian).
pub fn wireguard(way: Way, kind: u8, length: usize, indices: &[(usize, u32)]) -> Pdu {
    let mut message = vec![0; length];
    for (at, byte) in message.iter_mut().enumerate() {
        *byte = (at as u8).wrapping_mul(73) ^ 0x5a;
    }
    message[..4].copy_from_slice(&[kind, 0, 0, 0]);
    for (at, index) in indices {
        message[*at..at + 4].copy_from_slice(&index.to_le_bytes());
    }
    Pdu::new(way, 255, message)
}
