//! What the kernel program ought to have: the same frames through the same dissector and counting rules, in userland, as
//! file mode does it.

use std::collections::HashMap;

use flowtrace_abi::{
    EnvelopeEntry, Event, FlowEntry, FlowKey, FragmentFacts, FragmentKey, KernelSettings, Layers, Loss, Timeouts,
    Transactions, Way, account, account_envelope, account_tcp_times, admits, is_remarkable, merge, state,
};
use flowtrace_capture::live::SkbContext;
use flowtrace_wire::{Envelope, Fragment, Link, Options, Packet, Ports, Reason, Walk, dissect, protocol};

/// All frames are seen at this moment: no flow falls silent, and no datagram is forgotten.
const TIME: u64 = 1;
/// Any point and any scan: they are left out of comparisons.
const POINT: u32 = 2;
const EPOCH: u16 = 1;

/// Flows, what lies around them, and losses.
#[derive(Debug)]
pub struct Mirror {
    settings: KernelSettings,
    ports: Box<Ports>,
    walk: Walk,
    /// Flows by key.
    pub flows: HashMap<FlowKey, FlowEntry>,
    /// What lies around their packets.
    pub envelopes: HashMap<FlowKey, EnvelopeEntry>,
    /// First fragments.
    pub fragments: HashMap<FragmentKey, FragmentFacts>,
    /// Packets and bytes by loss.
    pub losses: HashMap<u32, (u64, u64)>,
    /// Frames without IP by EtherType.
    pub not_ip: HashMap<u16, u64>,
}

impl Mirror {
    /// An empty one.
    pub fn new(settings: KernelSettings, ports: Box<Ports>) -> Self {
        Self {
            settings,
            ports,
            walk: Walk::default(),
            flows: HashMap::new(),
            envelopes: HashMap::new(),
            fragments: HashMap::new(),
            losses: HashMap::new(),
            not_ip: HashMap::new(),
        }
    }

    /// Forgets the flows, as when the kernel's are read and deleted. Fragments stay.
    pub fn clear_flows(&mut self) {
        self.flows.clear();
        self.envelopes.clear();
    }

    /// Takes one frame.
    pub fn frame(&mut self, frame: &[u8], link: Link, context: SkbContext) {
        let length = u32::try_from(frame.len()).expect("a frame");
        let options = Options { ports: &*self.ports, depth: self.settings.depth };
        match dissect(frame, link, length, &options, &mut self.walk) {
            Ok(()) => {
                self.fragments();
                self.layers(context);
            }
            Err(reason) => {
                let lost = self.losses.entry(Loss::Unparsed(reason).index()).or_default();
                *lost = (lost.0 + 1, lost.1 + u64::from(length));
                if reason == Reason::NotIp {
                    *self.not_ip.entry(self.walk.not_ip()).or_default() += 1;
                }
            }
        }
    }

    fn fragments(&mut self) {
        let (outer, packet) = (self.walk.outer, &mut self.walk.packet);
        if FragmentFacts::is_first(&outer) {
            self.fragments.insert(FragmentKey::of(&outer), FragmentFacts::of(&outer, TIME));
        }
        if FragmentFacts::is_first(packet) {
            self.fragments.insert(FragmentKey::of(packet), FragmentFacts::of(packet, TIME));
        }
        if packet.fragment == Fragment::Later
            && let Some(facts) = self.fragments.get(&FragmentKey::of(packet))
        {
            facts.apply(packet, TIME);
        }
    }

    /// The inner packet, the outer one, or both.
    fn layers(&mut self, context: SkbContext) {
        let Walk { packet, outer, envelope, .. } = self.walk;
        let layers = self.settings.layers;
        let has_outer = outer.ip_version != 0;
        if !has_outer || layers & Layers::INNER != 0 {
            let key = FlowKey::of(&packet).0.within(&envelope, self.settings.key_parts);
            self.packet(&packet, key, &envelope, on_the_wire(&packet, packet.header_length, context));
        }
        if has_outer && layers & Layers::OUTER != 0 {
            let around = envelope.of_frame();
            let key = FlowKey::of(&outer).0.within(&around, self.settings.key_parts);
            let key = if layers & Layers::INNER != 0 { key.outer() } else { key };
            // Each packet that leaves has all headers from the outer IP header to the inner transport header.
            let headers = packet.header_length + envelope.tunnel_overhead + envelope.ipip_overhead;
            self.packet(&outer, key, &around, on_the_wire(&outer, headers, context));
        }
    }

