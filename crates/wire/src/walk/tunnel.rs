//! Tunnels over UDP, and L2TP, which is over IP, too. The walk stands at the UDP header.

use crate::walk::udp::LENGTH as UDP;
use crate::walk::{Next, Walk, triple, word};
use crate::{Bytes, KnownPorts, Options, Tunnel, ethernet};

impl Walk {
    /// RFC 7348 section 5: the I flag set, reserved bits zero; those of group policies
    /// (draft-smith-vxlan-group-policy) may be set with the G flag. With the P flag it is the other kind, at whatever port.
    #[inline(always)]
    pub(super) fn vxlan<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        const VALID: u8 = 0x08;
        const GROUP: u8 = 0x80;
        const PROTOCOL: u8 = 0x04;
        let Some([flags, b, c, d, x, y, z, last]) = self.get::<8, B>(bytes, UDP) else { return false };
        if flags & PROTOCOL != 0 {
            return self.vxlan_gpe(bytes, options);
        }
        let is_plain = flags == VALID && triple(b, c, d) == 0;
        if !(is_plain || flags == VALID | GROUP) || last != 0 {
            return false;
        }
        self.open_with_id(options, Tunnel::Vxlan, triple(x, y, z)) && self.follow(UDP + 8, Next::Ethernet)
    }

    /// draft-ietf-nvo3-vxlan-gpe-13 section 3: version 0, the I and P flags set, no OAM; a protocol.
    #[inline(always)]
    pub(super) fn vxlan_gpe<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        const VALID: u8 = 0x0c;
        /// All but the flag of broadcast traffic.
        const CHECKED: u8 = 0xfd;
        let Some([flags, b, c, protocol, x, y, z, last]) = self.get::<8, B>(bytes, UDP) else { return false };
        if flags & CHECKED != VALID || b != 0 || c != 0 || last != 0 {
            return false;
        }
        if !self.open_with_id(options, Tunnel::VxlanGpe, triple(x, y, z)) {
            return false;
        }
        match protocol {
            1 => self.follow_ethertype(UDP + 8, ethernet::IPV4),
            2 => self.follow_ethertype(UDP + 8, ethernet::IPV6),
            3 => self.follow(UDP + 8, Next::Ethernet),
            4 => self.follow_ethertype(UDP + 8, ethernet::NSH),
            5 => self.follow(UDP + 8, Next::Mpls),
            _ => false,
        }
    }

    /// RFC 8926 section 3.4: version 0, reserved bits zero, options within the packet; control messages hold no packet.
    #[inline(always)]
    pub(super) fn geneve<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        const CONTROL_AND_RESERVED: u8 = 0xbf;
        let Some([first, flags, c, d, x, y, z, last]) = self.get::<8, B>(bytes, UDP) else { return false };
        let length = UDP + 8 + (first & 0x3f) as u32 * 4;
        if first >> 6 != 0 || flags & CONTROL_AND_RESERVED != 0 || last != 0 || length > self.held() {
            return false;
        }
        self.open_with_id(options, Tunnel::Geneve, triple(x, y, z))
            && self.follow_ethertype(length, u16::from_be_bytes([c, d]))
    }

    /// 3GPP TS 29.281 section 5.1: version 1, protocol type GTP, message G-PDU.
    #[inline(always)]
    pub(super) fn gtp<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        const VERSION_1_GTP: u8 = 0x30;
        const G_PDU: u8 = 255;
        const EXTENSION: u8 = 4;
        const OPTIONAL: u8 = 7;
        let Some([flags, kind, high, low, a, b, c, d]) = self.get::<8, B>(bytes, UDP) else { return false };
        let length = u16::from_be_bytes([high, low]) as u32;
        // A reserved bit is zero. The length counts what follows the first 8 bytes; of a fragment it is that of the whole.
        let is_first = matches!(self.packet.fragment, crate::Fragment::First);
        if flags & 0xf8 != VERSION_1_GTP || kind != G_PDU || (UDP + 8 + length > self.held() && !is_first) {
            return false;
        }
        if !self.open_with_id(options, Tunnel::Gtp, word([a, b, c, d])) {
            return false;
        }
        if flags & OPTIONAL == 0 {
            return self.follow(UDP + 8, Next::Ip);
        }
        if flags & EXTENSION == 0 {
            return self.follow(UDP + 12, Next::Ip);
        }
        let Some([kind]) = self.get::<1, B>(bytes, UDP + 11) else { return false };
        self.follow_gtp(UDP + 12, kind)
    }

    #[inline(always)]
    fn follow_gtp(&mut self, length: u32, kind: u8) -> bool {
        self.number = kind as u16;
        self.follow(length, if kind == 0 { Next::Ip } else { Next::Gtp })
    }

    /// 3GPP TS 29.281 section 5.2.1: the length in units of 4 bytes; the type of the next one is the last byte.
    #[inline(always)]
    pub(super) fn gtp_extension<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some([length]) = self.get::<1, B>(bytes, 0) else { return false };
        let length = length as u32 * 4;
        if length == 0 || length > self.held() {
            return false;
        }
        let Some([kind]) = self.get::<1, B>(bytes, length - 1) else { return false };
        self.follow_gtp(length, kind)
    }

    /// RFC 7510 section 3.
    #[inline(always)]
    pub(super) fn mpls_in_udp<P: KnownPorts>(&mut self, options: &Options<'_, P>) -> bool {
        self.open_with_id(options, Tunnel::Mpls, 0) && self.follow(UDP, Next::Mpls)
    }

    /// RFC 4380 section 5.1.1: IPv6, with an authentication and an origin indication before it or not.
    #[inline(always)]
    pub(super) fn teredo<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        const AUTHENTICATION: [u8; 2] = [0, 1];
        const ORIGIN: [u8; 2] = [0, 0];
        let mut length = UDP;
        let Some([a, b, identifier, value]) = self.get::<4, B>(bytes, length) else { return false };
        if [a, b] == AUTHENTICATION {
            length += 4 + identifier as u32 + value as u32 + 9;
        }
        if self.get::<2, B>(bytes, length) == Some(ORIGIN) {
            length += 8;
        }
        let Some([first]) = self.get::<1, B>(bytes, length) else { return false };
        first >> 4 == 6 && self.open(options, Tunnel::IpInIp) && self.follow_ethertype(length, ethernet::IPV6)
    }

    /// RFC 3931 section 4.1.2.1: a data message of version 3, four bytes before the session.
    #[inline(always)]
    pub(super) fn l2tp_in_udp<B: Bytes + ?Sized, P: KnownPorts>(
        &mut self,
        bytes: &B,
        options: &Options<'_, P>,
    ) -> bool {
        const CONTROL: u8 = 0x80;
        match self.get::<2, B>(bytes, UDP) {
            Some([flags, version]) if flags & CONTROL == 0 && version & 0x0f == 3 => self.l2tp(bytes, options, UDP + 4),
            _ => false,
        }
    }

    /// RFC 3931 section 4.1.1: session 0 is for control messages. The session begins `offset` bytes from here.
    #[inline(always)]
    pub(super) fn l2tp<B: Bytes + ?Sized, P: KnownPorts>(
        &mut self,
        bytes: &B,
        options: &Options<'_, P>,
        offset: u32,
    ) -> bool {
        let Some(session) = self.get::<4, B>(bytes, offset) else { return false };
        let session = word(session);
        session != 0 && self.open_with_id(options, Tunnel::L2tp, session) && self.follow(offset + 4, Next::L2tp)
    }

    /// How long cookie (0, 4 or 8 bytes) and sublayer header (0 or 4 bytes) are is agreed upon beforehand and not said in
    /// the packet: what makes the rest look like an Ethernet frame (RFC 4719).
    #[inline(always)]
    pub(super) fn l2tp_session<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        // In this order: a tag in a frame makes what begins four bytes into it look like a frame, too.
        if self.looks_like_ethernet(bytes, 0) {
            return self.follow(0, Next::Ethernet);
        }
        if self.looks_like_ethernet(bytes, 4) {
            return self.follow(4, Next::Ethernet);
        }
        if self.looks_like_ethernet(bytes, 8) {
            return self.follow(8, Next::Ethernet);
        }
        self.looks_like_ethernet(bytes, 12) && self.follow(12, Next::Ethernet)
    }
}
