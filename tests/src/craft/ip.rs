//! IPv4, IPv6, their extensions and fragments.

use std::net::IpAddr;

use super::ends::{Ends, octets};
use super::pdu::Pdu;
use super::sum;

/// EtherType of IPv4.
pub const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
pub const IPV6: u16 = 0x86dd;
/// "More fragments" (RFC 791 section 3.1).
const MORE: u16 = 0x2000;

/// What can be chosen in an IPv4 header.
#[derive(Clone, Debug)]
pub struct Ipv4<'a> {
    /// Identification.
    pub id: u16,
    /// Flags and fragment offset in units of 8 bytes.
    pub fragment: u16,
    /// Time to live.
    pub ttl: u8,
    /// Options, a multiple of 4 bytes.
    pub options: &'a [u8],
    /// Total length, where it is not the true one.
    pub length: Option<u16>,
}

impl Default for Ipv4<'_> {
    fn default() -> Self {
        Self { id: 0x1234, fragment: 0x4000, ttl: 64, options: &[], length: None }
    }
}

impl Pdu {
    /// Puts an IP header of the ends' family in front.
    pub fn ip(self, ends: Ends) -> Self {
        match ends[0] {
            IpAddr::V4(_) => self.ipv4(ends, &Ipv4::default()),
            IpAddr::V6(_) => self.ipv6(ends, 64, None),
        }
    }

    /// Puts an IP header with this time to live in front: what a link's own protocols ask for (1, 255).
    pub fn ip_hops(self, ends: Ends, ttl: u8) -> Self {
        match ends[0] {
            IpAddr::V4(_) => self.ipv4(ends, &Ipv4 { ttl, ..Ipv4::default() }),
            IpAddr::V6(_) => self.ipv6(ends, ttl, None),
        }
    }

    /// Puts an IPv4 header in front (RFC 791).
    pub fn ipv4(self, ends: Ends, head: &Ipv4<'_>) -> Self {
        let pdu = self.seal(ends);
        let header_length = 20 + head.options.len();
        let length = head.length.unwrap_or((header_length + pdu.bytes.len()) as u16);
        let mut header = vec![0x40 | (header_length / 4) as u8, 0];
        header.extend([length, head.id, head.fragment].map(u16::to_be_bytes).concat());
        header.extend([head.ttl, pdu.protocol, 0, 0]);
        header.extend(pdu.way.order(ends).map(octets).concat());
        header.extend(head.options);
        pdu.front(sum::with_internet(header, 10), IPV4, 4)
    }

    /// Puts an IPv6 header in front (RFC 8200 section 3), with a payload length that may be a lie.
    pub fn ipv6(self, ends: Ends, hop_limit: u8, length: Option<u16>) -> Self {
        let pdu = self.seal(ends);
        let length = length.unwrap_or(pdu.bytes.len() as u16);
        let mut header = vec![0x60, 0, 0, 0];
        header.extend(length.to_be_bytes());
        header.extend([pdu.protocol, hop_limit]);
        header.extend(pdu.way.order(ends).map(octets).concat());
        pdu.front(header, IPV6, 41)
    }

    /// Puts an extension header with options in front (RFC 8200 section 4.2): 0 hop-by-hop, 60 destination.
    pub fn options(self, header: u8, options: &[u8]) -> Self {
        let length = options.len() + 2;
        assert_eq!(length % 8, 0, "an extension header is a multiple of 8 bytes");
        let header_bytes = [&[self.protocol, (length / 8 - 1) as u8], options].concat();
        self.extend(header_bytes, header)
    }

    /// Puts a routing header in front (RFC 8200 section 4.4).
    pub fn routing(self, kind: u8, segments_left: u8, data: &[u8]) -> Self {
        let header = [&[self.protocol, ((4 + data.len()) / 8 - 1) as u8, kind, segments_left], data].concat();
        self.extend(header, 43)
    }

    /// Puts an authentication header in front (RFC 4302): 24 bytes.
    pub fn ah(self, spi: u32) -> Self {
        let mut header = vec![self.protocol, 4, 0, 0];
        header.extend([spi, 1].map(u32::to_be_bytes).concat());
        header.extend([0xa5; 12]);
        self.extend(header, 51)
    }

    /// Cuts it into fragments, each `(offset, length)` in bytes of it, with the same identification. The last ends where
    /// it ends.
    pub fn fragments(self, ends: Ends, id: u32, cuts: &[(usize, usize)]) -> Vec<Self> {
        let whole = self.seal(ends);
        let cut = |(at, length): &(usize, usize)| {
            let part = whole.part(*at..at + length);
            let more = at + length < whole.bytes.len();
            match ends[0] {
                IpAddr::V4(_) => {
                    let fragment = (at / 8) as u16 | if more { MORE } else { 0 };
                    part.ipv4(ends, &Ipv4 { id: id as u16, fragment, ..Ipv4::default() })
                }
                IpAddr::V6(_) => part.fragment_header(*at as u16 | u16::from(more), id).ip(ends),
            }
        };
        cuts.iter().map(cut).collect()
    }

    /// Puts a fragment header in front (RFC 8200 section 4.5).
    pub fn fragment_header(self, offset_and_more: u16, id: u32) -> Self {
        let mut header = vec![self.protocol, 0];
        header.extend(offset_and_more.to_be_bytes());
        header.extend(id.to_be_bytes());
        self.extend(header, 44)
    }
}
