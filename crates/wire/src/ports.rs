//! Which UDP ports are known to carry tunnels and conversations that have more to tell.

/// What a UDP port is known for.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// VXLAN (RFC 7348). This one and those down to L2TP go by the destination port.
    Vxlan = 1,
    /// VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe).
    VxlanGpe,
    /// Geneve (RFC 8926).
    Geneve,
    /// GTP-U (3GPP TS 29.281).
    GtpU,
    /// MPLS in UDP (RFC 7510).
    Mpls,
    /// Teredo (RFC 4380).
    Teredo,
    /// L2TP version 3 (RFC 3931 section 4.1.2).
    L2tp,
    /// WireGuard. This one and the next go by either port.
    Wireguard,
    /// ESP in UDP, and IKE (RFC 3948).
    Esp,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Vxlan,
        Self::VxlanGpe,
        Self::Geneve,
        Self::GtpU,
        Self::Mpls,
        Self::Teredo,
        Self::L2tp,
        Self::Wireguard,
        Self::Esp,
    ];

    /// The name by which its ports are configured.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan-gpe",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp",
            Self::Mpls => "mpls",
            Self::Teredo => "teredo",
            Self::L2tp => "l2tp",
            Self::Wireguard => "wireguard",
            Self::Esp => "esp",
        }
    }

    /// The ports it has unless others are configured (IANA "Service Name and Transport Protocol Port Number Registry";
    /// 8472 is what Linux used for VXLAN before that, 51820 is WireGuard's custom).
    pub const fn default_ports(self) -> &'static [u16] {
        match self {
            Self::Vxlan => &[4789, 8472],
            Self::VxlanGpe => &[4790],
            Self::Geneve => &[6081],
            Self::GtpU => &[2152],
            Self::Mpls => &[6635],
            Self::Teredo => &[3544],
            Self::L2tp => &[1701],
            Self::Wireguard => &[51820],
            Self::Esp => &[500, 4500],
        }
    }
}

/// What each UDP port is known for: a [`Service`], or 0. One load tells of a packet that it is nothing special.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ports(pub [u8; Self::COUNT]);

impl Ports {
    /// How many ports there are.
    pub const COUNT: usize = 1 << 16;
    /// No port is known for anything.
    pub const NONE: Self = Self([0; Self::COUNT]);
    /// The ports of [`Service::default_ports`].
    pub const DEFAULT: Self = {
        let mut ports = Self::NONE;
        let mut service = 0;
        while service < Service::ALL.len() {
            ports.set(Service::ALL[service], Service::ALL[service].default_ports());
            service += 1;
        }
        ports
    };

    /// Says what ports are known for; what they were known for before is forgotten.
    pub const fn set(&mut self, service: Service, ports: &[u16]) {
        let mut at = 0;
        while at < ports.len() {
            self.0[ports[at] as usize] = service as u8;
            at += 1;
        }
    }

    /// Forgets all ports that are known for this.
    pub fn clear(&mut self, service: Service) {
        for known in self.0.iter_mut().filter(|known| **known == service as u8) {
            *known = 0;
        }
    }
}

/// Who knows UDP ports.
pub trait KnownPorts {
    /// What a port is known for: the number of a [`Service`], or 0.
    fn of(&self, port: u16) -> u8;
}

impl KnownPorts for Ports {
    #[inline(always)]
    fn of(&self, port: u16) -> u8 {
        self.0[port as usize]
    }
}

impl core::fmt::Debug for Ports {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let known = self.0.iter().enumerate().filter(|(_, service)| **service != 0);
        formatter.debug_map().entries(known).finish()
    }
}

/// How deep tunnels are opened unless something else is configured.
pub const DEFAULT_DEPTH: u32 = 4;

/// What is to be read of a packet.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a, P: KnownPorts = Ports> {
    /// Which UDP ports are known.
    pub ports: &'a P,
    /// How many tunnels within one another are opened.
    pub depth: u32,
}
