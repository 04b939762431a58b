//! The walk through the headers of a packet, step by step. What it found is in the walk itself, so that the kernel program
//! can keep it in a map: there is no stack for it, and the verifier sees one step, not all ways through several.

mod extension;
mod file;
mod gre;
mod ip;
mod link;
mod tunnel;
mod udp;

use crate::{Bytes, Envelope, Fragment, KnownPorts, Mac, Options, Packet, Reason, Tunnel, present, protocol, tcp};

/// How many steps are made in one frame: one for each IP packet inside another, one for each tag, label, LLC, PPP or
/// extension header. The deepest that is sane, two VLAN tags and four times VXLAN with an extension header or two, has
/// less.
pub const STEPS: u32 = 14;

/// What comes next.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// An Ethernet header.
    #[default]
    Ethernet = 0,
    /// What the EtherType in [`Walk::number`] says.
    EtherType,
    /// An LLC header (IEEE 802.2).
    Llc,
    /// A PPP protocol field, address and control field before it or not.
    Ppp,
    /// An MPLS label.
    Mpls,
    /// An IP header of the version in its first nibble.
    Ip,
    /// What the IP protocol in [`Walk::number`] says.
    Protocol,
    /// An extension header of GTP-U, of the type in [`Walk::number`].
    Gtp,
    /// Payload of an L2TP session: the cookie, the sublayer header and the frame.
    L2tp,
}

/// A walk, and what it has found so far.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// The packet of the flow: the innermost that could be read.
    pub packet: Packet,
    /// The outermost packet, where that is another; its `ip_version` is 0 where not.
    pub outer: Packet,
    /// What lies around the packet.
    pub envelope: Envelope,
    /// Source address of the Ethernet header before the next IP header.
    mac: Mac,
    /// Why no IP header was found.
    stopped: Reason,
    /// Where the next header begins.
    offset: u32,
    /// Where the frame, or the IP packet around the next header, ends.
    end: u32,
    /// How many tunnels have been opened.
    depth: u32,
    /// What the next header is of, if that is no IP.
    number: u16,
    next: Next,
    /// The [`Tunnel`] that the last headers began: true once an IP header inside was read.
    tunnel: Tunnel,
    tunnel_id: u32,
    has_tunnel_id: bool,
    /// Whether the packet has an authentication header, and its SPI.
    has_ah: bool,
    ah: u32,
    /// The depth of the packet directly in the outermost IP in IP.
    ipip_depth: u32,
}