    fn packet(&mut self, packet: &Packet, key: FlowKey, envelope: &Envelope, (packets, bytes): (u64, u64)) {
        let event = Event { way: FlowKey::of(packet).1, packets, bytes, time: TIME, point: POINT, epoch: EPOCH };
        let key = self.count(packet, key, &event);
        if envelope.present == 0 {
            return;
        }
        account_envelope(self.envelopes.entry(key).or_default(), envelope, &event);
        self.flows.get_mut(&key).expect("it was counted").state |= state::ENVELOPED;
    }

    /// Counts a packet; answers the key of its flow, generation included.
    fn count(&mut self, packet: &Packet, key: FlowKey, event: &Event) -> FlowKey {
        let latest = self.flows.get(&key).map_or(0, |anchor| anchor.successor) as u8;
        let latest_key = key.with_generation(latest);
        match self.flows.get_mut(&latest_key) {
            Some(entry) if admits(entry, packet, TIME, &self.settings.timeouts, u64::MAX) => {
                count_into(entry, packet, event, &self.settings.timeouts);
                latest_key
            }
            Some(entry) => {
                entry.state |= state::SUPERSEDED;
                let next = latest_key.next_generation();
                self.flows.get_mut(&key).expect("the first generation").successor = next.generation.into();
                self.begin(next, packet, event)
            }
            None => self.begin(key, packet, event),
        }
    }

    fn begin(&mut self, key: FlowKey, packet: &Packet, event: &Event) -> FlowKey {
        let mut entry = FlowEntry { first: TIME, ..FlowEntry::default() };
        if event.way == Way::Down {
            entry.state |= state::OPENED_DOWN;
        }
        count_into(&mut entry, packet, event, &self.settings.timeouts);
        let before = self.flows.insert(key, entry);
        assert!(before.is_none(), "a flow of many generations: {key:?}");
        key
    }
}

fn count_into(entry: &mut FlowEntry, packet: &Packet, event: &Event, timeouts: &Timeouts) {
    let before = entry.state;
    account(entry, packet, event, timeouts);
    if packet.protocol == protocol::TCP && is_remarkable(entry, packet, event.way, before) {
        account_tcp_times(entry, packet, event, before);
    }
}

/// What a super-packet stands for on the wire: `gso_segs` packets (payload over `gso_size`, rounded up, where that is
/// 0), each with `headers` bytes of its own.
fn on_the_wire(packet: &Packet, headers: u32, context: SkbContext) -> (u64, u64) {
    let bytes = u64::from(packet.ip_length);
    if context.gso_size == 0 {
        return (1, bytes);
    }
    let packets = match context.gso_segments {
        0 => packet.ip_length.saturating_sub(headers).div_ceil(context.gso_size).max(1),
        segments => segments,
    };
    (packets.into(), bytes + u64::from(packets - 1) * u64::from(headers))
}

/// An entry without times, points and scans, and without what depends on times: whether a segment was overtaken or sent
/// again, and so whether it was new.
pub fn comparable(mut entry: FlowEntry) -> FlowEntry {
    for way in 0..2 {
        entry.ways[way].last = 0;
        entry.points[way] = 0;
        entry.epochs[way] = 0;
    }
    entry.first = 0;
    // Whether it ended is compared, when is not.
    entry.ended = entry.ended.min(1);
    let mut in_order = true;
    for segments in &mut entry.segments {
        let [retransmissions, overtaken, zero_windows] = segments.anomalies;
        in_order &= retransmissions + overtaken == 0;
        segments.anomalies = [retransmissions + overtaken, 0, zero_windows];
        (segments.hole_start, segments.hole_end, segments.hole_at) = (0, 0, 0);
        segments.timed_at = segments.timed_at.min(1);
        segments.round_trip = segments.round_trip.min(1);
    }
    let Transactions { syn, answer, confirmation, asked, count, .. } = entry.transactions;
    entry.transactions = Transactions {
        syn: syn.min(1),
        answer: answer.min(1),
        confirmation: confirmation.min(1),
        asked: if in_order { asked.min(1) } else { 0 },
        count: if in_order { count } else { 0 },
        ..Transactions::default()
    };
    entry
}

/// What an entry says of what lies around: its facts, no other field, and the sums.
pub fn comparable_envelope(entry: &EnvelopeEntry) -> EnvelopeEntry {
    let facts = entry.facts.map(|envelope| {
        let mut facts = Envelope::default();
        merge(&mut facts, envelope.present, &envelope);
        facts
    });
    EnvelopeEntry { overheads: entry.overheads, facts, ..EnvelopeEntry::default() }
}
