//! Header values of the first packet of a direction, in one word so that they can be stored at once.

use flowtrace_wire::Packet;

/// Header values of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderValues {
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// DSCP (upper six bits) and ECN (lower two).
    pub traffic_class: u8,
    /// IPv6 flow label; 0 for IPv4.
    pub flow_label: u32,
    /// ICMP type; 0 for other protocols.
    pub icmp_type: u8,
    /// ICMP code; 0 for other protocols.
    pub icmp_code: u8,
}

impl HeaderValues {
    const PRESENT: u64 = 1 << 63;

    /// The packet's values as a word; never 0.
    #[inline(always)]
    pub const fn pack(packet: &Packet) -> u64 {
        Self::PRESENT
            | packet.hop_limit as u64
            | (packet.traffic_class as u64) << 8
            | (packet.flow_label as u64) << 16
            | (packet.icmp_type as u64) << 36
            | (packet.icmp_code as u64) << 44
    }

    /// The values in a word; `None` for 0, which is a direction without packets.
    pub const fn unpack(word: u64) -> Option<Self> {
        if word & Self::PRESENT == 0 {
            return None;
        }
        Some(Self {
            hop_limit: word as u8,
            traffic_class: (word >> 8) as u8,
            flow_label: (word >> 16) as u32 & 0xf_ffff,
            icmp_type: (word >> 36) as u8,
            icmp_code: (word >> 44) as u8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back() {
        let packet = Packet {
            hop_limit: 255,
            traffic_class: 0xb8,
            flow_label: 0xf_ffff,
            icmp_type: 255,
            icmp_code: 254,
            ..Packet::default()
        };
        let values = HeaderValues::unpack(HeaderValues::pack(&packet)).expect("a packet has values");
        assert_eq!((values.hop_limit, values.traffic_class, values.flow_label), (255, 0xb8, 0xf_ffff));
        assert_eq!((values.icmp_type, values.icmp_code), (255, 254));
        assert_eq!(HeaderValues::unpack(0), None);
    }
}
