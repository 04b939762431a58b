//! What lies between the frame's beginning and IP: tags, labels, PPP.

use crate::walk::{Next, Walk, word};
use crate::{Bytes, Mac, Reason, Tunnel, ethernet};

/// Length of a VLAN tag: control information and the next EtherType.
const VLAN_LENGTH: u32 = 4;
/// LLC header of the Subnetwork Access Protocol (IEEE 802).
const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
/// LLC header of IP (RFC 948; service access point 6).
const LLC_IP: [u8; 3] = [0x06, 0x06, 0x03];
/// PPP protocols (IANA "PPP DLL Protocol Numbers").
mod ppp {
    pub const IPV4: u16 = 0x0021;
    pub const IPV6: u16 = 0x0057;
    pub const MPLS: u16 = 0x0281;
    pub const MPLS_UPSTREAM: u16 = 0x0283;
}

impl Walk {
    #[inline(always)]
    pub(super) fn ethernet<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some(header) = self.get::<8, B>(bytes, ethernet::SOURCE as u32) else {
            return self.stop(Reason::TruncatedLink);
        };
        self.mac = Mac::from_first_six(header);
        let [_, _, _, _, _, _, high, low] = header;
        self.follow_ethertype(ethernet::LENGTH as u32, u16::from_be_bytes([high, low]))
    }

    #[inline(always)]
    pub(super) fn ethertype<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        match self.number {
            ethernet::IPV4 => self.ipv4(bytes),
            ethernet::IPV6 => self.ipv6(bytes),
            ethernet::VLAN | ethernet::SERVICE_VLAN | ethernet::OLD_SERVICE_VLAN => self.vlan(bytes),
            ethernet::MPLS | ethernet::MPLS_UPSTREAM => self.follow(0, Next::Mpls),
            ethernet::PPPOE_SESSION => self.pppoe(bytes),
            ethernet::PPP => self.follow(0, Next::Ppp),
            ethernet::ETHERNET => self.follow(0, Next::Ethernet),
            ethernet::VN_TAG => self.skip_tag(bytes, 4),
            ethernet::E_TAG | ethernet::METADATA => self.skip_tag(bytes, 6),
            ethernet::FABRIC_PATH => self.follow(2, Next::Ethernet),
            ethernet::MACSEC => self.macsec(bytes),
            ethernet::NSH => self.nsh(bytes),
            length if length < ethernet::FIRST_ETHERTYPE => self.follow(0, Next::Llc),
            _ => self.stop(Reason::NotIp),
        }
    }

    #[inline(always)]
    fn vlan<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some([a, b, c, d]) = self.get::<4, B>(bytes, 0) else { return self.stop(Reason::TruncatedLink) };
        self.tag(u16::from_be_bytes([a, b]));
        self.follow_ethertype(VLAN_LENGTH, u16::from_be_bytes([c, d]))
    }

    /// A tag of `length` bytes that says nothing of the flow, and the next EtherType.
    #[inline(always)]
    fn skip_tag<B: Bytes + ?Sized>(&mut self, bytes: &B, length: u32) -> bool {
        match self.get::<2, B>(bytes, length) {
            Some(ethertype) => self.follow_ethertype(length + 2, u16::from_be_bytes(ethertype)),
            None => self.stop(Reason::TruncatedLink),
        }
    }

    /// IEEE 802.1AE-2018 clause 9.3: the tag control information, short length, packet number, and the channel's identifier
    /// where a bit says so. What is encrypted or changed cannot be read; what only has its integrity checked can.
    #[inline(always)]
    fn macsec<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        const HAS_CHANNEL: u8 = 0x20;
        const ENCRYPTED_OR_CHANGED: u8 = 0x0c;
        const VERSION: u8 = 0x80;
        match self.get::<1, B>(bytes, 0) {
            Some([control]) if control & (ENCRYPTED_OR_CHANGED | VERSION) != 0 => self.stop(Reason::NotIp),
            Some([control]) => self.skip_tag(bytes, if control & HAS_CHANNEL != 0 { 14 } else { 6 }),
            None => self.stop(Reason::TruncatedLink),
        }
    }

    /// RFC 8300 section 2.2: version 0, the length in units of 4 bytes, the protocol.
    #[inline(always)]
    pub(super) fn nsh<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some([first, second, _, protocol]) = self.get::<4, B>(bytes, 0) else {
            return self.stop(Reason::TruncatedLink);
        };
        let length = (second & 0x3f) as u32 * 4;
        if first >> 6 != 0 || length < 8 {
            return self.stop(Reason::NotIp);
        }
        match protocol {
            1 => self.follow_ethertype(length, ethernet::IPV4),
            2 => self.follow_ethertype(length, ethernet::IPV6),
            3 => self.follow(length, Next::Ethernet),
            5 => self.follow(length, Next::Mpls),
            _ => self.stop(Reason::NotIp),
        }
    }

    /// IEEE 802.2: SNAP names an EtherType, other access points hold IP or something else.
    #[inline(always)]
    pub(super) fn llc<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some(header) = self.get::<3, B>(bytes, 0) else { return self.stop(Reason::TruncatedLink) };
        match header {
            SNAP => self.snap(bytes),
            LLC_IP => self.follow_ethertype(3, ethernet::IPV4),
            [access_point, ..] => {
                self.number = access_point as u16;
                self.stop(Reason::NotIp)
            }
        }
    }

    /// RFC 1042: an organisation's number, and an EtherType if it is that of encapsulated Ethernet (or of IEEE 802.1H).
    #[inline(always)]
    fn snap<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some([a, b, c, high, low]) = self.get::<5, B>(bytes, 3) else {
            return self.stop(Reason::TruncatedLink);
        };
        if !matches!([a, b, c], [0, 0, 0] | [0, 0, 0xf8]) {
            self.number = SNAP[0] as u16;
            return self.stop(Reason::NotIp);
        }
        self.follow_ethertype(8, u16::from_be_bytes([high, low]))
    }

    /// RFC 2516 section 4: version, type, code, session, length; then PPP.
    #[inline(always)]
    fn pppoe<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        const SESSION_DATA: [u8; 2] = [0x11, 0];
        match self.get::<2, B>(bytes, 0) {
            Some(SESSION_DATA) => self.follow(6, Next::Ppp),
            Some(_) => self.stop(Reason::NotIp),
            None => self.stop(Reason::TruncatedLink),
        }
    }

    /// RFC 1661 section 2: the protocol field has one byte where that is odd. RFC 1662 section 3.1: address and control
    /// field may stand before it.
    #[inline(always)]
    pub(super) fn ppp<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        const ADDRESS_AND_CONTROL: [u8; 2] = [0xff, 0x03];
        let Some(first) = self.get::<2, B>(bytes, 0) else { return self.stop(Reason::TruncatedLink) };
        if first == ADDRESS_AND_CONTROL {
            return self.follow(2, Next::Ppp);
        }
        let (length, protocol) = if first[0] & 1 == 1 { (1, first[0] as u16) } else { (2, u16::from_be_bytes(first)) };
        self.number = ethernet::PPP;
        match protocol {
            ppp::IPV4 => self.follow_ethertype(length, ethernet::IPV4),
            ppp::IPV6 => self.follow_ethertype(length, ethernet::IPV6),
            ppp::MPLS | ppp::MPLS_UPSTREAM => self.follow(length, Next::Mpls),
            _ => self.stop(Reason::NotIp),
        }
    }

    /// RFC 3032 section 2.1. What follows the last label is not said: IP goes by its version (RFC 4928), the rest are
    /// Ethernet pseudowires, with a control word or without (RFC 4448).
    #[inline(always)]
    pub(super) fn mpls<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        let Some([a, b, c, d]) = self.get::<4, B>(bytes, 0) else { return self.stop(Reason::TruncatedLink) };
        if matches!(self.tunnel, Tunnel::Mpls) {
            self.tunnel_id = word([a, b, c, d]) >> 12;
        }
        if c & 1 == 0 {
            return self.follow(4, Next::Mpls);
        }
        self.number = ethernet::MPLS;
        match self.get::<1, B>(bytes, 4) {
            Some([first]) if matches!(first >> 4, 4 | 6) => self.follow(4, Next::Ip),
            // In this order: a tag in a frame makes what begins four bytes into it look like a frame, too.
            Some(_) if self.looks_like_ethernet(bytes, 4) => self.follow(4, Next::Ethernet),
            Some([first]) if first >> 4 == 0 && self.looks_like_ethernet(bytes, 8) => self.follow(8, Next::Ethernet),
            Some(_) => self.stop(Reason::NotIp),
            None => self.stop(Reason::TruncatedLink),
        }
    }

    /// Whether an Ethernet header `offset` bytes from here would hold IP or a tag.
    #[inline(always)]
    pub(super) fn looks_like_ethernet<B: Bytes + ?Sized>(&self, bytes: &B, offset: u32) -> bool {
        let Some([high, low, first]) = self.get::<3, B>(bytes, offset + ethernet::ETHERTYPE as u32) else {
            return false;
        };
        match u16::from_be_bytes([high, low]) {
            ethernet::IPV4 => first >> 4 == 4 && first & 15 >= 5,
            ethernet::IPV6 => first >> 4 == 6,
            ethertype => ethernet::is_vlan(ethertype),
        }
    }
}
