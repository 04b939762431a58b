//! The table of open flows.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use flowtrace_abi::FlowKey;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::flow::{Flow, Named};
use crate::fragments::Fragments;
use crate::identity::{Ends, Identity, Mark, trace_id};
use crate::live::Missing;
use crate::memory::Identities;
use crate::orientation::{Orientation, orient};
use crate::packets::Timers;
use crate::store::Store;
use crate::{EndReason, Record, Settings};

/// The open flows, and what turns them into records. Records are appended to the caller's vector.
pub struct Table {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) timers: Timers,
    /// Live: entries of generation 0 whose flow is over but which lead to a later generation.
    pub(crate) anchors: HashMap<FlowKey, Missing, RandomState>,
    /// Live: later generations that are closed, whose entries are to be deleted.
    pub(crate) closed: HashSet<FlowKey, RandomState>,
    /// ICMP flows without an identity: those of the same ends share a trace while they are open at the same time, and
    /// are counted in the order in which they began.
    unsettled: BTreeMap<(Ends, u64, FlowKey), u32>,
    identities: Identities,
    /// File mode: the first fragments of datagrams.
    pub(crate) fragments: Fragments,
    local: HashSet<IpAddr>,
    begun: u64,
}

impl Table {
    /// An empty table.
    pub fn new(settings: Settings) -> Self {
        let identities = Identities::new(settings.identities, settings.trace.window);
        Self {
            settings,
            store: Store::default(),
            timers: Timers::default(),
            anchors: HashMap::default(),
            closed: HashSet::default(),
            unsettled: BTreeMap::new(),
            identities,
            fragments: Fragments::default(),
            local: HashSet::new(),
            begun: 0,
        }
    }

    /// Which addresses are this host's. Flows that have a record keep their perspective.
    pub fn set_local_addresses(&mut self, addresses: HashSet<IpAddr>) {
        self.local = addresses;
    }

    /// Number of open flows.
    pub fn open(&self) -> usize {
        self.store.len()
    }

    /// Number of flows begun so far.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Closes all flows, in the order in which they began: the observer stops. A flow whose end was seen has ended, the
    /// others are cut off.
    pub fn close_all(&mut self, records: &mut Vec<Record>) {
        for at in self.store.indices() {
            let Some(flow) = self.store.remove(at) else { continue };
            let reason = flow.stop_reason(&self.settings.timeouts);
            self.finish(flow, reason, records);
        }
        self.anchors.clear();
        self.closed.clear();
    }

    /// Adds a flow.
    pub(crate) fn begin(&mut self, flow: Flow) -> u32 {
        self.begun += 1;
        let (key, first) = (flow.key, flow.entry.first);
        let at = self.store.insert(flow);
        if key.is_icmp() {
            self.unsettled.insert((Ends::of(&key, self.settings.key_parts), first, key), at);
        }
        at
    }

    /// Closes the flow at an index because it is over.
    pub(crate) fn close(&mut self, at: u32, records: &mut Vec<Record>) {
        if let Some(flow) = self.store.remove(at) {
            let reason = flow.end_reason();
            self.finish(flow, reason, records);
        }
    }

    /// Ends the window of the flow at an index; the flow goes on. `is_file`: its packets come one by one.
    pub(crate) fn cut(&mut self, at: u32, end: u64, is_file: bool, records: &mut Vec<Record>) {
        let Some(mut flow) = self.store.get_mut(at).map(std::mem::take) else { return };
        self.write(&mut flow, end, EndReason::ActiveTimeout, records);
        flow.next_window(end, is_file);
        if let Some(place) = self.store.get_mut(at) {
            *place = flow;
        }
    }

    /// Makes the last record of a flow, which ends at its last packet, and remembers who it was.
    fn finish(&mut self, mut flow: Flow, reason: EndReason, records: &mut Vec<Record>) {
        let end = flow.last();
        let named = self.write(&mut flow, end, reason, records);
        if flow.has_ended() {
            self.identities.closed(&flow.key);
        } else {
            self.identities.silent(&flow.key, named.identity.trace_id, named.orientation, flow.wall(end));
        }
    }

    fn write(&mut self, flow: &mut Flow, end: u64, reason: EndReason, records: &mut Vec<Record>) -> Named {
        flow.note_headers();
        let mut named = match flow.named {
            Some(named) => named,
            None => self.name(flow),
        };
        let Settings { trace, observer, .. } = &self.settings;
        records.push(flow.record(&mut named, end, reason, trace, observer));
        flow.named = Some(named);
        named
    }

    /// Decides, with the first record, which trace the flow is of and which end is its source.
    fn name(&mut self, flow: &Flow) -> Named {
        let (identity, taken_over) = match flow.settled {
            Some(settled) => settled,
            None if flow.key.is_icmp() => self.settle_in_order(flow),
            None => self.identify(flow),
        };
        let orientation = taken_over.unwrap_or_else(|| self.orient(flow));
        Named { identity, orientation, records: 0, root: [0; 8] }
    }

    /// The orientation of a flow that takes over none, by what is known of it now.
    fn orient(&self, flow: &Flow) -> Orientation {
        let Settings { ephemeral, source, .. } = &self.settings;
        orient(&flow.key, &flow.entry, ephemeral, *source, &self.local)
    }

    /// Settles the identity of a flow, after those of the flows of the same ends that began before it.
    fn settle_in_order(&mut self, flow: &Flow) -> (Identity, Option<Orientation>) {
        let own = (Ends::of(&flow.key, self.settings.key_parts), flow.entry.first, flow.key);
        let earlier: Vec<_> = self.unsettled.range((own.0, 0, FlowKey::default())..own).map(|(at, _)| *at).collect();
        for place in earlier {
            let Some(at) = self.unsettled.remove(&place) else { continue };
            let Some(mut other) = self.store.get_mut(at).map(std::mem::take) else { continue };
            self.note_predecessor(&other);
            other.settled = Some(self.identify(&other));
            if let Some(place) = self.store.get_mut(at) {
                *place = other;
            }
        }
        self.unsettled.remove(&own);
        self.identify(flow)
    }

    /// A flow whose identity is settled before its turn to be written continues one that may not be written yet, though
    /// it is over and its identity is settled.
    fn note_predecessor(&mut self, flow: &Flow) {
        let Some(before) = self.store.predecessor(&flow.key, flow.entry.first) else { return };
        let (identity, taken_over) = match (before.named, before.settled) {
            (Some(named), _) => (named.identity, Some(named.orientation)),
            (None, Some(settled)) => settled,
            (None, None) => return,
        };
        let orientation = taken_over.unwrap_or_else(|| self.orient(before));
        self.identities.silent(&before.key, identity.trace_id, orientation, before.wall(before.last()));
    }

    /// The identity of a flow by what is known of it now, and the orientation it takes over.
    fn identify(&mut self, flow: &Flow) -> (Identity, Option<Orientation>) {
        let trace = &self.settings.trace;
        let first = flow.wall(flow.entry.first);
        let mark = Mark::of(flow.entry.state, flow.entry.sequence, first, trace.window);
        let computed = trace_id(&trace.key, &Ends::of(&flow.key, self.settings.key_parts), mark);
        self.identities.identify(&flow.key, mark, computed, first)
    }
}
