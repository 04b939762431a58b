//! GRE: version 0 (RFC 2784, RFC 2890) with whatever an EtherType names, ERSPAN among it; version 1 (RFC 2637) with PPP.

use crate::walk::{Next, Walk, word};
use crate::{Bytes, KnownPorts, Options, Tunnel, ethernet};

/// Bits of the first two bytes.
mod bits {
    pub const CHECKSUM: u16 = 0x8000;
    pub const KEY: u16 = 0x2000;
    pub const SEQUENCE: u16 = 0x1000;
    /// Routing, strict source route, recursion control (RFC 1701): nobody sends them.
    pub const OLD: u16 = 0x4f00;
    /// Version 1: an acknowledgement number follows.
    pub const ACKNOWLEDGEMENT: u16 = 0x0080;
    pub const VERSION: u16 = 0x0007;
}

/// 4 where a bit is set.
#[inline(always)]
const fn optional(flags: u16, bit: u16) -> u32 {
    if flags & bit != 0 { 4 } else { 0 }
}

impl Walk {
    #[inline(always)]
    pub(super) fn gre<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        let Some([a, b, c, d]) = self.get::<4, B>(bytes, 0) else { return false };
        let (flags, kind) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let version = flags & bits::VERSION;
        if flags & bits::OLD != 0 || version > 1 {
            return false;
        }
        let is_pptp = version == 1;
        if is_pptp && (kind != ethernet::PPP || flags & bits::KEY == 0) {
            return false;
        }
        let before_key = 4 + optional(flags, bits::CHECKSUM);
        let mut length = before_key + optional(flags, bits::KEY) + optional(flags, bits::SEQUENCE);
        if is_pptp {
            length += optional(flags, bits::ACKNOWLEDGEMENT);
        }
        if !self.open(options, Tunnel::Gre) {
            return false;
        }
        if flags & bits::KEY != 0 {
            let Some(key) = self.get::<4, B>(bytes, before_key) else { return false };
            // Of PPTP the upper half is the payload's length.
            self.tunnel_id = if is_pptp { word(key) & 0xffff } else { word(key) };
            self.has_tunnel_id = true;
        }
        match kind {
            ethernet::ERSPAN => self.erspan(bytes, length, flags & bits::SEQUENCE != 0),
            ethernet::ERSPAN_III => self.erspan_iii(bytes, length),
            ethernet::WCCP => self.wccp(bytes, length),
            _ => self.follow_ethertype(length, kind),
        }
    }

    /// Type I has no header of its own and no sequence number; type II has 8 bytes (draft-foschiano-erspan-03 section 4).
    #[inline(always)]
    fn erspan<B: Bytes + ?Sized>(&mut self, bytes: &B, length: u32, has_sequence: bool) -> bool {
        self.tunnel = Tunnel::Erspan;
        if !has_sequence {
            return self.follow(length, Next::Ethernet);
        }
        self.erspan_header(bytes, length, 8)
    }

    /// 12 bytes, and 8 more where the last bit says so.
    #[inline(always)]
    fn erspan_iii<B: Bytes + ?Sized>(&mut self, bytes: &B, length: u32) -> bool {
        self.tunnel = Tunnel::Erspan;
        let Some([last]) = self.get::<1, B>(bytes, length + 11) else { return false };
        self.erspan_header(bytes, length, if last & 1 != 0 { 20 } else { 12 })
    }

    #[inline(always)]
    fn erspan_header<B: Bytes + ?Sized>(&mut self, bytes: &B, before: u32, length: u32) -> bool {
        let Some([high, low]) = self.get::<2, B>(bytes, before + 2) else { return false };
        self.tunnel_id = (u16::from_be_bytes([high, low]) & 0x3ff) as u32;
        self.has_tunnel_id = true;
        self.follow(before + length, Next::Ethernet)
    }

    /// Version 2 has a header of 4 bytes, version 1 none: an IP header tells.
    #[inline(always)]
    fn wccp<B: Bytes + ?Sized>(&mut self, bytes: &B, length: u32) -> bool {
        match self.get::<1, B>(bytes, length) {
            Some([first]) if first >> 4 == 4 => self.follow_ethertype(length, ethernet::IPV4),
            Some(_) => self.follow_ethertype(length + 4, ethernet::IPV4),
            None => false,
        }
    }
}
