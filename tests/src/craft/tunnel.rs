//! Tunnel headers.

use super::ends::Way;
use super::pdu::Pdu;
use super::sum;

/// Optional fields of GRE (RFC 2784, RFC 2890).
#[derive(Clone, Copy, Debug, Default)]
pub struct Gre {
    /// Whether there is a checksum.
    pub checksum: bool,
    /// Key.
    pub key: Option<u32>,
    /// Sequence number.
    pub sequence: Option<u32>,
}

impl Pdu {
    /// Puts a VXLAN header in front (RFC 7348 section 5).
    pub fn vxlan(self, vni: u32) -> Self {
        self.vxlan_flags([8, 0, 0, 0], vni)
    }

    /// Puts a VXLAN header with these four first bytes in front.
    pub fn vxlan_flags(self, flags: [u8; 4], vni: u32) -> Self {
        self.front([flags, (vni << 8).to_be_bytes()].concat(), 0, 255)
    }

    /// Puts a VXLAN-GPE header in front (draft-ietf-nvo3-vxlan-gpe): flags I and P, next protocol.
    pub fn vxlan_gpe(self, vni: u32) -> Self {
        let next = match self.ether_type {
            0x0800 => 1,
            0x86dd => 2,
            _ => 3,
        };
        self.vxlan_flags([0x0c, 0, 0, next], vni)
    }

    /// Puts a Geneve header with options in front (RFC 8926 section 3.4).
    pub fn geneve(self, vni: u32, options: &[u8]) -> Self {
        let mut header = vec![(options.len() / 4) as u8, 0];
        header.extend(self.ether_type.to_be_bytes());
        header.extend((vni << 8).to_be_bytes());
        header.extend(options);
        self.front(header, 0, 255)
    }

    /// Puts a GRE header in front.
    pub fn gre(self, fields: Gre) -> Self {
        let ether_type = self.ether_type;
        self.gre_type(fields, ether_type)
    }

    /// Puts a GRE header with this protocol type in front.
    pub fn gre_type(self, fields: Gre, ether_type: u16) -> Self {
        let bit = |is: bool, bit: u8| u8::from(is) << bit;
        let flags = bit(fields.checksum, 7) | bit(fields.key.is_some(), 5) | bit(fields.sequence.is_some(), 4);
        let mut header = [&[flags, 0][..], &ether_type.to_be_bytes()].concat();
        header.extend(fields.checksum.then_some([0; 4]).into_iter().flatten());
        header.extend([fields.key, fields.sequence].into_iter().flatten().flat_map(u32::to_be_bytes));
        let mut packet = self.front(header, 0, 47);
        if fields.checksum {
            packet.bytes = sum::with_internet(packet.bytes, 4);
        }
        packet
    }

    /// Puts an enhanced GRE header in front, as PPTP has it (RFC 2637 section 4.1).
    pub fn gre_pptp(self, call: u16, sequence: u32, acknowledged: Option<u32>) -> Self {
        let length = self.bytes.len() as u16;
        let mut header = vec![0x30, if acknowledged.is_some() { 0x81 } else { 0x01 }, 0x88, 0x0b];
        header.extend([length, call].map(u16::to_be_bytes).concat());
        header.extend(sequence.to_be_bytes());
        header.extend(acknowledged.into_iter().flat_map(u32::to_be_bytes));
        self.front(header, 0, 47)
    }

    /// Puts an ERSPAN header of type II in front: version 1, VLAN 0, session.
    pub fn erspan2(self, session: u16) -> Self {
        let mut header = vec![0x10, 0];
        header.extend((session | 0x1800).to_be_bytes());
        header.extend([0, 0, 0, 1]);
        self.front(header, 0x88be, 255)
    }

    /// Puts an ERSPAN header of type III in front: version 2, VLAN 0, session, time stamp, no group tag.
    pub fn erspan3(self, session: u16) -> Self {
        let mut header = vec![0x20, 0];
        header.extend(session.to_be_bytes());
        header.extend([0, 0, 0, 9, 0, 0, 0, 0]);
        self.front(header, 0x22eb, 255)
    }

    /// Puts a GTP-U header in front (3GPP TS 29.281 section 5.1). `optional`: flags, and what they bring with them.
    pub fn gtp(self, kind: u8, teid: u32, (flags, optional): (u8, &[u8])) -> Self {
        let length = (optional.len() + self.bytes.len()) as u16;
        let header = [&[0x30 | flags, kind][..], &length.to_be_bytes(), &teid.to_be_bytes(), optional].concat();
        self.front(header, 0, 255)
    }

    /// Puts an L2TPv3 data header over IP in front (RFC 3931 section 4.1.1): session, and cookie and sublayer if any.
    pub fn l2tp(self, session: u32, rest: &[u8]) -> Self {
        self.front([&session.to_be_bytes()[..], rest].concat(), 0, 115)
    }

    /// Puts an L2TPv3 data header over UDP in front (RFC 3931 section 4.1.2).
    pub fn l2tp_udp(self, session: u32) -> Self {
        self.front([&[0, 3, 0, 0][..], &session.to_be_bytes()].concat(), 0, 255)
    }
}

/// Teredo's origin indication (RFC 4380 section 5.1.1): port and address, all bits turned.
pub fn origin_indication(port: u16, address: [u8; 4]) -> Vec<u8> {
    [&[0, 0][..], &(!port).to_be_bytes(), &address.map(|byte| !byte)].concat()
}

/// An IKE header without payloads (RFC 7296 section 3.1): an informational request.
pub fn ike(way: Way) -> Pdu {
    let mut header = vec![0x17; 16];
    header.extend([0, 0x20, 37, if way == Way::There { 0x08 } else { 0x20 }, 0, 0, 0, 2, 0, 0, 0, 28]);
    Pdu::new(way, 255, header)
}
