//! What the dissector found in one packet.

use crate::{Address, Fragment, Mac};

/// The facts of one packet. Fields of another protocol than the packet's are zero. The addresses come first: the kernel
/// program does not make them zero, since every packet has them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// Sender.
    pub source: Address,
    /// Receiver.
    pub destination: Address,
    /// Source address of the Ethernet frame that holds the packet; zero where it is in none.
    pub source_mac: Mac,
    /// TCP window, as it stands in the header (not scaled).
    pub window: u16,
    /// Bytes of the IP packet: IPv4 total length, 40 + IPv6 payload length; what the frame holds where that is 0.
    pub ip_length: u32,
    /// Bytes from the start of the IP header to the end of the transport header, as far as it could be read.
    pub header_length: u32,
    /// IPv6 flow label.
    pub flow_label: u32,
    /// Of a fragment: what all fragments of its datagram have in common.
    pub identification: u32,
    /// TCP sequence number.
    pub sequence: u32,
    /// TCP acknowledgement number.
    pub acknowledgement: u32,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// ICMP identifier, where the type has one.
    pub icmp_identifier: u16,
    /// 4 or 6; 0 where there is no packet.
    pub ip_version: u8,
    /// IP protocol number; of IPv6 that of the last header that was read.
    pub protocol: u8,
    /// DSCP and ECN: type of service (IPv4) or traffic class (IPv6).
    pub traffic_class: u8,
    /// Time to live (IPv4) or hop limit (IPv6).
    pub hop_limit: u8,
    /// Which part of a datagram it is.
    pub fragment: Fragment,
    /// Whether the ports (or the ICMP message) could be read: neither a later fragment nor cut short.
    pub has_transport: bool,
    /// Low byte of the TCP flags (FIN 1 … CWR 128).
    pub tcp_flags: u8,
    /// ICMP type.
    pub icmp_type: u8,
    /// ICMP code.
    pub icmp_code: u8,
}

impl Packet {
    /// Bytes behind the transport header, Ethernet padding excluded.
    #[inline(always)]
    pub const fn payload_length(&self) -> u32 {
        self.ip_length.saturating_sub(self.header_length)
    }
}
