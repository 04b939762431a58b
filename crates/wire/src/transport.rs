//! The transport header, as far as flows need it.

use crate::{Bytes, Packet, icmp, protocol};

/// Reads what follows the IP header, as far as the IP packet (not the padding behind it) and the capture reach. Answers
/// whether the capture holds all of what the packet has.
#[inline(always)]
pub fn read_transport<B: Bytes + ?Sized>(bytes: &B, start: usize, packet: &mut Packet) -> bool {
    if protocol::has_ports(packet.protocol) {
        read_ports(bytes, start, packet)
    } else if packet.protocol == protocol::ICMP || packet.protocol == protocol::ICMPV6 {
        read_icmp(bytes, start, packet)
    } else {
        true
    }
}

/// [`read_transport`] of a protocol with ports.
#[inline(always)]
pub fn read_ports<B: Bytes + ?Sized>(bytes: &B, start: usize, packet: &mut Packet) -> bool {
    let held = packet.payload_length();
    if held < 4 {
        return true;
    }
    let Some([a, b, c, d]) = bytes.get::<4>(start) else { return false };
    packet.has_transport = true;
    packet.source_port = u16::from_be_bytes([a, b]);
    packet.destination_port = u16::from_be_bytes([c, d]);
    if packet.protocol == protocol::TCP {
        return read_tcp(bytes, start, held, packet);
    }
    if packet.protocol == protocol::UDP && held >= 8 {
        packet.header_length += 8;
    }
    true
}

/// The part of a TCP header behind the ports. A data offset beyond the packet is no header: then only ports are known.
#[inline(always)]
fn read_tcp<B: Bytes + ?Sized>(bytes: &B, start: usize, held: u32, packet: &mut Packet) -> bool {
    if held < 16 {
        return true;
    }
    let Some(raw) = bytes.get::<12>(start + 4) else { return false };
    packet.sequence = u32::from_be_bytes([raw[0], raw[1], raw[2], raw[3]]);
    packet.acknowledgement = u32::from_be_bytes([raw[4], raw[5], raw[6], raw[7]]);
    packet.tcp_flags = raw[9];
    packet.window = u16::from_be_bytes([raw[10], raw[11]]);
    let length = ((raw[8] >> 4) as u32) * 4;
    packet.header_length += if length < 20 || length > held { held } else { length };
    true
}

#[inline(always)]
fn read_icmp<B: Bytes + ?Sized>(bytes: &B, start: usize, packet: &mut Packet) -> bool {
    let held = packet.payload_length();
    if held < 4 {
        return true;
    }
    let Some([kind, code]) = bytes.get::<2>(start) else { return false };
    packet.has_transport = true;
    packet.icmp_type = kind;
    packet.icmp_code = code;
    packet.header_length += if held < 8 { held } else { 8 };
    if held >= 6 && icmp::has_identifier(packet.protocol, kind) {
        let Some(identifier) = bytes.get::<2>(start + 4) else { return false };
        packet.icmp_identifier = u16::from_be_bytes(identifier);
    }
    true
}
