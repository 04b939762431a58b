//! One open flow, and the record of its window.

use flowtrace_abi::{FlowEntry, FlowKey, HeaderValues, Timeouts, Way, state};
use flowtrace_wire::{icmp, protocol};

use crate::handshakes::{Sample, Step};
use crate::identity::Identity;
use crate::orientation::{Orientation, address};
use crate::{
    Bytes, ConnectionState, End, EndReason, Endpoint, Failure, IcmpPair, Interface, Ipsec, Record, Side, SpanId,
    identity::span_id, joined::Joined, settings::TraceSettings, tcp::TcpMemory, wrapped::Wrapped,
};

/// Within which time a packet passes all points of a host, in nanoseconds.
pub const APART: u64 = 20_000_000;
/// Unit of a rival's clock, as a shift of nanoseconds.
const RIVAL_SHIFT: u32 = 20;

/// A flow that is open. Times are those of the capture's clock.
#[derive(Default)]
pub struct Flow {
    /// Its key.
    pub key: FlowKey,
    /// What is known of it: the counters since its first packet.
    pub entry: FlowEntry,
    /// The counters at the begin of the window.
    pub base: [Count; 2],
    /// Header values of the window's first packet each way; 0: none yet.
    pub headers: [u64; 2],
    /// Begin of the window.
    pub window: u64,
    /// Live: when `entry` was read.
    pub read: u64,
    /// What has to be added to a time to get nanoseconds since the Unix epoch.
    pub wall_offset: i64,
    /// For which deadline the table's timer is set.
    pub armed: u64,
    /// Live: how many readings found that another flow of the same ends has begun, as far as that matters.
    pub superseded: u8,
    /// Live: it was over at the last reading, and is for good.
    pub is_over: bool,
    /// Live: how often it was read, as far as that matters.
    pub readings: u8,
    /// Steps of the handshake that are known: bits of [`Step`].
    pub noted: u8,
    /// Those that were made in an earlier window.
    pub reported: u8,
    /// Its identity, where that was settled before its first record is made, and the orientation it takes over.
    pub settled: Option<(Identity, Option<Orientation>)>,
    /// Decided when the first record is made.
    pub named: Option<Named>,
    /// What lies around its packets, if anything does.
    pub wrapped: Option<Box<Wrapped>>,
    /// Times and order of its segments, where they need more than the entry.
    pub tcp: Option<Box<TcpMemory>>,
    /// Live: where the joined flow is that it is part of.
    pub part_of: Option<u32>,
    /// Live: what a joined flow is made of.
    pub joined: Option<Box<Joined>>,
}

/// What is decided when a flow's first record is made, and holds from then on.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Trace and generation.
    pub identity: Identity,
    /// Source, initiator, perspective.
    pub orientation: Orientation,
    /// Records made so far.
    pub records: u32,
    /// Span id of the first.
    pub root: SpanId,
}

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// IP bytes.
    pub bytes: u64,
}

impl Flow {
    /// A flow of which `entry` is known.
    pub fn new(key: FlowKey, entry: FlowEntry, wall_offset: i64) -> Self {
        Self {
            key,
            entry,
            base: [Count::default(); 2],
            headers: [0; 2],
            window: entry.first,
            read: entry.first,
            wall_offset,
            armed: u64::MAX,
            superseded: 0,
            is_over: false,
            readings: 1,
            noted: 0,
            reported: 0,
            settled: None,
            named: None,
            wrapped: None,
            tcp: None,
            part_of: None,
            joined: None,
        }
    }

    /// Time of the last packet.
    pub fn last(&self) -> u64 {
        self.entry.ways[0].last.max(self.entry.ways[1].last).max(self.entry.first)
    }

    /// Whether the connection has ended (and the flow lingers).
    pub fn has_ended(&self) -> bool {
        self.entry.state & state::ENDED != 0
    }

