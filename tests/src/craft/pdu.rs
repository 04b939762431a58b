//! A packet while it is being wrapped, from the inside to the outside.
//!
//! `talk::tcp()` gives segments; `pdu.ip(AB4).frame().vxlan(42).udp_to([50001, 4789]).ip(XY4).eth()` puts one into a
//! VXLAN tunnel. Every layer knows how the layer in front calls it, so that protocol numbers, lengths and checksums are
//! right unless something else is asked for.

use super::ends::{Ends, Way};
use super::sum;

/// What has been made so far.
#[derive(Clone, Debug)]
pub struct Pdu {
    /// Which way it goes: the layers choose their ends by it.
    pub way: Way,
    /// The outermost layer and all that is in it.
    pub bytes: Vec<u8>,
    /// Bytes at the end that were on the wire and were not captured.
    pub missing: u32,
    /// The outermost layer's EtherType.
    pub ether_type: u16,
    /// The outermost layer's IP protocol number.
    pub protocol: u8,
    sum: Option<Sum>,
}

/// A checksum that waits for the addresses of the IP header.
#[derive(Clone, Copy, Debug)]
struct Sum {
    /// Protocol in the pseudo-header.
    protocol: u8,
    /// Where its segment begins.
    segment: usize,
    /// Where in the segment it is.
    at: usize,
    /// The destination, where it is not the one of the IP header (RFC 8200 section 8.1, routing header).
    destination: Option<std::net::IpAddr>,
}

impl Pdu {
    /// The innermost layer, by the number that IP has for it.
    pub fn new(way: Way, protocol: u8, bytes: impl Into<Vec<u8>>) -> Self {
        Self { way, bytes: bytes.into(), missing: 0, ether_type: 0, protocol, sum: None }
    }

    /// The innermost layer, by its EtherType.
    pub fn of_type(way: Way, ether_type: u16, bytes: impl Into<Vec<u8>>) -> Self {
        Self { ether_type, ..Self::new(way, 255, bytes) }
    }

    /// Puts a header in front, which is called so by the layer in front of it.
    pub fn front(mut self, header: impl AsRef<[u8]>, ether_type: u16, protocol: u8) -> Self {
        self.bytes.splice(0..0, header.as_ref().iter().copied());
        Self { ether_type, protocol, sum: None, ..self }
    }

    /// Puts an IPv6 extension header or AH in front, through which the transport's checksum reaches.
    pub fn extend(self, header: impl AsRef<[u8]>, protocol: u8) -> Self {
        let length = header.as_ref().len();
        let sum = self.sum.map(|sum| Sum { segment: sum.segment + length, ..sum });
        Self { sum, ..self.front(header, 0, protocol) }
    }

    /// Wants a checksum with pseudo-header at this place of its header.
    pub fn summed(self, at: usize) -> Self {
        let sum = Sum { protocol: self.protocol, segment: 0, at, destination: None };
        Self { sum: Some(sum), ..self }
    }

    /// Its checksum is that of a packet to this destination.
    pub fn summed_to(mut self, destination: std::net::IpAddr) -> Self {
        if let Some(sum) = &mut self.sum {
            sum.destination = Some(destination);
        }
        self
    }

    /// Writes the checksum, now that the addresses are known.
    pub fn seal(mut self, ends: Ends) -> Self {
        if let Some(Sum { protocol, segment, at, destination }) = self.sum.take() {
            let [source, to] = self.way.order(ends);
            let ends = [source, destination.unwrap_or(to)];
            let value = match sum::transport(ends, protocol, &self.bytes[segment..]) {
                // 0 means that there is none (RFC 768).
                0 => 0xffff,
                value => value,
            };
            self.bytes[segment + at..segment + at + 2].copy_from_slice(&value.to_be_bytes());
        }
        self
    }

    /// Only these bytes of it.
    pub fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self { bytes: self.bytes[range].to_vec(), ..self.clone() }
    }

    /// Cuts everything off behind this many bytes, as a capture with a small snap length does.
    pub fn snapped(mut self, length: usize) -> Self {
        self.missing += (self.bytes.len() - length) as u32;
        self.bytes.truncate(length);
        self
    }

    /// Puts bytes behind it: padding, or a check sequence.
    pub fn padded(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }
}

/// Wraps every packet of a conversation.
pub fn each(talk: Vec<Pdu>, wrap: impl Fn(Pdu) -> Pdu) -> Vec<Pdu> {
    talk.into_iter().map(wrap).collect()
}
