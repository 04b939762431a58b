//! Ethernet (IEEE 802.3-2022 clause 3) and its EtherTypes (IEEE registry, IANA "IEEE 802 Numbers").

/// Where the source address begins.
pub const SOURCE: usize = 6;
/// Where the EtherType begins.
pub const ETHERTYPE: usize = 12;
/// Length of the header.
pub const LENGTH: usize = 14;
/// The smallest EtherType; what is below is the length of an 802.3 frame, in which LLC follows.
pub const FIRST_ETHERTYPE: u16 = 0x0600;

/// IPv4.
pub const IPV4: u16 = 0x0800;
/// ARP (RFC 826).
pub const ARP: u16 = 0x0806;
/// IPv6.
pub const IPV6: u16 = 0x86dd;
/// Customer VLAN tag (IEEE 802.1Q).
pub const VLAN: u16 = 0x8100;
/// Service VLAN tag (IEEE 802.1ad).
pub const SERVICE_VLAN: u16 = 0x88a8;
/// VLAN tag of equipment older than 802.1ad.
pub const OLD_SERVICE_VLAN: u16 = 0x9100;
/// MPLS (RFC 5332 section 3).
pub const MPLS: u16 = 0x8847;
/// MPLS with an upstream-assigned label (RFC 5332 section 3).
pub const MPLS_UPSTREAM: u16 = 0x8848;
/// PPPoE session (RFC 2516).
pub const PPPOE_SESSION: u16 = 0x8864;
/// PPP (RFC 2637: enhanced GRE).
pub const PPP: u16 = 0x880b;
/// An Ethernet frame (RFC 1701: Transparent Ethernet Bridging).
pub const ETHERNET: u16 = 0x6558;
/// ERSPAN types I and II (draft-foschiano-erspan).
pub const ERSPAN: u16 = 0x88be;
/// ERSPAN type III.
pub const ERSPAN_III: u16 = 0x22eb;
/// Web Cache Communication Protocol, in GRE (draft-wilson-wrec-wccp-v2).
pub const WCCP: u16 = 0x883e;
/// VN-Tag (Cisco).
pub const VN_TAG: u16 = 0x8926;
/// E-Tag (IEEE 802.1BR).
pub const E_TAG: u16 = 0x893f;

/// FabricPath (Cisco): a tag, and the frame's own Ethernet header.
pub const FABRIC_PATH: u16 = 0x8903;
/// Cisco MetaData.
pub const METADATA: u16 = 0x8909;
/// MACsec (IEEE 802.1AE).
pub const MACSEC: u16 = 0x88e5;
/// Network Service Header (RFC 8300).
pub const NSH: u16 = 0x894f;

/// Whether a VLAN tag follows.
#[inline(always)]
pub const fn is_vlan(ethertype: u16) -> bool {
    matches!(ethertype, VLAN | SERVICE_VLAN | OLD_SERVICE_VLAN)
}