    /// When the flow is over unless a packet comes: after silence, or at the end of the linger. `silence`: how long it may
    /// be silent whatever its timeout, in nanoseconds.
    pub fn deadline(&self, timeouts: &Timeouts, silence: u64) -> u64 {
        if self.has_ended() {
            self.entry.ended.saturating_add(timeouts.linger(self.entry.state).min(silence))
        } else {
            self.last().saturating_add(timeouts.idle(self.key.protocol).min(silence))
        }
    }

    /// Why a flow that is over is over, when it was silent up to `until`.
    pub fn end_reason(&self, timeouts: &Timeouts, until: u64) -> EndReason {
        if self.has_ended() {
            EndReason::EndOfFlowDetected
        } else if until < self.last().saturating_add(timeouts.idle(self.key.protocol)) {
            EndReason::LackOfResources
        } else {
            EndReason::IdleTimeout
        }
    }

    /// A step of the handshake that was made in this window.
    pub fn has_in_window(&self, step: Step) -> Option<Sample> {
        if self.reported & step.bit() != 0 { None } else { step.of(&self.entry.transactions) }
    }

    /// What another point saw of a way and did not pass the way's observation point is counted, too: the flow is over, and
    /// no packet will show any more whether the other point takes over. Packets that pass both are seen within
    /// [`APART`] of each other.
    pub fn count_rivals(&mut self) {
        for way in 0..2 {
            let rival = self.entry.rivals[way];
            if rival.point == 0 || rival.ahead <= 0 {
                continue;
            }
            // Its clock is short: it says how long ago the packet was.
            let now = self.read >> RIVAL_SHIFT;
            let last = now.saturating_sub(u64::from((now as u32).wrapping_sub(rival.last))) << RIVAL_SHIFT;
            let tally = &mut self.entry.ways[way];
            if last > tally.last.saturating_add(APART) {
                tally.packets = tally.packets.saturating_add(rival.ahead.unsigned_abs().into());
                tally.bytes = tally.bytes.saturating_add(rival.bytes);
                tally.last = last;
            }
        }
    }

    /// A time of this flow in nanoseconds since the Unix epoch.
    pub fn wall(&self, time: u64) -> u64 {
        time.saturating_add_signed(self.wall_offset)
    }

    /// Remembers the header values of the window's first packets, and what lay around them.
    pub fn note_headers(&mut self) {
        for way in 0..2 {
            if self.headers[way] == 0 && self.entry.ways[way].packets > self.base[way].packets {
                self.headers[way] = self.entry.headers[way];
            }
        }
        if let Some(wrapped) = &mut self.wrapped {
            wrapped.note();
        }
    }

    /// Begins the next window. In file mode, the first packet of a way then writes its header values again; live, the
    /// kernel does it by scan.
    pub fn next_window(&mut self, start: u64, is_file: bool) {
        self.window = start;
        for way in 0..2 {
            let tally = self.entry.ways[way];
            self.base[way] = Count { packets: tally.packets, bytes: tally.bytes };
        }
        self.headers = [0; 2];
        self.entry.epochs = [0; 2];
        if let Some(wrapped) = &mut self.wrapped {
            wrapped.next_window(is_file);
        }
        if self.is_tcp() {
            self.reported |= self.noted;
            self.tcp.get_or_insert_default().next_window(&self.entry);
        }
    }

