//! What flowtrace says of the TCP segments of a capture: its dissector, and its counting rule segment by segment.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use flowtrace_abi::{
    Anomaly, Event, FlowEntry, FlowKey, Timeouts, Way, account, account_tcp_times, is_remarkable, state,
    wants_exact_time,
};
use flowtrace_capture::file::Reader;
use flowtrace_wire::{DEFAULT_DEPTH, Options, Packet, Ports, Walk, dissect, protocol};

use super::Verdict;

/// The TCP segments of a file by number, with their times. A file that is damaged is read up to there.
pub fn packets(path: &Path) -> HashMap<u64, (u64, Packet)> {
    let mut found = HashMap::new();
    let Ok(mut reader) = Reader::open(path) else { return found };
    let mut walk = Walk::default();
    let mut number = 0;
    while let Ok(Some(frame)) = reader.next() {
        number += 1;
        let options = Options { ports: &Ports::DEFAULT, depth: DEFAULT_DEPTH };
        if dissect(frame.bytes, frame.link, frame.wire_length, &options, &mut walk).is_ok()
            && walk.packet.protocol == protocol::TCP
        {
            found.insert(number, (frame.time.unwrap_or(0), walk.packet));
        }
    }
    found
}

/// How a packet is stamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// As the capture says.
    #[default]
    Exact,
    /// As in the kernel: exact where the rule wants it and in a way's first packets, else the time of the last tick.
    Ticks,
}

/// How many packets of a way the kernel program stamps exactly at least.
const EXACT_PACKETS: u64 = 16;
/// A timer tick, in nanoseconds: 250 a second.
const TICK: u64 = 4_000_000;

/// One entry a connection.
#[derive(Debug)]
pub struct Streams {
    /// By tshark's number of the connection.
    pub entries: BTreeMap<u32, FlowEntry>,
    clock: Clock,
}

impl Streams {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self { entries: BTreeMap::new(), clock }
    }

    /// Counts a segment, and says what it is.
    pub fn judge(&mut self, stream: u32, time: u64, packet: &Packet) -> Verdict {
        let way = FlowKey::of(packet).1;
        let entry = self.entries.entry(stream).or_insert_with(|| FlowEntry {
            first: time,
            state: if way == Way::Down { state::OPENED_DOWN } else { 0 },
            ..FlowEntry::default()
        });
        let time = stamp(self.clock, entry, time, packet, way);
        let before = entry.segments[way.index()].anomalies;
        count(entry, packet, way, time);
        let after = entry.segments[way.index()].anomalies;
        let has = |anomaly: Anomaly| before[anomaly as usize] != after[anomaly as usize];
        Verdict {
            retransmission: has(Anomaly::Retransmission),
            out_of_order: has(Anomaly::OutOfOrder),
            zero_window: has(Anomaly::ZeroWindow),
        }
    }
}

/// As in file mode, time does not run backwards within a flow.
fn stamp(clock: Clock, entry: &mut FlowEntry, time: u64, packet: &Packet, way: Way) -> u64 {
    let time = time.max(entry.ways[0].last).max(entry.ways[1].last);
    let before = entry.state;
    let is_exact = clock == Clock::Exact
        || entry.ways[way.index()].packets < EXACT_PACKETS
        || wants_exact_time(entry, packet, way, before);
    if is_exact { time } else { time - time % TICK }
}

/// As file mode counts.
fn count(entry: &mut FlowEntry, packet: &Packet, way: Way, time: u64) {
    let event = Event { way, packets: 1, bytes: u64::from(packet.ip_length), time, point: 2, epoch: 1 };
    // However late a SYN comes, it counts: connections are told apart by tshark here.
    let timeouts = Timeouts { evidence: u64::MAX, ..Timeouts::DEFAULT };
    let before = entry.state;
    account(entry, packet, &event, &timeouts);
    if is_remarkable(entry, packet, way, before) {
        account_tcp_times(entry, packet, &event, before);
    }
}
