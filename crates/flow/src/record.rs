//! One flow record: what was seen of one conversation in one window.

use std::net::IpAddr;
use std::sync::Arc;

pub use flowtrace_abi::HeaderValues;
pub use flowtrace_wire::Tunnel as TunnelKind;

use crate::{ConnectionState, Who};

/// A trace id of OpenTelemetry.
pub type TraceId = [u8; 16];
/// A span id of OpenTelemetry.
pub type SpanId = [u8; 8];

/// What was seen of one conversation in one window, both ways. One record becomes one span.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The trace: the same for all records of one connection.
    pub trace_id: TraceId,
    /// This record.
    pub span_id: SpanId,
    /// The first record of the flow; absent in that record itself.
    pub parent_span_id: Option<SpanId>,
    /// Begin of the window, nanoseconds since the Unix epoch.
    pub start: u64,
    /// End of the window, nanoseconds since the Unix epoch.
    pub end: u64,
    /// Why the record was made.
    pub end_reason: EndReason,
    /// 4 or 6.
    pub ip_version: u8,
    /// IP protocol number.
    pub protocol: u8,
    /// The end that is the source in every record of the flow.
    pub source: Endpoint,
    /// The other end.
    pub destination: Endpoint,
    /// Which end began the conversation, where that is known.
    pub initiator: Option<End>,
    /// What shows that.
    pub evidence: Evidence,
    /// The observer's perspective.
    pub direction: Direction,
    /// Source to destination.
    pub forward: Side,
    /// Destination to source.
    pub reverse: Side,
    /// Where source to destination was observed.
    pub interface: Option<Interface>,
    /// TCP: the connection's state at the end of the window, as the source sees it.
    pub state: Option<ConnectionState>,
    /// TCP: who sent the first FIN or RST.
    pub closed_by: Option<End>,
    /// TCP: how the connection failed, if it did.
    pub failure: Option<Failure>,
    /// TCP: times and order of its segments.
    pub tcp: Option<Box<Tcp>>,
    /// For ICMP: what the Community ID takes for ports.
    pub icmp: Option<IcmpPair>,
    /// The outermost tunnel around the packets (not IP in IP), where this window's packets showed one.
    pub tunnel: Option<Tunnel>,
    /// The outermost IP in IP around the packets, where this window's packets showed one.
    pub ipip: Option<IpInIp>,
    /// Whether packets of this flow were ever in a tunnel: then the tunnel's byte counters mean something.
    pub had_tunnel: bool,
    /// Whether packets of this flow were ever in IP in IP.
    pub had_ipip: bool,
    /// The frame's VLAN.
    pub vlan: Option<u16>,
    /// The innermost of several VLANs.
    pub inner_vlan: Option<u16>,
    /// The flow is of packets that hold others, which are counted as flows of their own.
    pub is_outer: bool,
    /// Who is at the ends; added when the record was made.
    pub who: Option<Box<Who>>,
    /// Where this host translates its addresses: what its two ends are at the responder's side.
    pub nat: Option<Translated>,
}

impl Record {
    /// One of its ends.
    pub const fn endpoint(&self, end: End) -> &Endpoint {
        match end {
            End::Source => &self.source,
            End::Destination => &self.destination,
        }
    }
}

/// The two ends of a translated connection as its packets have them at the responder's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translated {
    /// In place of the source.
    pub source: Endpoint,
    /// In place of the destination.
    pub destination: Endpoint,
}

/// Times and order of the segments of a TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// The handshake's steps, in the record of the window in which they were made.
    pub handshake: Handshake,
    /// From questions to answers where the responder is on this host: what it took to answer.
    pub service: Option<Latency>,
    /// From questions to answers where the initiator is on this host, or neither: with the way there and back.
    pub round_trip: Option<Latency>,
    /// Segments from source to destination.
    pub forward: Segments,
    /// Segments from destination to source.
    pub reverse: Segments,
}

/// How long the steps of a TCP handshake took, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// From the first SYN to the SYN-ACK.
    pub answer: Option<u64>,
    /// Absolute difference to the handshake before, between the same client address and the same server.
    pub answer_jitter: Option<u64>,
    /// From the SYN-ACK to its acknowledgement.
    pub confirmation: Option<u64>,
    /// Absolute difference to the handshake before.
    pub confirmation_jitter: Option<u64>,
}

/// Times of one window, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Their mean.
    pub mean: u64,
    /// Mean absolute difference of two in a row; 0 of a single one.
    pub jitter: u64,
}

/// Order of the segments of one direction of a TCP connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// Segments that were sent again.
    pub retransmits: Packets,
    /// Segments that were overtaken by later ones.
    pub out_of_order: Packets,
    /// Segments whose sender had no room for data.
    pub zero_window: Packets,
    /// Smoothed round trip from here to the receiver and back, in nanoseconds.
    pub round_trip: Option<u64>,
}

/// Packets in this window, and since the flow began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packets {
    /// In this window.
    pub delta: u64,
    /// Since the flow began.
    pub total: u64,
}

