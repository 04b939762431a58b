//! The short way through plain packets: nothing between the link header and IP, and nothing between that and the
//! transport header.

use crate::ip::{Span, read_fragment, read_ipv4, read_ipv6};
use crate::transport::{read_ports, read_transport};
use crate::{Bytes, KnownPorts, Link, Mac, Packet, ethernet, ipv6, protocol};

/// Reads a plain packet into `packet`, which is zero. Answers `false` where it is not plain, or not whole: then `packet`
/// means nothing and a [`Walk`](crate::Walk) has to say what it is. Where it answers `true`, a walk says the same.
#[inline(always)]
pub fn plain<B: Bytes + ?Sized, P: KnownPorts>(
    bytes: &B,
    link: Link,
    wire_length: u32,
    ports: &P,
    packet: &mut Packet,
) -> bool {
    let Some((start, ethertype)) = read_link(bytes, link, packet) else { return false };
    let span = Span { start, end: wire_length };
    match ethertype {
        ethernet::IPV4 => plain_ipv4(bytes, span, ports, packet),
        ethernet::IPV6 => plain_ipv6(bytes, span, ports, packet),
        _ => false,
    }
}

/// Where the IP header begins, and the EtherType.
#[inline(always)]
fn read_link<B: Bytes + ?Sized>(bytes: &B, link: Link, packet: &mut Packet) -> Option<(usize, u16)> {
    match link {
        Link::Ethernet => {
            let header = bytes.get::<8>(ethernet::SOURCE)?;
            packet.source_mac = Mac::from_first_six(header);
            let [_, _, _, _, _, _, high, low] = header;
            Some((ethernet::LENGTH, u16::from_be_bytes([high, low])))
        }
        Link::Ip => {
            let [first] = bytes.get::<1>(0)?;
            Some((0, if first >> 4 == 6 { ethernet::IPV6 } else { ethernet::IPV4 }))
        }
        _ => None,
    }
}

#[inline(always)]
fn plain_ipv4<B: Bytes + ?Sized, P: KnownPorts>(bytes: &B, span: Span, ports: &P, packet: &mut Packet) -> bool {
    let Ok(length) = read_ipv4(bytes, span, packet) else { return false };
    read_fragment(bytes, span.start).is_whole() && plain_transport(bytes, span.start + length, ports, packet)
}

#[inline(always)]
fn plain_ipv6<B: Bytes + ?Sized, P: KnownPorts>(bytes: &B, span: Span, ports: &P, packet: &mut Packet) -> bool {
    let Ok(length) = read_ipv6(bytes, span, packet) else { return false };
    plain_transport(bytes, span.start + length, ports, packet)
}

#[inline(always)]
fn plain_transport<B: Bytes + ?Sized, P: KnownPorts>(bytes: &B, start: usize, ports: &P, packet: &mut Packet) -> bool {
    match packet.protocol {
        protocol::TCP => read_ports(bytes, start, packet),
        protocol::UDP => {
            read_ports(bytes, start, packet) && ports.of(packet.destination_port) | ports.of(packet.source_port) == 0
        }
        number if protocol::has_more(number) || (packet.ip_version == 6 && ipv6::is_extension(number)) => false,
        _ => read_transport(bytes, start, packet),
    }
}
