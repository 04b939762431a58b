//! UDP: tunnels that a destination port announces and a header confirms, and conversations of IPsec and WireGuard.

use crate::ports::Service;
use crate::walk::{Walk, word};
use crate::{Bytes, KnownPorts, Options, present};

/// Length of a UDP header.
pub(super) const LENGTH: u32 = 8;

impl Walk {
    #[inline(always)]
    pub(super) fn udp<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>) -> bool {
        let held = self.held();
        self.transport(bytes);
        if !self.packet.has_transport || held <= LENGTH {
            return false;
        }
        let destination = options.ports.of(self.packet.destination_port);
        const FIRST_CONVERSATION: u8 = Service::Wireguard as u8;
        if destination != 0 && destination < FIRST_CONVERSATION {
            return self.tunnel(bytes, options, destination);
        }
        let source = options.ports.of(self.packet.source_port);
        if destination == Service::Wireguard as u8 || source == Service::Wireguard as u8 {
            self.wireguard(bytes);
        } else if destination == Service::Esp as u8 || source == Service::Esp as u8 {
            self.esp_in_udp(bytes);
        }
        false
    }

    #[inline(always)]
    fn tunnel<B: Bytes + ?Sized, P: KnownPorts>(&mut self, bytes: &B, options: &Options<'_, P>, service: u8) -> bool {
        const VXLAN: u8 = Service::Vxlan as u8;
        const VXLAN_GPE: u8 = Service::VxlanGpe as u8;
        const GENEVE: u8 = Service::Geneve as u8;
        const GTP_U: u8 = Service::GtpU as u8;
        const MPLS: u8 = Service::Mpls as u8;
        const TEREDO: u8 = Service::Teredo as u8;
        match service {
            VXLAN => self.vxlan(bytes, options),
            VXLAN_GPE => self.vxlan_gpe(bytes, options),
            GENEVE => self.geneve(bytes, options),
            GTP_U => self.gtp(bytes, options),
            MPLS => self.mpls_in_udp(options),
            TEREDO => self.teredo(bytes, options),
            _ => self.l2tp_in_udp(bytes, options),
        }
    }

    /// The four messages, each with its length (<https://www.wireguard.com/papers/wireguard.pdf> section 5.4).
    #[inline(always)]
    fn wireguard<B: Bytes + ?Sized>(&mut self, bytes: &B) {
        let Some([high, low]) = self.get::<2, B>(bytes, 4) else { return };
        let length = (u16::from_be_bytes([high, low]) as u32).saturating_sub(LENGTH);
        let Some([kind, 0, 0, 0]) = self.get::<4, B>(bytes, LENGTH) else { return };
        let facts = match (kind, length) {
            (1, 148) => present::SENDER,
            (2, 92) => present::SENDER | present::RECEIVER,
            (3, 64) => present::RECEIVER,
            (4, 32..) if length.is_multiple_of(16) => present::RECEIVER,
            _ => return,
        };
        let Some(first) = self.get::<4, B>(bytes, LENGTH + 4) else { return };
        let mut receiver = first;
        if facts & present::SENDER != 0 {
            self.envelope.sender = u32::from_le_bytes(first);
            let Some(second) = self.get::<4, B>(bytes, LENGTH + 8) else { return };
            receiver = second;
        }
        if facts & present::RECEIVER != 0 {
            self.envelope.receiver = u32::from_le_bytes(receiver);
        }
        self.envelope.present |= facts;
    }

    /// RFC 3948 section 2: where IKE has four zero bytes, ESP has its SPI.
    #[inline(always)]
    fn esp_in_udp<B: Bytes + ?Sized>(&mut self, bytes: &B) {
        const IKE: u16 = 500;
        // IKE at its own port has no such marker.
        if self.packet.source_port == IKE || self.packet.destination_port == IKE || self.held() < LENGTH + 8 {
            return;
        }
        if let Some(spi) = self.get::<4, B>(bytes, LENGTH) {
            self.note_esp(word(spi));
        }
    }
}