impl Walk {
    /// Forgets what was found before.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.packet = Packet::default();
        self.outer.ip_version = 0;
        // Whatever is in an envelope, one of its facts is there. Most have none, and it is large.
        if self.envelope.present != 0 {
            self.envelope = Envelope::default();
        }
    }

    /// Begins at a header of a frame whose end is at `end`. The walk was cleared, or is a zero one.
    #[inline(always)]
    pub fn begin(&mut self, next: Next, offset: u32, end: u32) {
        self.next = next;
        self.offset = offset;
        self.end = end;
        self.mac = Mac::default();
        self.stopped = Reason::TooManyHeaders;
        self.depth = 0;
        self.number = 0;
        self.tunnel = Tunnel::None;
        self.has_tunnel_id = false;
        self.has_ah = false;
        self.ipip_depth = 0;
    }

    /// Notes a VLAN tag; also one that the kernel keeps beside the frame, before the first step.
    #[inline(always)]
    pub fn tag(&mut self, control: u16) {
        let id = control & 0xfff;
        // Tag 0 says a priority, not a VLAN. Tags within a tunnel are not the frame's.
        if id == 0 || self.packet.ip_version != 0 {
            return;
        }
        if self.envelope.present & present::VLAN == 0 {
            self.envelope.present |= present::VLAN;
            self.envelope.vlan = id;
        } else {
            self.envelope.present |= present::INNER_VLAN;
            self.envelope.inner_vlan = id;
        }
    }

    /// Reads what comes next: an Ethernet header or what is between that and IP, the IP header, and what follows it, each
    /// where it is there. Answers whether more follows.
    #[inline(always)]
    pub fn step<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        if matches!(self.next, Next::Ethernet) && !self.ethernet(bytes) {
            return false;
        }
        if !matches!(self.next, Next::Protocol) && !self.before_ip(bytes) {
            return false;
        }
        !matches!(self.next, Next::Protocol) || self.protocol(bytes, options)
    }

    #[inline(always)]
    fn before_ip<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        match self.next {
            Next::EtherType => self.ethertype(bytes),
            Next::Llc => self.llc(bytes),
            Next::Ppp => self.ppp(bytes),
            Next::Mpls => self.mpls(bytes),
            Next::Gtp => self.gtp_extension(bytes),
            Next::L2tp => self.l2tp_session(bytes),
            _ => self.ip(bytes),
        }
    }

    /// Says what was found, when no step follows.
    ///
    /// # Errors
    /// Why there is no IP packet.
    #[inline(always)]
    pub fn finish(&mut self) -> Result<(), Reason> {
        if self.packet.ip_version == 0 {
            return Err(self.stopped);
        }
        if self.has_ah {
            self.envelope.present |= present::AH;
            self.envelope.ah = self.ah;
        }
        self.note_ipip_protocol();
        Ok(())
    }

    /// The number by which a frame that holds no IP is counted: its EtherType; of 802.3 frames the LLC destination
    /// service access point.
    pub const fn not_ip(&self) -> u16 {
        self.number
    }

    /// Where the payload of the walk's packet begins in the frame: behind its UDP or TCP header, of which a later
    /// fragment has none. The bytes are those that were walked through.
    #[inline(always)]
    pub fn payload<B: Bytes + ?Sized>(&self, bytes: &B) -> Option<u32> {
        // The ports of a later fragment come from its first one.
        if !self.packet.has_transport || matches!(self.packet.fragment, Fragment::Later) {
            return None;
        }
        match self.packet.protocol {
            protocol::UDP => Some(self.offset + udp::LENGTH),
            protocol::TCP => {
                let [data_offset] = self.get::<1, B>(bytes, tcp::DATA_OFFSET as u32)?;
                Some(self.offset + (data_offset >> 4) as u32 * 4)
            }
            _ => None,
        }
    }

    /// Takes over a packet that was [`plain`](crate::plain): its transport header begins at `offset`.
    pub(crate) fn begin_plain(&mut self, offset: u32) {
        self.offset = offset;
    }

    /// Goes on `length` bytes from here.
    #[inline(always)]
    fn follow(&mut self, length: u32, next: Next) -> bool {
        self.offset += length;
        self.next = next;
        true
    }

    /// Goes on with what an EtherType says.
    #[inline(always)]
    fn follow_ethertype(&mut self, length: u32, ethertype: u16) -> bool {
        self.number = ethertype;
        self.follow(length, Next::EtherType)
    }

    /// Goes on with what an IP protocol says.
    #[inline(always)]
    fn follow_protocol(&mut self, length: u32, protocol: u8) -> bool {
        self.number = protocol as u16;
        self.follow(length, Next::Protocol)
    }

    /// Nothing more can be read, for this reason if no packet was found.
    #[inline(always)]
    fn stop(&mut self, reason: Reason) -> bool {
        self.stopped = reason;
        false
    }

    /// Bytes of the packet (without a packet: of the frame) from the next header on.
    #[inline(always)]
    const fn held(&self) -> u32 {
        self.end.saturating_sub(self.offset)
    }

    #[inline(always)]
    fn get<const N: usize, B: Bytes + ?Sized>(&self, bytes: &B, offset: u32) -> Option<[u8; N]> {
        bytes.get((self.offset + offset) as usize)
    }
}

/// The number of a 32-bit field.
#[inline(always)]
const fn word(bytes: [u8; 4]) -> u32 {
    u32::from_be_bytes(bytes)
}

/// The number of a 24-bit field.
#[inline(always)]
const fn triple(high: u8, middle: u8, low: u8) -> u32 {
    u32::from_be_bytes([0, high, middle, low])
}