/// A tunnel, seen from the flow's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// What kind.
    pub kind: TunnelKind,
    /// Source MAC address of the frames around the tunnel, on the way from the source (where only the way back was
    /// seen: absent).
    pub mac: Option<[u8; 6]>,
    /// IP version of the outer header.
    pub ip_version: u8,
    /// IP protocol of the outer header.
    pub protocol: u8,
    /// Outer end at the side of the flow's source.
    pub source: Endpoint,
    /// The other outer end.
    pub destination: Endpoint,
    /// VNI, GRE key, TEID, session, label.
    pub id: Option<u32>,
    /// SPI of the authentication header around the tunnel.
    pub ah: Option<u32>,
}

/// IP in IP, seen from the flow's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpInIp {
    /// IP version of the outer header.
    pub ip_version: u8,
    /// IP protocol of the packet directly inside.
    pub protocol: u8,
    /// Outer address at the side of the flow's source.
    pub source: IpAddr,
    /// The other outer address.
    pub destination: IpAddr,
}

/// What IPsec and WireGuard say of the packets of one direction: of the window's first packets that said it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipsec {
    /// SPI of the authentication header.
    pub ah: Option<u32>,
    /// SPI of ESP.
    pub esp: Option<u32>,
    /// WireGuard's sender index.
    pub sender: Option<u32>,
    /// WireGuard's receiver index.
    pub receiver: Option<u32>,
}

/// Bytes in this window, and since the flow began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// In this window.
    pub delta: u64,
    /// Since the flow began.
    pub total: u64,
}

/// One end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: IpAddr,
    /// Its port; absent for protocols without ports and where none was seen.
    pub port: Option<u16>,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The source.
    Source,
    /// The destination.
    Destination,
}

impl End {
    /// The one across.
    pub const fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }
}

/// One direction of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Packets in this window.
    pub packets: u64,
    /// IP bytes in this window.
    pub bytes: u64,
    /// Packets since the flow began.
    pub packets_total: u64,
    /// IP bytes since the flow began.
    pub bytes_total: u64,
    /// Header values of the first packet of the window; absent where there was none.
    pub header: Option<HeaderValues>,
    /// TCP flags since the flow began; absent for other protocols and where no segment was seen.
    pub tcp_flags: Option<u8>,
    /// Overhead of tunnels: outer IP length minus inner.
    pub tunnel_bytes: Bytes,
    /// The same of IP in IP.
    pub ipip_bytes: Bytes,
    /// IPsec and WireGuard.
    pub ipsec: Ipsec,
}

/// Type of an ICMP message and of its counterpart (or its code, for one-way messages), seen from the source: what the
/// Community ID specification hashes in place of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpPair {
    /// Type that the source sends.
    pub source: u8,
    /// Type that the destination sends, or the code of a one-way message.
    pub destination: u8,
    /// Whether nobody answers such a message.
    pub one_way: bool,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Index in the kernel; absent in capture files.
    pub index: Option<u32>,
    /// Its name, where it is known.
    pub name: Option<Arc<str>>,
    /// Source MAC address of the first packet from source to destination; absent on links without addresses.
    pub mac: Option<[u8; 6]>,
}

/// Why a record was made: IPFIX element 136 `flowEndReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// No packet for the idle timeout.
    IdleTimeout,
    /// The window is full; the flow goes on.
    ActiveTimeout,
    /// The connection was closed.
    EndOfFlowDetected,
    /// The observer stopped.
    ForcedEnd,
    /// The observer needed the room.
    LackOfResources,
}

impl EndReason {
    /// All reasons, in IPFIX's order.
    pub const ALL: [Self; 5] =
        [Self::IdleTimeout, Self::ActiveTimeout, Self::EndOfFlowDetected, Self::ForcedEnd, Self::LackOfResources];

    /// The value of `flow.end_reason`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle_timeout",
            Self::ActiveTimeout => "active_timeout",
            Self::EndOfFlowDetected => "end_of_flow_detected",
            Self::ForcedEnd => "forced_end",
            Self::LackOfResources => "lack_of_resources",
        }
    }
}

/// What shows which end began a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Nothing does.
    #[default]
    Nothing,
    /// A SYN or a SYN-ACK.
    Handshake,
    /// One end is a listening socket of this host.
    ListeningSocket,
    /// An ICMP request or reply.
    IcmpQuery,
    /// One port is ephemeral, the other is not.
    Ports,
    /// Connection tracking, which has translated the first packet.
    Translation,
}

impl Evidence {
    /// The value of `flow.initiator.evidence`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Handshake => "handshake",
            Self::ListeningSocket => "listening_socket",
            Self::IcmpQuery => "icmp_query",
            Self::Ports => "ports",
            Self::Translation => "translation",
        }
    }
}

/// The observer's perspective on a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The observer is at the initiator's side, or at neither.
    Forward,
    /// The observer is at the responder's side only.
    Reverse,
    /// The initiator is not known.
    Unknown,
}

impl Direction {
    /// The value of `flow.direction`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Reverse => "reverse",
            Self::Unknown => "unknown",
        }
    }
}

/// How a TCP connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// An RST answered the SYN.
    Refused,
    /// An RST came before any FIN.
    Reset,
}

impl Failure {
    /// The value of `error.type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "connection_refused",
            Self::Reset => "connection_reset",
        }
    }
}
