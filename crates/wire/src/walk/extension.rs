//! IP protocols: extension headers of IPv6, the authentication header, and what else stands before a transport header.

use crate::transport::read_transport;
use crate::walk::{Walk, word};
use crate::{Bytes, Fragment, KnownPorts, Options, Reason, Tunnel, present, protocol};

impl Walk {
    /// What the IP protocol says. The packet is known by now: what cannot be read leaves it as it is.
    #[inline(always)]
    pub(super) fn protocol<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        let number = self.number as u8;
        self.packet.protocol = number;
        let is_ipv6 = self.packet.ip_version == 6;
        match number {
            protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
            | protocol::HIP
            | protocol::SHIM6
                if is_ipv6 =>
            {
                self.extension(bytes, number)
            }
            protocol::FRAGMENT if is_ipv6 => self.fragment(bytes),
            protocol::AH => self.authentication(bytes),
            protocol::ESP => self.esp(bytes),
            protocol::IPV4 | protocol::IPV6 => self.ip_in_ip(options, number),
            protocol::GRE => self.gre(bytes, options),
            protocol::L2TP => self.l2tp(bytes, options, 0),
            protocol::UDP => self.udp(bytes, options),
            _ => self.transport(bytes),
        }
    }

    #[inline(always)]
    pub(super) fn transport<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        read_transport(bytes, self.offset as usize, &mut self.packet);
        false
    }

    /// RFC 8200 section 4: next header, and the length in units of 8 bytes, the first 8 not counted.
    #[inline(always)]
    fn extension<B: Bytes + ?Sized>(&mut self, bytes: &B, number: u8) -> bool {
        let Some([next, length]) = self.get::<2, B>(bytes, 0) else { return false };
        let length = (length as u32 + 1) * 8;
        let is_message = matches!(number, protocol::MOBILITY | protocol::HIP | protocol::SHIM6);
        if is_message && next == protocol::NO_NEXT_HEADER {
            return false;
        }
        if length > self.held() {
            self.packet.protocol = next;
            return false;
        }
        self.packet.header_length += length;
        self.follow_protocol(length, next)
    }

    /// RFC 8200 section 4.5.
    #[inline(always)]
    fn fragment<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        const LENGTH: u32 = 8;
        if self.held() < LENGTH {
            return false;
        }
        let Some([next, _, high, low, a, b, c, d]) = self.get::<8, B>(bytes, 0) else { return false };
        let place = u16::from_be_bytes([high, low]);
        let fragment = Fragment::of(place & 0xfff8 != 0, place & 1 != 0);
        self.packet.header_length += LENGTH;
        if !matches!(fragment, Fragment::Whole) {
            self.packet.fragment = fragment;
            self.packet.identification = word([a, b, c, d]);
        }
        self.packet.protocol = next;
        !matches!(fragment, Fragment::Later) && self.follow_protocol(LENGTH, next)
    }

    /// RFC 4302 section 2: the length is in units of 4 bytes, the first 8 bytes not counted (which is all there is where
    /// nothing is computed, RFC 1826 section 3).
    #[inline(always)]
    fn authentication<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some([next, length, _, _, a, b, c, d]) = self.get::<8, B>(bytes, 0) else { return false };
        let length = (length as u32 + 2) * 4;
        if length > self.held() {
            return false;
        }
        if !self.has_ah {
            self.has_ah = true;
            self.ah = word([a, b, c, d]);
        }
        self.packet.header_length += length;
        self.follow_protocol(length, next)
    }

    /// RFC 4303 section 2.1: 0 is no SPI, and those up to 255 are reserved.
    #[inline(always)]
    fn esp<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        if let Some(spi) = self.get::<4, B>(bytes, 0)
            && self.held() >= 8
        {
            self.note_esp(word(spi));
        }
        false
    }

    #[inline(always)]
    pub(super) fn note_esp(&mut self, spi: u32) {
        if spi > 255 {
            self.envelope.present |= present::ESP;
            self.envelope.esp = spi;
        }
    }

    #[inline(always)]
    fn ip_in_ip<P: KnownPorts>(&mut self, options: &Options<'_, P>, number: u8) -> bool {
        let tunnel = if self.has_ah { Tunnel::Ah } else { Tunnel::IpInIp };
        if !self.open(options, tunnel) {
            return false;
        }
        let ethertype = if number == protocol::IPV4 { crate::ethernet::IPV4 } else { crate::ethernet::IPV6 };
        self.follow_ethertype(0, ethertype)
    }

    /// Whether another tunnel is opened. It counts when an IP header inside is read.
    #[inline(always)]
    pub(super) fn open<P: KnownPorts>(&mut self, options: &Options<'_, P>, tunnel: Tunnel) -> bool {
        if self.depth >= options.depth {
            return self.stop(Reason::TooManyHeaders);
        }
        self.tunnel = tunnel;
        self.has_tunnel_id = false;
        self.mac = crate::Mac::default();
        true
    }

    /// The same, with its identifier.
    #[inline(always)]
    pub(super) fn open_with_id<P: KnownPorts>(&mut self, options: &Options<'_, P>, tunnel: Tunnel, id: u32) -> bool {
        let opened = self.open(options, tunnel);
        self.has_tunnel_id = opened;
        self.tunnel_id = id;
        opened
    }
}
