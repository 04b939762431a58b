//! The walk through the headers.

use crate::{Address, Bytes, Mac, Packet, Reason, ethernet, icmp, ipv4, ipv6, protocol};

/// What a capture's frames begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// An Ethernet header.
    Ethernet,
    /// Something that is not read.
    Unsupported,
}

/// Reads the headers of one frame of `wire_length` bytes, of which `bytes` holds the captured ones.
///
/// # Errors
/// The [`Reason`] why no flow could be told. A transport header that is cut short, or that a later fragment does not
/// have, is no error: the packet then has no ports ([`Packet::has_transport`]).
#[inline(always)]
pub fn dissect<B: Bytes + ?Sized>(bytes: &B, link: Link, wire_length: u32) -> Result<Packet, Reason> {
    let mut packet = Packet::default();
    dissect_into(bytes, link, wire_length, &mut packet)?;
    Ok(packet)
}

/// [`dissect`] into a zero packet: the kernel program has no stack for copies.
///
/// # Errors
/// As [`dissect`]; the packet then means nothing.
#[inline(always)]
pub fn dissect_into<B: Bytes + ?Sized>(
    bytes: &B,
    link: Link,
    wire_length: u32,
    packet: &mut Packet,
) -> Result<(), Reason> {
    match link {
        Link::Ethernet => read_ethernet(bytes, wire_length, packet),
        Link::Unsupported => Err(Reason::UnsupportedLink),
    }
}

#[inline(always)]
fn read_ethernet<B: Bytes + ?Sized>(bytes: &B, wire_length: u32, packet: &mut Packet) -> Result<(), Reason> {
    let Some(header) = bytes.get::<8>(ethernet::SOURCE) else { return Err(Reason::TruncatedLink) };
    packet.source_mac = Mac::from_first_six(header);
    let [_, _, _, _, _, _, high, low] = header;
    match u16::from_be_bytes([high, low]) {
        ethernet::IPV4 => read_ipv4(bytes, ethernet::LENGTH, wire_length, packet),
        ethernet::IPV6 => read_ipv6(bytes, ethernet::LENGTH, wire_length, packet),
        _ => Err(Reason::NotIp),
    }
}

#[inline(always)]
fn read_ipv4<B: Bytes + ?Sized>(bytes: &B, start: usize, wire_length: u32, packet: &mut Packet) -> Result<(), Reason> {
    let Some(raw) = bytes.get(start) else { return Err(Reason::TruncatedIp) };
    let header = ipv4::Header(raw);
    if header.version() != 4 {
        return Err(Reason::IpVersion);
    }
    let length = header.length();
    packet.ip_length = match header.total_length() {
        0 => wire_length.saturating_sub(start as u32),
        stated => stated as u32,
    };
    if length < ipv4::MINIMUM || packet.ip_length < length as u32 {
        return Err(Reason::IpHeaderLength);
    }
    packet.ip_version = 4;
    packet.source = Address::from_v4(header.source());
    packet.destination = Address::from_v4(header.destination());
    packet.protocol = header.protocol();
    packet.traffic_class = header.traffic_class();
    packet.hop_limit = header.time_to_live();
    packet.header_length = length as u32;
    if !header.is_later_fragment() {
        read_transport(bytes, start + length, packet);
    }
    Ok(())
}

#[inline(always)]
fn read_ipv6<B: Bytes + ?Sized>(bytes: &B, start: usize, wire_length: u32, packet: &mut Packet) -> Result<(), Reason> {
    let Some(raw) = bytes.get(start) else { return Err(Reason::TruncatedIp) };
    let header = ipv6::Header(raw);
    if header.version() != 6 {
        return Err(Reason::IpVersion);
    }
    let Some(source) = bytes.get(start + ipv6::SOURCE) else { return Err(Reason::TruncatedIp) };
    let Some(destination) = bytes.get(start + ipv6::DESTINATION) else { return Err(Reason::TruncatedIp) };
    if ipv6::is_extension(header.next_header()) {
        return Err(Reason::Ipv6ExtensionHeader);
    }
    packet.ip_length = match header.payload_length() {
        0 => wire_length.saturating_sub(start as u32),
        stated => ipv6::LENGTH as u32 + stated as u32,
    };
    packet.ip_version = 6;
    packet.source = Address::from_v6(source);
    packet.destination = Address::from_v6(destination);
    packet.protocol = header.next_header();
    packet.traffic_class = header.traffic_class();
    packet.hop_limit = header.hop_limit();
    packet.flow_label = header.flow_label();
    packet.header_length = ipv6::LENGTH as u32;
    read_transport(bytes, start + ipv6::LENGTH, packet);
    Ok(())
}

/// Reads what follows the IP header, as far as the IP packet (not the padding behind it) and the capture reach.
#[inline(always)]
fn read_transport<B: Bytes + ?Sized>(bytes: &B, start: usize, packet: &mut Packet) {
    let held = packet.payload_length();
    if protocol::has_ports(packet.protocol) {
        if held < 4 {
            return;
        }
        let Some([a, b, c, d]) = bytes.get::<4>(start) else {
            packet.is_cut_short = true;
            return;
        };
        packet.has_transport = true;
        packet.source_port = u16::from_be_bytes([a, b]);
        packet.destination_port = u16::from_be_bytes([c, d]);
        if packet.protocol == protocol::TCP {
            read_tcp(bytes, start, held, packet);
        } else if packet.protocol == protocol::UDP && held >= 8 {
            packet.header_length += 8;
        }
    } else if packet.protocol == protocol::ICMP || packet.protocol == protocol::ICMPV6 {
        read_icmp(bytes, start, held, packet);
    }
}

/// The part of a TCP header behind the ports. A data offset beyond the packet is no header: then only ports are known.
#[inline(always)]
fn read_tcp<B: Bytes + ?Sized>(bytes: &B, start: usize, held: u32, packet: &mut Packet) {
    if held < 14 {
        return;
    }
    let Some(raw) = bytes.get::<10>(start + 4) else {
        packet.is_cut_short = true;
        return;
    };
    packet.sequence = u32::from_be_bytes([raw[0], raw[1], raw[2], raw[3]]);
    packet.acknowledgement = u32::from_be_bytes([raw[4], raw[5], raw[6], raw[7]]);
    packet.tcp_flags = raw[9];
    let length = ((raw[8] >> 4) as u32) * 4;
    packet.header_length += if length < 20 || length > held { held } else { length };
}

#[inline(always)]
fn read_icmp<B: Bytes + ?Sized>(bytes: &B, start: usize, held: u32, packet: &mut Packet) {
    if held < 4 {
        return;
    }
    let Some([kind, code]) = bytes.get::<2>(start) else {
        packet.is_cut_short = true;
        return;
    };
    packet.has_transport = true;
    packet.icmp_type = kind;
    packet.icmp_code = code;
    packet.header_length += if held < 8 { held } else { 8 };
    if held >= 6 && icmp::has_identifier(packet.protocol, kind) {
        match bytes.get::<2>(start + 4) {
            Some(identifier) => packet.icmp_identifier = u16::from_be_bytes(identifier),
            None => packet.is_cut_short = true,
        }
    }
}
