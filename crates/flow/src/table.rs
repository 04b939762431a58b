//! The table of open flows.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use flowtrace_abi::FlowKey;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::cuts::Cuts;
use crate::flow::{Flow, Named};
use crate::fragments::Fragments;
use crate::handshakes::Handshakes;
use crate::identity::Ends;
use crate::live::Missing;
use crate::memory::Identities;
use crate::packets::Timers;
use crate::pressure::Pressure;
use crate::store::Store;
use crate::{EndReason, Host, Joins, Nat, Record, Settings};

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
    pub(crate) unsettled: BTreeMap<(Ends, u64, FlowKey), u32>,
    pub(crate) identities: Identities,
    pub(crate) handshakes: Handshakes,
    /// Live: whether the kernel's map is full.
    pub(crate) pressure: Pressure,
    /// File mode: the first fragments of datagrams.
    pub(crate) fragments: Fragments,
    pub(crate) local: HashSet<IpAddr>,
    pub(crate) host: Box<dyn Host>,
    /// Live: how many more windows may be cut, and how many waited since that was said.
    pub(crate) cuts: Cuts,
    pub(crate) nat: Box<dyn Nat>,
    /// Live: the joined flows that are open, by the key of the first of the same ends.
    pub(crate) wholes: HashMap<FlowKey, Vec<u32>, RandomState>,
    /// Live: those that have no entry any more.
    pub(crate) over: Vec<u32>,
    /// Live: how many flows are part of them.
    pub(crate) parts: usize,
    pub(crate) joins: Joins,
    pub(crate) begun: u64,
}

impl Table {
    /// An empty table, which knows nothing of a host.
    pub fn new(mut settings: Settings) -> Self {
        settings.timeouts = settings.timeouts();
        let (remembered, window) = (settings.identities, settings.trace.window);
        Self {
            settings,
            store: Store::default(),
            timers: Timers::default(),
            anchors: HashMap::default(),
            closed: HashSet::default(),
            unsettled: BTreeMap::new(),
            identities: Identities::new(remembered, window),
            handshakes: Handshakes::new(remembered, window),
            pressure: Pressure::default(),
            fragments: Fragments::default(),
            local: HashSet::new(),
            host: Box::new(()),
            cuts: Cuts::default(),
            nat: Box::new(()),
            wholes: HashMap::default(),
            over: Vec::new(),
            parts: 0,
            joins: Joins::default(),
            begun: 0,
        }
    }

    /// Whose sockets show who listens and which connections are open.
    pub fn set_host(&mut self, host: Box<dyn Host>) {
        self.host = host;
    }

    /// Which addresses are this host's. Flows that have a record keep their perspective.
    pub fn set_local_addresses(&mut self, addresses: HashSet<IpAddr>) {
        self.local = addresses;
    }

    /// Number of open flows.
    pub fn open(&self) -> usize {
        self.store.len() - self.parts
    }

    /// Number of flows begun so far.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Closes all flows, in the order in which they began: the observer stops. A flow whose end was seen has ended, the
    /// others are cut off.
    pub fn close_all(&mut self, records: &mut Vec<Record>) {
        for at in self.store.indices() {
            self.leave(at, records);
        }
        for at in self.store.indices() {
            if let Some(reason) = self.stop_reason(at) {
                self.close(at, reason, records);
            }
        }
        self.anchors.clear();
        self.closed.clear();
    }

    /// Why a flow ends where the observer stops: it may be over, but not written yet.
    fn stop_reason(&self, at: u32) -> Option<EndReason> {
        let flow = self.store.get(at)?;
        let deadline = flow.deadline(&self.settings.timeouts, self.pressure.silence());
        let is_over = flow.superseded > 0 || flow.read >= deadline;
        Some(if is_over || flow.has_ended() { self.end_reason(at) } else { EndReason::ForcedEnd })
    }

    /// Adds a flow.
    pub(crate) fn begin(&mut self, flow: Flow) -> u32 {
        self.begun += 1;
        let (key, first, ends) = (flow.key, flow.entry.first, self.trace_ends(&flow));
        let at = self.store.insert(flow);
        if key.is_icmp() {
            self.unsettled.insert((ends, first, key), at);
        }
        at
    }

    /// Closes the flow at an index: makes its last record, which ends at its last packet, and remembers who it was.
    pub(crate) fn close(&mut self, at: u32, reason: EndReason, records: &mut Vec<Record>) {
        if self.leave(at, records) {
            return;
        }
        self.settle_handshake(at);
        let Some(mut flow) = self.store.remove(at) else { return };
        self.finish_whole(at, &mut flow);
        flow.count_rivals();
        let end = flow.last();
        let named = self.write(&mut flow, end, reason, records);
        self.remember(&flow, named.identity, named.orientation);
    }

    /// Ends the window of the flow at an index; the flow goes on. `is_file`: its packets come one by one.
    pub(crate) fn cut(&mut self, at: u32, end: u64, is_file: bool, records: &mut Vec<Record>) {
        self.settle_handshake(at);
        let Some(mut flow) = self.store.get_mut(at).map(std::mem::take) else { return };
        self.write(&mut flow, end, EndReason::ActiveTimeout, records);
        flow.next_window(end, is_file);
        self.next_window_of_parts(&mut flow);
        if let Some(place) = self.store.get_mut(at) {
            *place = flow;
        }
    }

    /// Where the window of a flow has to end if it is full at `now`.
    #[inline]
    pub(crate) fn full_window(&self, flow: &Flow, now: u64) -> Option<u64> {
        let settings = &self.settings;
        let length = if flow.named.is_some() {
            settings.active
        } else if now < flow.window.saturating_add(settings.timeouts.evidence) {
            // In most cases that costs no hash. Nor is the first record made while a SYN may still show who began.
            return None;
        } else {
            settings.first_window(&flow.key)
        };
        let end = flow.window.saturating_add(length);
        (now >= end).then_some(end)
    }

    pub(crate) fn write(&mut self, flow: &mut Flow, end: u64, reason: EndReason, records: &mut Vec<Record>) -> Named {
        flow.note_headers();
        let mut named = match flow.named {
            Some(named) => named,
            None => self.name(flow),
        };
        let Settings { trace, observer, .. } = &self.settings;
        let mut record = flow.record(&mut named, end, reason, trace, observer);
        self.describe_parts(flow, named.orientation.forward, &mut record);
        records.push(record);
        flow.named = Some(named);
        named
    }
}
