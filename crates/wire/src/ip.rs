//! The IP header, as far as flows need it.

use crate::{Address, Bytes, Packet, Reason, ipv4, ipv6};

/// Where an IP packet lies.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Where its header begins.
    pub start: usize,
    /// Where the frame, or the packet around this one, ends: how long the packet is where its header does not say.
    pub end: u32,
}

impl Span {
    #[inline(always)]
    const fn rest(&self) -> u32 {
        self.end.saturating_sub(self.start as u32)
    }
}

/// Who wants to know of an IP header.
pub trait Reader {
    /// The header makes sense, and its packet has so many bytes. Answers where to write it: a packet that is zero, its
    /// MAC address aside.
    fn enter(&mut self, ip_length: u32) -> &mut Packet;
}

impl Reader for Packet {
    #[inline(always)]
    fn enter(&mut self, _ip_length: u32) -> &mut Packet {
        self
    }
}

/// Reads an IPv4 header, all but what it says of fragments; answers its length with options.
#[inline(always)]
pub fn read_ipv4<B: Bytes + ?Sized, R: Reader>(bytes: &B, span: Span, reader: &mut R) -> Result<usize, Reason> {
    let Some(raw) = bytes.get(span.start) else { return Err(Reason::TruncatedIp) };
    let header = ipv4::Header(raw);
    if header.version() != 4 {
        return Err(Reason::IpVersion);
    }
    let length = header.length();
    let ip_length = match header.total_length() {
        0 => span.rest(),
        stated => stated as u32,
    };
    if length < ipv4::MINIMUM || ip_length < length as u32 {
        return Err(Reason::IpHeaderLength);
    }
    let packet = reader.enter(ip_length);
    packet.ip_length = ip_length;
    packet.ip_version = 4;
    packet.source = Address::from_v4(header.source());
    packet.destination = Address::from_v4(header.destination());
    packet.protocol = header.protocol();
    packet.traffic_class = header.traffic_class();
    packet.hop_limit = header.time_to_live();
    packet.header_length = length as u32;
    Ok(length)
}

/// Reads an IPv6 header, without what extends it; answers its length.
#[inline(always)]
pub fn read_ipv6<B: Bytes + ?Sized, R: Reader>(bytes: &B, span: Span, reader: &mut R) -> Result<usize, Reason> {
    let Some(raw) = bytes.get(span.start) else { return Err(Reason::TruncatedIp) };
    let header = ipv6::Header(raw);
    if header.version() != 6 {
        return Err(Reason::IpVersion);
    }
    let (source, destination) = (span.start + ipv6::SOURCE, span.start + ipv6::DESTINATION);
    let Some(source) = read_address(bytes, source) else { return Err(Reason::TruncatedIp) };
    let Some(destination) = read_address(bytes, destination) else { return Err(Reason::TruncatedIp) };
    let ip_length = match header.payload_length() {
        // What lies around it ends before its header does.
        0 if span.rest() < ipv6::LENGTH as u32 => return Err(Reason::IpHeaderLength),
        0 => span.rest(),
        stated => ipv6::LENGTH as u32 + stated as u32,
    };
    let packet = reader.enter(ip_length);
    packet.ip_length = ip_length;
    packet.ip_version = 6;
    packet.source = source;
    packet.destination = destination;
    packet.protocol = header.next_header();
    packet.traffic_class = header.traffic_class();
    packet.hop_limit = header.hop_limit();
    packet.flow_label = header.flow_label();
    packet.header_length = ipv6::LENGTH as u32;
    Ok(ipv6::LENGTH)
}

/// 16 bytes, by the word: as an array the kernel program would move them one by one.
#[inline(always)]
fn read_address<B: Bytes + ?Sized>(bytes: &B, offset: usize) -> Option<Address> {
    let low = bytes.get::<8>(offset + 8)?;
    Some(Address::from_words(bytes.get::<8>(offset)?, low))
}

/// What an IPv4 header that was read says of fragments.
#[inline(always)]
pub fn read_fragment<B: Bytes + ?Sized>(bytes: &B, start: usize) -> ipv4::FragmentWord {
    ipv4::FragmentWord(bytes.get(start + ipv4::FRAGMENT_WORD).unwrap_or_default())
}
