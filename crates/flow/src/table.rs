//! The table of open flows.

use std::collections::HashSet;
use std::net::IpAddr;

use flowtrace_abi::FlowKey;
use hashbrown::HashMap;

use crate::flow::{Flow, Named};
use crate::identity::{Ends, Identities, Mark, trace_id};
use crate::orientation::orient;
use crate::packets::Timers;
use crate::store::Store;
use crate::{EndReason, Record, Settings};

/// The open flows, and what turns them into records. Records are appended to the caller's vector.
pub struct Table {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) timers: Timers,
    /// Live: entries of generation 0 whose flow is over but which lead to a later generation, with the generation
    /// that was missing at the last reading.
    pub(crate) anchors: HashMap<FlowKey, Option<u32>, foldhash::fast::RandomState>,
    identities: Identities,
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
            identities,
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

    /// Closes all flows: the observer stops. A connection whose end was seen has ended, the others are cut off.
    pub fn close_all(&mut self, records: &mut Vec<Record>) {
        for at in self.store.indices() {
            let Some(flow) = self.store.remove(at) else { continue };
            let reason = if flow.has_ended() { EndReason::EndOfFlowDetected } else { EndReason::ForcedEnd };
            self.finish(flow, reason, records);
        }
        self.anchors.clear();
    }

    /// Adds a flow.
    pub(crate) fn begin(&mut self, flow: Flow) -> u32 {
        self.begun += 1;
        self.store.insert(flow)
    }

    /// Closes the flow at an index because it is over.
    pub(crate) fn close(&mut self, at: u32, records: &mut Vec<Record>) {
        if let Some(flow) = self.store.remove(at) {
            let reason = flow.end_reason();
            self.finish(flow, reason, records);
        }
    }

    /// Ends the window of the flow at an index; the flow goes on.
    pub(crate) fn cut(&mut self, at: u32, end: u64, records: &mut Vec<Record>) {
        let Some(mut flow) = self.store.get_mut(at).map(std::mem::take) else { return };
        self.write(&mut flow, end, EndReason::ActiveTimeout, records);
        flow.next_window(end);
        if let Some(place) = self.store.get_mut(at) {
            *place = flow;
        }
    }

    /// Makes the last record of a flow, which ends at its last packet, and remembers who it was.
    fn finish(&mut self, mut flow: Flow, reason: EndReason, records: &mut Vec<Record>) {
        let end = flow.last();
        let named = self.write(&mut flow, end, reason, records);
        let resumable = (!flow.has_ended()).then_some(named.orientation);
        self.identities.remember(Ends::of(&flow.key), named.identity, resumable, flow.wall(end));
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
        let Settings { trace, ephemeral, source, .. } = &self.settings;
        let ends = Ends::of(&flow.key);
        let first = flow.wall(flow.entry.first);
        let mark = Mark::of(flow.entry.state, flow.entry.sequence, first, trace.window);
        let computed = trace_id(&trace.key, &ends, mark);
        let (identity, taken_over) = self.identities.identify(&ends, mark, computed, first);
        let decided = || orient(&flow.key, &flow.entry, ephemeral, *source, &self.local);
        let orientation = taken_over.unwrap_or_else(decided);
        if flow.key.is_icmp() {
            // Different messages between the same ends are different flows of one trace, at the same time.
            self.identities.remember(ends, identity, taken_over, first);
        }
        Named { identity, orientation, records: 0, root: [0; 8] }
    }
}
