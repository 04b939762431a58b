//! What is measured.

use super::frame::{Content, Ip};

/// How the packets of a measurement spread over flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flows {
    /// All of one flow.
    One,
    /// Of many flows that are all there, in turn: nothing of them is in the caches.
    Rotating(u32),
    /// Each of a flow of its own that is not there yet.
    New,
}

/// A row of the report.
pub struct Scenario {
    pub name: &'static str,
    pub ip: Ip,
    pub content: Content,
    pub flows: Flows,
}

/// Most of what the maps hold.
const MANY: u32 = 100_000;

const fn scenario(name: &'static str, ip: Ip, content: Content, flows: Flows) -> Scenario {
    Scenario { name, ip, content, flows }
}

/// All rows.
pub const ALL: [Scenario; 12] = [
    scenario("established tcp ipv4 64 B", Ip::V4, Content::TcpData, Flows::One),
    scenario("established tcp ipv4 ack", Ip::V4, Content::TcpAck, Flows::One),
    scenario("established udp ipv4 64 B", Ip::V4, Content::Udp, Flows::One),
    scenario("established tcp ipv6 84 B", Ip::V6, Content::TcpData, Flows::One),
    scenario("established tcp ipv6 ack", Ip::V6, Content::TcpAck, Flows::One),
    scenario("established udp ipv6 84 B", Ip::V6, Content::Udp, Flows::One),
    scenario("100,000 flows tcp ipv4", Ip::V4, Content::TcpData, Flows::Rotating(MANY)),
    scenario("100,000 flows udp ipv6", Ip::V6, Content::Udp, Flows::Rotating(MANY)),
    scenario("new flows tcp ipv4 syn", Ip::V4, Content::TcpSyn, Flows::New),
    scenario("new flows udp ipv4", Ip::V4, Content::Udp, Flows::New),
    scenario("new flows tcp ipv6 syn", Ip::V6, Content::TcpSyn, Flows::New),
    scenario("new flows udp ipv6", Ip::V6, Content::Udp, Flows::New),
];

impl Flows {
    /// How many flows the driver makes before it begins again.
    pub const fn count(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Rotating(flows) => flows,
            Self::New => u32::MAX,
        }
    }

    /// How many flows a program has to have seen in the end.
    pub const fn expected(self) -> usize {
        match self {
            Self::One => 1,
            Self::Rotating(_) | Self::New => MANY as usize,
        }
    }

    /// Packets before the clock runs: they make the entries, and pass what a young flow costs more.
    pub const fn warm_up(self) -> u32 {
        match self {
            Self::One => 2_000,
            Self::Rotating(flows) => flows * 18,
            Self::New => 0,
        }
    }

    /// Packets that are timed.
    pub const fn packets(self) -> u32 {
        match self {
            Self::One | Self::Rotating(_) => 400_000,
            Self::New => MANY,
        }
    }
}
