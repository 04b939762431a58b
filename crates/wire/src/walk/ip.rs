//! IP, and what is in what.

use crate::ip::{Reader, Span, read_fragment, read_ipv4, read_ipv6};
use crate::walk::Walk;
use crate::{Bytes, Fragment, Packet, Reason, Tunnel, present, protocol};

impl Walk {
    #[inline(always)]
    pub(super) fn ip<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        match self.get::<1, B>(bytes, 0) {
            Some([first]) if first >> 4 == 4 => self.ipv4(bytes),
            Some([first]) if first >> 4 == 6 => self.ipv6(bytes),
            Some(_) => self.stop(Reason::IpVersion),
            None => self.stop(Reason::TruncatedIp),
        }
    }

    #[inline(always)]
    pub(super) fn ipv4<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        match read_ipv4(bytes, self.span(), self) {
            Ok(length) => {
                let word = read_fragment(bytes, self.offset as usize);
                if !word.is_whole() {
                    self.packet.fragment = word.fragment();
                    self.packet.identification = word.identification() as u32;
                }
                self.pass(length as u32)
            }
            Err(reason) => self.stop(reason),
        }
    }

    #[inline(always)]
    pub(super) fn ipv6<B: Bytes + ?Sized>(&mut self, bytes: &B) -> bool {
        match read_ipv6(bytes, self.span(), self) {
            Ok(length) => self.pass(length as u32),
            Err(reason) => self.stop(reason),
        }
    }

    #[inline(always)]
    const fn span(&self) -> Span {
        Span { start: self.offset as usize, end: self.end }
    }

    /// Goes on behind the IP header, if this is the part of a datagram that has more.
    #[inline(always)]
    fn pass(&mut self, length: u32) -> bool {
        self.end = self.offset.saturating_add(self.packet.ip_length);
        self.tunnel = Tunnel::None;
        self.has_tunnel_id = false;
        self.has_ah = false;
        self.follow_protocol(length, self.packet.protocol) && !matches!(self.packet.fragment, Fragment::Later)
    }

    /// Notes the packet as what lies around one of `inner_length` bytes.
    #[inline(always)]
    fn wrap(&mut self, inner_length: u32) {
        if self.outer.ip_version == 0 {
            self.outer = self.packet;
        }
        let overhead = self.packet.ip_length.saturating_sub(inner_length);
        self.note_ipip_protocol();
        self.depth += 1;
        if matches!(self.tunnel, Tunnel::IpInIp) {
            self.envelope.ipip_overhead += overhead;
            if !self.envelope.has(present::IP_IN_IP) {
                self.note_ipip();
            }
        } else {
            self.envelope.tunnel_overhead += overhead;
            if !self.envelope.has(present::TUNNEL) {
                self.note_tunnel();
            }
        }
    }

    #[inline(always)]
    fn note_ipip(&mut self) {
        self.envelope.present |= present::IP_IN_IP;
        self.envelope.ipip_source = self.packet.source;
        self.envelope.ipip_destination = self.packet.destination;
        self.envelope.ipip_version = self.packet.ip_version;
        self.ipip_depth = self.depth;
    }

    #[inline(always)]
    fn note_tunnel(&mut self) {
        let mut facts = present::TUNNEL;
        self.envelope.tunnel = self.tunnel as u8;
        self.envelope.tunnel_source = self.packet.source;
        self.envelope.tunnel_destination = self.packet.destination;
        self.envelope.tunnel_version = self.packet.ip_version;
        self.envelope.tunnel_protocol =
            if matches!(self.tunnel, Tunnel::Ah) { protocol::AH } else { self.packet.protocol };
        self.envelope.tunnel_mac = self.packet.source_mac;
        if self.packet.has_transport {
            facts |= present::TUNNEL_PORTS;
            self.envelope.tunnel_source_port = self.packet.source_port;
            self.envelope.tunnel_destination_port = self.packet.destination_port;
        }
        if self.has_tunnel_id {
            facts |= present::TUNNEL_ID;
            self.envelope.tunnel_id = self.tunnel_id;
        }
        if self.has_ah {
            facts |= present::TUNNEL_AH;
            self.envelope.tunnel_ah = self.ah;
        }
        self.envelope.present |= facts;
    }

    /// The packet directly in the outermost IP in IP has been read through.
    #[inline(always)]
    pub(super) fn note_ipip_protocol(&mut self) {
        if self.ipip_depth != 0 && self.ipip_depth == self.depth {
            self.envelope.ipip_protocol = self.packet.protocol;
        }
    }
}

impl Reader for Walk {
    /// The packet whose IP header was read is the flow's from now on, and what was that so far lies around it.
    #[inline(always)]
    fn enter(&mut self, ip_length: u32) -> &mut Packet {
        let mut mac = self.mac;
        if self.packet.ip_version != 0 {
            self.wrap(ip_length);
            if matches!(self.tunnel, Tunnel::IpInIp) {
                mac = self.packet.source_mac;
            }
        }
        self.packet = Packet { source_mac: mac, ..Packet::default() };
        &mut self.packet
    }
}
