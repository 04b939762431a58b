//! Link layers: what capture files begin with, tags and labels.

use super::ends::Way;
use super::pdu::Pdu;

/// Numbers of link types in capture files (draft-ietf-opsawg-pcaplinktype).
#[allow(missing_docs, reason = "the names are those of the registry")]
pub mod linktype {
    pub const NULL: u32 = 0;
    pub const ETHERNET: u32 = 1;
    pub const PPP: u32 = 9;
    pub const PPP_HDLC: u32 = 50;
    pub const RAW: u32 = 101;
    pub const C_HDLC: u32 = 104;
    pub const IEEE802_11: u32 = 105;
    pub const FRELAY: u32 = 107;
    pub const LOOP: u32 = 108;
    pub const LINUX_SLL: u32 = 113;
    pub const IEEE802_11_RADIOTAP: u32 = 127;
    pub const IPV4: u32 = 228;
    pub const IPV6: u32 = 229;
    pub const NFLOG: u32 = 239;
    pub const LINUX_SLL2: u32 = 276;
}

/// A MAC address.
pub type Mac = [u8; 6];

const fn mac(number: u8) -> Mac {
    [2, 0, 0, 0, 0, number]
}

/// MAC addresses of the outermost frame.
pub const OUTER: [Mac; 2] = [mac(1), mac(2)];
/// MAC addresses of a frame within a tunnel.
pub const INNER: [Mac; 2] = [mac(0x11), mac(0x12)];
/// EtherType of an Ethernet frame in something else (Transparent Ethernet Bridging).
pub const BRIDGED: u16 = 0x6558;

impl Pdu {
    /// Puts the outermost Ethernet header in front.
    pub fn eth(self) -> Self {
        self.ethernet(OUTER)
    }

    /// Puts the Ethernet header of a tunnelled frame in front.
    pub fn frame(self) -> Self {
        self.ethernet(INNER)
    }

    /// Puts an Ethernet II header in front.
    pub fn ethernet(self, macs: [Mac; 2]) -> Self {
        let [source, destination] = self.way.order(macs);
        let header = [&destination[..], &source, &self.ether_type.to_be_bytes()].concat();
        self.front(header, BRIDGED, 143)
    }

    /// Puts an IEEE 802.3 header in front: a length instead of a type.
    pub fn ieee8023(mut self, macs: [Mac; 2]) -> Self {
        self.ether_type = self.bytes.len() as u16;
        self.ethernet(macs)
    }

    /// Puts a VLAN tag with this type (0x8100 IEEE 802.1Q, 0x88a8 IEEE 802.1ad) and control information in front.
    pub fn tag(self, ether_type: u16, control: u16) -> Self {
        let header = [control, self.ether_type].map(u16::to_be_bytes).concat();
        self.front(header, ether_type, 255)
    }

    /// Puts a VLAN tag in front (IEEE 802.1Q).
    pub fn vlan(self, id: u16) -> Self {
        self.tag(0x8100, id)
    }

    /// Puts LLC and SNAP headers in front (RFC 1042).
    pub fn snap(self) -> Self {
        let header = [&[0xaa, 0xaa, 3, 0, 0, 0][..], &self.ether_type.to_be_bytes()].concat();
        self.front(header, 0, 255)
    }

    /// Puts an MPLS label stack in front, the outermost first (RFC 3032).
    pub fn mpls(self, labels: &[u32]) -> Self {
        let last = labels.len() - 1;
        let entry = |(at, label): (usize, &u32)| (label << 12 | u32::from(at == last) << 8 | 64).to_be_bytes();
        self.front(labels.iter().enumerate().flat_map(entry).collect::<Vec<_>>(), 0x8847, 137)
    }

    /// Puts the control word of a pseudo-wire in front (RFC 4448 section 4.6).
    pub fn control_word(self) -> Self {
        self.front([0; 4], 0, 255)
    }

    /// Puts a PPP protocol field in front (RFC 1661 section 2).
    pub fn ppp(self) -> Self {
        let protocol: u16 = if self.ether_type == 0x86dd { 0x57 } else { 0x21 };
        self.front(protocol.to_be_bytes(), 0x880b, 255)
    }

    /// Puts address and control of PPP in front (RFC 1662 section 3.1).
    pub fn hdlc(self) -> Self {
        self.front([0xff, 3], 0x880b, 255)
    }

    /// Puts a PPPoE session header in front (RFC 2516).
    pub fn pppoe(self, session: u16) -> Self {
        let length = self.bytes.len() as u16;
        self.front([&[0x11, 0][..], &[session, length].map(u16::to_be_bytes).concat()].concat(), 0x8864, 255)
    }

    /// Puts a Linux cooked header in front (LINKTYPE_LINUX_SLL).
    pub fn sll(self) -> Self {
        let kind = self.packet_type();
        let [source, _] = self.way.order(OUTER);
        let header = [&[0, kind, 0, 1, 0, 6][..], &source, &[0, 0], &self.ether_type.to_be_bytes()].concat();
        self.front(header, 0, 255)
    }

    /// Puts a Linux cooked header of version 2 in front (LINKTYPE_LINUX_SLL2).
    pub fn sll2(self) -> Self {
        let kind = self.packet_type();
        let [source, _] = self.way.order(OUTER);
        let ether_type = self.ether_type.to_be_bytes();
        let header = [&ether_type[..], &[0, 0, 0, 0, 0, 3, 0, 1, kind, 6], &source, &[0, 0]].concat();
        self.front(header, 0, 255)
    }

    /// 4: sent by us, 0: sent to us.
    fn packet_type(&self) -> u8 {
        if self.way == Way::There { 4 } else { 0 }
    }

    /// Puts bytes in front that end the way to the IP header: the link types that are only a few bytes.
    pub fn behind(self, header: impl AsRef<[u8]>) -> Self {
        let ether_type = self.ether_type;
        self.front(header, ether_type, 255)
    }

    /// Puts an IEEE 802.11 data header in front: frame control, duration, addresses, sequence control, and what comes
    /// after it.
    pub fn dot11(self, control: [u8; 2], addresses: &[Mac], rest: &[u8]) -> Self {
        let mut header = [&control[..], &[0, 0]].concat();
        header.extend(addresses[..3].concat());
        header.extend([0x10, 0]);
        header.extend(addresses[3..].concat());
        header.extend(rest);
        self.front(header, 0, 255)
    }
}
