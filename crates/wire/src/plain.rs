//! The short way through plain packets: nothing between the link header and IP, and nothing between that and the
//! transport header.

use crate::ip::{Ipv4, Ipv6, Span};
use crate::transport::read_transport;
use crate::{Bytes, Fragment, Link, Mac, Packet, Ports, ethernet, ipv6, protocol};

/// Reads a plain packet into `packet`, which is zero. Answers `false` where it is not plain, or not whole: then `packet`
/// means nothing and a [`Walk`](crate::Walk) has to say what it is. Where it answers `true`, a walk says the same.
#[inline(always)]
pub fn plain<B: Bytes + ?Sized>(bytes: &B, link: Link, wire_length: u32, ports: &Ports, packet: &mut Packet) -> bool {
    match link {
        Link::Ethernet => plain_ethernet(bytes, wire_length, ports, packet),
        Link::Ip => match bytes.get::<1>(0) {
            Some([first]) if first >> 4 == 4 => plain_ipv4(bytes, Span { start: 0, end: wire_length }, ports, packet),
            Some([first]) if first >> 4 == 6 => plain_ipv6(bytes, Span { start: 0, end: wire_length }, ports, packet),
            _ => false,
        },
        _ => false,
    }
}

#[inline(always)]
fn plain_ethernet<B: Bytes + ?Sized>(bytes: &B, wire_length: u32, ports: &Ports, packet: &mut Packet) -> bool {
    let Some(header) = bytes.get::<8>(ethernet::SOURCE) else { return false };
    packet.source_mac = Mac::from_first_six(header);
    let [_, _, _, _, _, _, high, low] = header;
    let span = Span { start: ethernet::LENGTH, end: wire_length };
    match u16::from_be_bytes([high, low]) {
        ethernet::IPV4 => plain_ipv4(bytes, span, ports, packet),
        ethernet::IPV6 => plain_ipv6(bytes, span, ports, packet),
        _ => false,
    }
}

#[inline(always)]
fn plain_ipv4<B: Bytes + ?Sized>(bytes: &B, span: Span, ports: &Ports, packet: &mut Packet) -> bool {
    let Ok(header) = Ipv4::read(bytes, span) else { return false };
    header.fill(packet);
    if !matches!(packet.fragment, Fragment::Whole) || protocol::has_more(packet.protocol) {
        return false;
    }
    plain_transport(bytes, span.start + header.length(), ports, packet)
}

#[inline(always)]
fn plain_ipv6<B: Bytes + ?Sized>(bytes: &B, span: Span, ports: &Ports, packet: &mut Packet) -> bool {
    let Ok(header) = Ipv6::read(bytes, span) else { return false };
    header.fill(packet);
    if ipv6::is_extension(packet.protocol) || protocol::has_more(packet.protocol) {
        return false;
    }
    plain_transport(bytes, span.start + ipv6::LENGTH, ports, packet)
}

#[inline(always)]
fn plain_transport<B: Bytes + ?Sized>(bytes: &B, start: usize, ports: &Ports, packet: &mut Packet) -> bool {
    if !read_transport(bytes, start, packet) {
        return false;
    }
    packet.protocol != protocol::UDP || ports.of(packet.destination_port) | ports.of(packet.source_port) == 0
}