    /// The record of the window that ends at `end`. `named` counts it.
    pub fn record(
        &self,
        named: &mut Named,
        end: u64,
        end_reason: EndReason,
        trace: &TraceSettings,
        observer: &str,
    ) -> Record {
        let Identity { trace_id, generation } = named.identity;
        let span_id = span_id(&trace.key, &trace_id, observer, generation, named.records);
        let parent_span_id = (named.records > 0).then_some(named.root);
        if named.records == 0 {
            named.root = span_id;
        }
        named.records = named.records.wrapping_add(1);
        let forward = named.orientation.forward;
        let mut record = Record {
            trace_id,
            span_id,
            parent_span_id,
            start: self.wall(self.window),
            end: self.wall(end.max(self.window)),
            end_reason,
            ip_version: self.key.ip_version,
            protocol: self.key.protocol,
            source: self.endpoint(forward),
            destination: self.endpoint(forward.back()),
            initiator: named.orientation.initiator.map(|way| end_of(way, forward)),
            evidence: named.orientation.evidence,
            direction: named.orientation.direction,
            forward: self.side(forward),
            reverse: self.side(forward.back()),
            interface: self.interface(forward),
            state: self.is_tcp().then(|| ConnectionState::of(&self.entry, forward)),
            closed_by: self.closed_by(forward),
            failure: self.failure(),
            tcp: self.is_tcp().then(|| self.tcp(&named.orientation)),
            icmp: self.icmp(forward),
            tunnel: None,
            ipip: None,
            had_tunnel: false,
            had_ipip: false,
            vlan: None,
            inner_vlan: None,
            is_outer: self.key.is_outer(),
            who: None,
            nat: self.joined.as_ref().map(|joined| joined.nat(forward)),
        };
        if let Some(wrapped) = &self.wrapped {
            wrapped.describe(forward, &mut record);
        }
        record
    }

    /// The end from which the packets of a way come.
    fn endpoint(&self, way: Way) -> Endpoint {
        endpoint(&self.key, way)
    }

    /// Whether its packets have TCP headers.
    pub fn is_tcp(&self) -> bool {
        self.key.protocol == protocol::TCP && self.key.has_ports()
    }

    fn side(&self, way: Way) -> Side {
        let (tally, base) = (self.entry.ways[way.index()], self.base[way.index()]);
        let packets = tally.packets.saturating_sub(base.packets);
        Side {
            packets,
            bytes: tally.bytes.saturating_sub(base.bytes),
            packets_total: tally.packets,
            bytes_total: tally.bytes,
            header: if packets == 0 { None } else { HeaderValues::unpack(self.headers[way.index()]) },
            tcp_flags: (self.is_tcp() && tally.packets > 0).then_some(state::flags_of(self.entry.state, way)),
            tunnel_bytes: Bytes::default(),
            ipip_bytes: Bytes::default(),
            ipsec: Ipsec::default(),
        }
    }

    /// Where the packets of a way are observed, if any were; its name is the capture's to tell.
    fn interface(&self, way: Way) -> Option<Interface> {
        let point = self.entry.points[way.index()];
        let mac = self.entry.macs[way.index()];
        (point != 0).then(|| Interface { index: Some(point >> 1), name: None, mac: (mac != [0; 6]).then_some(mac) })
    }

    fn closed_by(&self, forward: Way) -> Option<End> {
        let closer = if self.entry.state & state::CLOSED_DOWN == 0 { Way::Up } else { Way::Down };
        (self.entry.state & state::CLOSED != 0).then(|| end_of(closer, forward))
    }

    fn failure(&self) -> Option<Failure> {
        if self.entry.state & state::REFUSED != 0 {
            return Some(Failure::Refused);
        }
        (self.entry.state & state::RESET != 0).then_some(Failure::Reset)
    }

    fn icmp(&self, forward: Way) -> Option<IcmpPair> {
        if let Some((kind, code)) = self.key.icmp_one_way(forward) {
            return Some(IcmpPair { source: kind, destination: code, one_way: true });
        }
        self.key.icmp_query_way()?;
        let low = self.key.detail;
        let high = match icmp::role(self.key.protocol, low) {
            icmp::Role::Query { reply } => reply,
            icmp::Role::Reply { request } => request,
            icmp::Role::OneWay => return None,
        };
        let (source, destination) = if forward == Way::Up { (low, high) } else { (high, low) };
        Some(IcmpPair { source, destination, one_way: false })
    }
}

/// The end from which the packets of a way come.
pub fn endpoint(key: &FlowKey, way: Way) -> Endpoint {
    let (end, port) = match way {
        Way::Up => (key.low, key.low_port),
        Way::Down => (key.high, key.high_port),
    };
    Endpoint { address: address(end, key.ip_version), port: key.has_ports().then_some(port) }
}

/// Which end the packets of a way come from.
fn end_of(way: Way, forward: Way) -> End {
    if way == forward { End::Source } else { End::Destination }
}
