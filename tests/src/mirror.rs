//! The flows that the kernel program ought to have: the same frames through the same dissector and counting rule, in
//! userland, as file mode does it.

use std::collections::HashMap;

use flowtrace_abi::{Event, FlowEntry, FlowKey, Loss, Timeouts, Way, account, admits, state};
use flowtrace_capture::live::SkbContext;
use flowtrace_wire::{Link, Packet, dissect};

/// All frames are seen at this moment: no flow falls silent.
const TIME: u64 = 1;
/// Any point and any scan: they are left out of comparisons.
const POINT: u32 = 2;
const EPOCH: u16 = 1;

/// Flows and losses.
#[derive(Debug, Default)]
pub struct Mirror {
    /// Flows by key.
    pub flows: HashMap<FlowKey, FlowEntry>,
    /// Packets and bytes by loss.
    pub losses: HashMap<u32, (u64, u64)>,
}

impl Mirror {
    /// Takes one frame.
    pub fn frame(&mut self, frame: &[u8], context: SkbContext, timeouts: &Timeouts) {
        let length = u32::try_from(frame.len()).expect("a frame");
        match dissect(frame, Link::Ethernet, length) {
            Ok(packet) => self.packet(&packet, context, timeouts),
            Err(reason) => {
                let lost = self.losses.entry(Loss::Unparsed(reason).index()).or_default();
                *lost = (lost.0 + 1, lost.1 + u64::from(length));
            }
        }
    }

    fn packet(&mut self, packet: &Packet, context: SkbContext, timeouts: &Timeouts) {
        let (key, way) = FlowKey::of(packet);
        let (packets, bytes) = on_the_wire(packet, context);
        let event = Event { way, packets, bytes, time: TIME, point: POINT, epoch: EPOCH };
        let latest = self.flows.get(&key).map_or(0, |anchor| anchor.successor) as u8;
        let latest_key = key.with_generation(latest);
        match self.flows.get_mut(&latest_key) {
            Some(entry) if admits(entry, packet, TIME, timeouts) => account(entry, packet, &event),
            Some(entry) => {
                entry.state |= state::SUPERSEDED;
                let next = latest_key.next_generation();
                self.flows.get_mut(&key).expect("the first generation").successor = next.generation.into();
                self.begin(next, packet, &event);
            }
            None => self.begin(key, packet, &event),
        }
    }

    fn begin(&mut self, key: FlowKey, packet: &Packet, event: &Event) {
        let mut entry = FlowEntry { first: TIME, ..FlowEntry::default() };
        if event.way == Way::Down {
            entry.state |= state::OPENED_DOWN;
        }
        account(&mut entry, packet, event);
        let before = self.flows.insert(key, entry);
        assert!(before.is_none(), "a flow of many generations: {key:?}");
    }
}

/// What a super-packet stands for on the wire: `gso_segs` packets (payload over `gso_size`, rounded up, where that is
/// 0), each with headers of its own.
fn on_the_wire(packet: &Packet, context: SkbContext) -> (u64, u64) {
    let bytes = u64::from(packet.ip_length);
    if context.gso_size == 0 {
        return (1, bytes);
    }
    let packets = match context.gso_segments {
        0 => packet.payload_length().div_ceil(context.gso_size).max(1),
        segments => segments,
    };
    (packets.into(), bytes + u64::from(packets - 1) * u64::from(packet.header_length))
}

/// An entry without times, points and scans.
pub fn comparable(mut entry: FlowEntry) -> FlowEntry {
    for way in 0..2 {
        entry.ways[way].last = 0;
        entry.points[way] = 0;
        entry.epochs[way] = 0;
    }
    entry.first = 0;
    // Whether it ended is compared, when is not.
    entry.ended = entry.ended.min(1);
    entry
}
