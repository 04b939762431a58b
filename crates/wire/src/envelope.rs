//! What lies around a flow's packet: tags, tunnels, IPsec.

use crate::{Address, Mac};

/// What kind of tunnel.
#[repr(u8)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tunnel {
    /// None.
    #[default]
    None = 0,
    /// VXLAN (RFC 7348).
    Vxlan,
    /// VXLAN with a protocol field.
    VxlanGpe,
    /// Geneve (RFC 8926).
    Geneve,
    /// GRE (RFC 2784, RFC 2890), NVGRE (RFC 7637), PPTP's (RFC 2637).
    Gre,
    /// ERSPAN in GRE.
    Erspan,
    /// GTP-U (3GPP TS 29.281).
    Gtp,
    /// MPLS in UDP (RFC 7510).
    Mpls,
    /// L2TP version 3 (RFC 3931).
    L2tp,
    /// An authentication header in tunnel mode (RFC 4302 section 3.1.2).
    Ah,
    /// IP in IP, Teredo among it: told apart from the others in what is said of it.
    IpInIp,
}

impl Tunnel {
    /// The tunnel of a number, as [`Envelope::tunnel`] holds it.
    pub const fn of(number: u8) -> Self {
        match number {
            1 => Self::Vxlan,
            2 => Self::VxlanGpe,
            3 => Self::Geneve,
            4 => Self::Gre,
            5 => Self::Erspan,
            6 => Self::Gtp,
            7 => Self::Mpls,
            8 => Self::L2tp,
            9 => Self::Ah,
            10 => Self::IpInIp,
            _ => Self::None,
        }
    }

    /// The value of `tunnel.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan-gpe",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Gtp => "gtp",
            Self::Mpls => "mpls",
            Self::L2tp => "l2tp",
            Self::Ah => "ah",
            Self::IpInIp => "ipip",
        }
    }
}

/// Which facts of an [`Envelope`] are there.
pub mod present {
    /// A tunnel: its type, addresses, IP version and protocol.
    pub const TUNNEL: u32 = 1;
    /// Ports of its outer header.
    pub const TUNNEL_PORTS: u32 = 1 << 1;
    /// Its identifier.
    pub const TUNNEL_ID: u32 = 1 << 2;
    /// SPI of the authentication header around it.
    pub const TUNNEL_AH: u32 = 1 << 3;
    /// IP in IP.
    pub const IP_IN_IP: u32 = 1 << 4;
    /// SPI of the authentication header of the flow's packet.
    pub const AH: u32 = 1 << 5;
    /// SPI of ESP.
    pub const ESP: u32 = 1 << 6;
    /// WireGuard's sender index.
    pub const SENDER: u32 = 1 << 7;
    /// WireGuard's receiver index.
    pub const RECEIVER: u32 = 1 << 8;
    /// A VLAN tag.
    pub const VLAN: u32 = 1 << 9;
    /// A second VLAN tag.
    pub const INNER_VLAN: u32 = 1 << 10;

    /// The facts that belong to these: they come from the same packet or not at all.
    #[inline(always)]
    pub const fn details(facts: u32) -> u32 {
        let of_tunnel = if facts & TUNNEL != 0 { TUNNEL_PORTS | TUNNEL_ID | TUNNEL_AH } else { 0 };
        of_tunnel | if facts & VLAN != 0 { INNER_VLAN } else { 0 }
    }
}

/// What lies around one packet. A zero envelope says that nothing does.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Sender of the outermost tunnel's IP header.
    pub tunnel_source: Address,
    /// Receiver of it.
    pub tunnel_destination: Address,
    /// Sender of the outermost IP header that holds IP.
    pub ipip_source: Address,
    /// Receiver of it.
    pub ipip_destination: Address,
    /// Source address of the frame around the tunnel.
    pub tunnel_mac: Mac,
    /// Bits of [`present`].
    pub present: u32,
    /// VNI, GRE key, TEID, session: as the [`Tunnel`] has it.
    pub tunnel_id: u32,
    /// SPI of the authentication header around the tunnel.
    pub tunnel_ah: u32,
    /// SPI of the flow's authentication header.
    pub ah: u32,
    /// SPI of the flow's ESP.
    pub esp: u32,
    /// WireGuard's sender index.
    pub sender: u32,
    /// WireGuard's receiver index.
    pub receiver: u32,
    /// Bytes of the packet's tunnels, all but IP in IP: outer IP length minus the length of the next IP packet inside.
    pub tunnel_overhead: u32,
    /// The same of IP in IP.
    pub ipip_overhead: u32,
    /// Source port of the tunnel's outer header.
    pub tunnel_source_port: u16,
    /// Destination port of it.
    pub tunnel_destination_port: u16,
    /// Number of the frame's outermost VLAN.
    pub vlan: u16,
    /// Number of its innermost VLAN, of two or more.
    pub inner_vlan: u16,
    /// A [`Tunnel`].
    pub tunnel: u8,
    /// IP version of the tunnel's outer header.
    pub tunnel_version: u8,
    /// IP protocol in it.
    pub tunnel_protocol: u8,
    /// IP version of the outermost IP header that holds IP.
    pub ipip_version: u8,
    /// IP protocol of the packet directly inside it.
    pub ipip_protocol: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

impl Envelope {
    /// Nothing.
    pub const NONE: Self = Self {
        tunnel_source: Address::from_v6([0; 16]),
        tunnel_destination: Address::from_v6([0; 16]),
        ipip_source: Address::from_v6([0; 16]),
        ipip_destination: Address::from_v6([0; 16]),
        tunnel_mac: Mac::from_first_six([0; 8]),
        present: 0,
        tunnel_id: 0,
        tunnel_ah: 0,
        ah: 0,
        esp: 0,
        sender: 0,
        receiver: 0,
        tunnel_overhead: 0,
        ipip_overhead: 0,
        tunnel_source_port: 0,
        tunnel_destination_port: 0,
        vlan: 0,
        inner_vlan: 0,
        tunnel: 0,
        tunnel_version: 0,
        tunnel_protocol: 0,
        ipip_version: 0,
        ipip_protocol: 0,
        reserved: [0; 7],
    };

    /// Whether these facts ([`present`]) are there.
    #[inline(always)]
    pub const fn has(&self, facts: u32) -> bool {
        self.present & facts == facts
    }

    /// What of it lies around the outermost packet: the frame's tags.
    #[inline(always)]
    pub const fn of_frame(&self) -> Self {
        let mut frame = *self;
        frame.keep_frame();
        frame
    }

    /// Becomes [`of_frame`](Self::of_frame).
    #[inline(always)]
    pub const fn keep_frame(&mut self) {
        self.present &= present::VLAN | present::INNER_VLAN;
        self.tunnel = Tunnel::None as u8;
        self.tunnel_id = 0;
        self.tunnel_overhead = 0;
        self.ipip_overhead = 0;
    }

    /// The tunnel's identifier, where both ways have the same (RFC 7348, RFC 8926, RFC 2890); else 0.
    #[inline(always)]
    pub const fn shared_id(&self) -> u32 {
        if self.tunnel <= Tunnel::Erspan as u8 { self.tunnel_id } else { 0 }
    }

    /// Bytes of all tunnels.
    #[inline(always)]
    pub const fn overhead(&self) -> u32 {
        self.tunnel_overhead.saturating_add(self.ipip_overhead)
    }
}
