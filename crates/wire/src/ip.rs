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

/// An IPv4 header that makes sense.
pub struct Ipv4 {
    header: ipv4::Header,
    ip_length: u32,
}

impl Ipv4 {
    /// Reads and checks it.
    #[inline(always)]
    pub fn read<B: Bytes + ?Sized>(bytes: &B, span: Span) -> Result<Self, Reason> {
        let Some(raw) = bytes.get(span.start) else { return Err(Reason::TruncatedIp) };
        let header = ipv4::Header(raw);
        if header.version() != 4 {
            return Err(Reason::IpVersion);
        }
        let ip_length = match header.total_length() {
            0 => span.rest(),
            stated => stated as u32,
        };
        if header.length() < ipv4::MINIMUM || ip_length < header.length() as u32 {
            return Err(Reason::IpHeaderLength);
        }
        Ok(Self { header, ip_length })
    }

    /// Length of the header with its options.
    #[inline(always)]
    pub const fn length(&self) -> usize {
        self.header.length()
    }

    /// Length of the packet.
    #[inline(always)]
    pub const fn ip_length(&self) -> u32 {
        self.ip_length
    }

    /// Writes what it says into a packet that is zero, its MAC address aside.
    #[inline(always)]
    pub fn fill(&self, packet: &mut Packet) {
        packet.ip_length = self.ip_length;
        packet.ip_version = 4;
        packet.source = Address::from_v4(self.header.source());
        packet.destination = Address::from_v4(self.header.destination());
        packet.protocol = self.header.protocol();
        packet.traffic_class = self.header.traffic_class();
        packet.hop_limit = self.header.time_to_live();
        packet.header_length = self.header.length() as u32;
        packet.fragment = self.header.fragment();
        if !matches!(packet.fragment, crate::Fragment::Whole) {
            packet.identification = self.header.identification() as u32;
        }
    }
}

/// An IPv6 header without what extends it.
pub struct Ipv6 {
    header: ipv6::Header,
    source: [u8; 16],
    destination: [u8; 16],
    ip_length: u32,
}

impl Ipv6 {
    /// Reads and checks it.
    #[inline(always)]
    pub fn read<B: Bytes + ?Sized>(bytes: &B, span: Span) -> Result<Self, Reason> {
        let Some(raw) = bytes.get(span.start) else { return Err(Reason::TruncatedIp) };
        let header = ipv6::Header(raw);
        if header.version() != 6 {
            return Err(Reason::IpVersion);
        }
        let Some(source) = bytes.get(span.start + ipv6::SOURCE) else { return Err(Reason::TruncatedIp) };
        let Some(destination) = bytes.get(span.start + ipv6::DESTINATION) else { return Err(Reason::TruncatedIp) };
        let ip_length = match header.payload_length() {
            0 => span.rest(),
            stated => ipv6::LENGTH as u32 + stated as u32,
        };
        Ok(Self { header, source, destination, ip_length })
    }

    /// Length of the packet.
    #[inline(always)]
    pub const fn ip_length(&self) -> u32 {
        self.ip_length
    }

    /// Writes what it says into a packet that is zero, its MAC address aside.
    #[inline(always)]
    pub fn fill(&self, packet: &mut Packet) {
        packet.ip_length = self.ip_length;
        packet.ip_version = 6;
        packet.source = Address::from_v6(self.source);
        packet.destination = Address::from_v6(self.destination);
        packet.protocol = self.header.next_header();
        packet.traffic_class = self.header.traffic_class();
        packet.hop_limit = self.header.hop_limit();
        packet.flow_label = self.header.flow_label();
        packet.header_length = ipv6::LENGTH as u32;
    }
}
