//! The link types that are read, and their numbers.

/// The kinds of Juniper links that are read; each frame has Juniper's own header before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JuniperKind {
    /// Ethernet, and PPPoE (which holds Ethernet frames).
    Ethernet,
    /// PPP.
    Ppp,
    /// Frame Relay.
    FrameRelay,
    /// Cisco HDLC.
    Chdlc,
    /// ATM, first generation of cards: four bytes of cookie.
    Atm1,
    /// ATM, second generation of cards: eight bytes of cookie.
    Atm2,
    /// PPPoE over ATM: an EtherType before the PPPoE header.
    PppoeAtm,
    /// Services and monitoring cards: eight bytes of cookie, then IP.
    Services,
}

/// A link type of a capture file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileLink {
    /// BSD loopback: an address family in the writer's byte order.
    Null,
    /// Ethernet.
    Ethernet,
    /// Token Ring (IEEE 802.5).
    TokenRing,
    /// ARCNET as the BSDs show it.
    ArcnetBsd,
    /// ARCNET as Linux shows it.
    ArcnetLinux,
    /// SLIP with a header of 16 bytes.
    Slip,
    /// PPP, with or without address and control bytes, or Cisco HDLC with its own.
    Ppp,
    /// PPP as pppd writes it: a direction in place of the address byte.
    PppPppd,
    /// PPP behind a byte of direction.
    PppWithDirection,
    /// PPPoE session.
    PppEther,
    /// FDDI.
    Fddi,
    /// Raw IP on most systems, BSD loopback on OpenBSD.
    RawOrLoop,
    /// Raw IP.
    Raw,
    /// Raw IPv4.
    Ipv4,
    /// Raw IPv6.
    Ipv6,
    /// MPLS label stack.
    Mpls,
    /// ATM with LLC or NLPID (RFC 1483, RFC 2684).
    AtmRfc1483,
    /// Classical IP over ATM on Linux.
    AtmClip,
    /// ATM with the header of SunATM devices.
    SunAtm,
    /// Cisco HDLC.
    Chdlc,
    /// Cisco HDLC behind a byte of direction.
    ChdlcWithDirection,
    /// 802.11 without a header of the receiver.
    Ieee80211,
    /// 802.11 behind a Prism (or AVS) header.
    Ieee80211Prism,
    /// 802.11 behind an AVS header.
    Ieee80211Avs,
    /// 802.11 behind a radiotap header.
    Ieee80211Radiotap,
    /// Frame Relay.
    FrameRelay,
    /// Frame Relay behind a byte of direction.
    FrameRelayWithDirection,
    /// Multi-link Frame Relay (FRF.16).
    MultilinkFrameRelay,
    /// OpenBSD's encapsulating interface of IPsec.
    Enc,
    /// Log of the packet filter pf.
    Pflog,
    /// Linux cooked capture, version 1.
    LinuxSll,
    /// Linux cooked capture, version 2.
    LinuxSll2,
    /// RFC 2625 IP over Fibre Channel.
    IpOverFibreChannel,
    /// Apple's IP over IEEE 1394.
    IpOverFirewire,
    /// IP over InfiniBand.
    IpOverInfiniband,
    /// A Juniper router's header, then this.
    Juniper(JuniperKind),
    /// Per-packet information, then a frame of the link type it names.
    Ppi,
    /// Apple's packet tap, then a frame of the link type it names.
    Pktap,
    /// Solaris's IP network device.
    Ipnet,
    /// Log of Linux netfilter.
    Nflog,
    /// Linux netlink messages, of which those with a packet of netfilter are read.
    Netlink,
    /// Hilscher netANALYZER, then Ethernet.
    Netanalyzer,
    /// Hilscher netANALYZER, then Ethernet from the preamble on.
    NetanalyzerTransparent,
    /// Ethernet behind the preamble of a passive optical network.
    Epon,
}

/// LINKTYPE values, ascending. Several are DLT values that some systems write into files as they are.
const NUMBERS: [(u16, FileLink); 59] = [
    (0, FileLink::Null),
    (1, FileLink::Ethernet),
    (6, FileLink::TokenRing),
    (7, FileLink::ArcnetBsd),
    (8, FileLink::Slip),
    (9, FileLink::Ppp),
    (10, FileLink::Fddi),
    (11, FileLink::AtmRfc1483),
    (12, FileLink::RawOrLoop),
    (14, FileLink::Raw),
    (19, FileLink::AtmClip),
    (50, FileLink::Ppp),
    (51, FileLink::PppEther),
    (100, FileLink::AtmRfc1483),
    (101, FileLink::Raw),
    (104, FileLink::Chdlc),
    (105, FileLink::Ieee80211),
    (106, FileLink::AtmClip),
    (107, FileLink::FrameRelay),
    (108, FileLink::Null),
    (109, FileLink::Enc),
    (113, FileLink::LinuxSll),
    (117, FileLink::Pflog),
    (119, FileLink::Ieee80211Prism),
    (122, FileLink::IpOverFibreChannel),
    (123, FileLink::SunAtm),
    (127, FileLink::Ieee80211Radiotap),
    (129, FileLink::ArcnetLinux),
    (135, FileLink::Juniper(JuniperKind::Atm2)),
    (136, FileLink::Juniper(JuniperKind::Services)),
    (137, FileLink::Juniper(JuniperKind::Atm1)),
    (138, FileLink::IpOverFirewire),
    // USER2, which Apple used for its packet tap before it had a number.
    (149, FileLink::Pktap),
    (163, FileLink::Ieee80211Avs),
    (164, FileLink::Juniper(JuniperKind::Services)),
    (166, FileLink::PppPppd),
    (167, FileLink::Juniper(JuniperKind::Ethernet)),
    (168, FileLink::Juniper(JuniperKind::PppoeAtm)),
    (178, FileLink::Juniper(JuniperKind::Ethernet)),
    (179, FileLink::Juniper(JuniperKind::Ppp)),
    (180, FileLink::Juniper(JuniperKind::FrameRelay)),
    (181, FileLink::Juniper(JuniperKind::Chdlc)),
    (182, FileLink::MultilinkFrameRelay),
    (192, FileLink::Ppi),
    (204, FileLink::PppWithDirection),
    (205, FileLink::ChdlcWithDirection),
    (206, FileLink::FrameRelayWithDirection),
    (219, FileLink::Mpls),
    (226, FileLink::Ipnet),
    (228, FileLink::Ipv4),
    (229, FileLink::Ipv6),
    (239, FileLink::Nflog),
    (240, FileLink::Netanalyzer),
    (241, FileLink::NetanalyzerTransparent),
    (242, FileLink::IpOverInfiniband),
    (253, FileLink::Netlink),
    (258, FileLink::Pktap),
    (259, FileLink::Epon),
    (276, FileLink::LinuxSll2),
];

impl FileLink {
    /// The link of a LINKTYPE value, `None` where it is not read.
    pub fn of(link_type: u16) -> Option<Self> {
        let place = NUMBERS.binary_search_by_key(&link_type, |entry| entry.0).ok()?;
        NUMBERS.get(place).map(|entry| entry.1)
    }

    /// All LINKTYPE values that are read, ascending.
    pub fn numbers() -> impl Iterator<Item = u16> {
        NUMBERS.iter().map(|entry| entry.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend() {
        assert!(NUMBERS.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn links_under_several_numbers() {
        assert_eq!([14, 101].map(FileLink::of), [Some(FileLink::Raw); 2]);
        assert_eq!([0, 108].map(FileLink::of), [Some(FileLink::Null); 2]);
        assert_eq!([2, 147, 65_535].map(FileLink::of), [None; 3]);
    }
}
