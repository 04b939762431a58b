//! Header values of a direction's first packet, as far as the flow's protocols have them.

use flowtrace_flow::{HeaderValues, Record};
use flowtrace_wire::protocol;

use crate::generated::iana;

/// The header values of one direction.
pub struct Header<'a> {
    pub values: &'a HeaderValues,
    pub record: &'a Record,
}

impl Header<'_> {
    /// RFC 2474, section 3.
    pub const fn dscp(&self) -> u8 {
        self.values.traffic_class >> 2
    }

    /// RFC 3168, section 5.
    pub const fn ecn(&self) -> u8 {
        self.values.traffic_class & 0b11
    }

    /// Time to live or hop limit.
    pub const fn hop_limit(&self) -> u8 {
        self.values.hop_limit
    }

    /// RFC 6437; IPv4 has none.
    pub const fn flow_label(&self) -> Option<u32> {
        if self.record.ip_version == 6 { Some(self.values.flow_label) } else { None }
    }

    /// Absent for other protocols, and where no ICMP header was read.
    pub fn icmp_type(&self) -> Option<u8> {
        self.is_icmp().then_some(self.values.icmp_type)
    }

    /// IANA's name.
    pub fn icmp_type_name(&self) -> Option<&'static str> {
        iana::icmp_type_name(self.is_v6(), self.icmp_type()?)
    }

    /// Absent for other protocols, and where no ICMP header was read.
    pub fn icmp_code(&self) -> Option<u8> {
        self.is_icmp().then_some(self.values.icmp_code)
    }

    /// IANA's name.
    pub fn icmp_code_name(&self) -> Option<&'static str> {
        iana::icmp_code_name(self.is_v6(), self.icmp_type()?, self.icmp_code()?)
    }

    const fn is_icmp(&self) -> bool {
        matches!(self.record.protocol, protocol::ICMP | protocol::ICMPV6) && self.record.icmp.is_some()
    }

    const fn is_v6(&self) -> bool {
        self.record.protocol == protocol::ICMPV6
    }
}
