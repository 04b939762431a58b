//! What is decided with a flow's first record: its trace, and which end is its source. And what is remembered of it after
//! the last.

use flowtrace_abi::FlowKey;

use crate::flow::{Flow, Named};
use crate::handshakes::{Pair, Step};
use crate::identity::{Identity, Mark, trace_id};
use crate::orientation::{Orientation, Surroundings, ends};
use crate::{ConnectionState, Settings, Table};

impl Table {
    /// Decides, with the first record, which trace the flow is of and which end is its source.
    pub(crate) fn name(&mut self, flow: &Flow) -> Named {
        let (identity, taken_over) = match flow.settled {
            Some(settled) => settled,
            None if flow.key.is_icmp() => self.settle_in_order(flow),
            None => self.identify(flow),
        };
        let orientation = taken_over.unwrap_or_else(|| self.orient(flow));
        Named { identity, orientation, records: 0, root: [0; 8] }
    }

    /// Remembers a flow that is over.
    pub(crate) fn remember(&mut self, flow: &Flow, identity: Identity, orientation: Orientation) {
        if flow.has_ended() {
            self.identities.closed(&flow.key);
            return;
        }
        let is_connection = flow.is_tcp() && self.is_established(flow);
        let last = flow.wall(flow.last());
        self.identities.silent(&flow.key, identity.trace_id, orientation, last, is_connection, &*self.host);
    }

    /// Whether it may be a connection of a socket of this host. (One that is half open is not worth the question: a flood
    /// of them would be a flood of questions.)
    fn is_established(&self, flow: &Flow) -> bool {
        use ConnectionState::{Closed, Listen, SynReceived, SynSent};
        let is_local = ends(&flow.key).iter().any(|(address, _)| self.local.contains(address));
        let state = ConnectionState::of(&flow.entry, flowtrace_abi::Way::Up);
        is_local && !matches!(state, Closed | Listen | SynReceived | SynSent)
    }

    /// The orientation of a flow that takes over none, by what is known of it now.
    fn orient(&self, flow: &Flow) -> Orientation {
        let Settings { ephemeral, source, .. } = &self.settings;
        let surroundings = Surroundings { ephemeral, source: *source, local: &self.local, host: &*self.host };
        match &flow.joined {
            Some(joined) => surroundings.orient_translated(&flow.key, &flow.entry, joined.first(), joined.last()),
            None => surroundings.orient(&flow.key, &flow.entry),
        }
    }

    /// Settles the identity of a flow, after those of the flows of the same ends that began before it.
    fn settle_in_order(&mut self, flow: &Flow) -> (Identity, Option<Orientation>) {
        let own = (self.trace_ends(flow), flow.entry.first, flow.key);
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
        let (key, last) = (before.key, before.wall(before.last()));
        self.identities.silent(&key, identity.trace_id, orientation, last, false, &*self.host);
    }

    /// The identity of a flow by what is known of it now, and the orientation it takes over.
    fn identify(&mut self, flow: &Flow) -> (Identity, Option<Orientation>) {
        let trace = &self.settings.trace;
        let first = flow.wall(flow.entry.first);
        let mark = Mark::of(flow.entry.state, flow.entry.sequence, first, trace.window);
        let computed = trace_id(&trace.key, &self.trace_ends(flow), mark);
        self.identities.identify(&flow.key, mark, computed, first)
    }

    /// Notes the steps of the handshake that are new: in file mode they are compared with those before at once, live when
    /// their turn comes.
    #[inline]
    pub(crate) fn note_handshake(&mut self, at: u32, is_file: bool) {
        let Some(flow) = self.store.get_mut(at) else { return };
        if flow.entry.transactions.answer == 0 || flow.noted == Step::ALL[0].bit() | Step::ALL[1].bit() {
            return;
        }
        for step in Step::ALL {
            let Some(flow) = self.store.get_mut(at).filter(|flow| flow.noted & step.bit() == 0) else { continue };
            let Some(sample) = step.of(&flow.entry.transactions) else { continue };
            flow.noted |= step.bit();
            if is_file {
                self.compare_handshake(at, step);
            } else {
                self.handshakes.wait(sample, at, step);
            }
        }
    }

    /// Before a record of a flow is made: its handshake is compared, after those that came before it.
    pub(crate) fn settle_handshake(&mut self, at: u32) {
        let Some(flow) = self.store.get(at) else { return };
        let last = Step::ALL.into_iter().filter_map(|step| flow.has_in_window(step)).map(|sample| sample.time).max();
        if let Some(last) = last {
            self.settle_handshakes(last);
        }
    }

    /// Compares all handshakes that were made by `until`, in their order.
    pub(crate) fn settle_handshakes(&mut self, until: u64) {
        while let Some((at, step)) = self.handshakes.settle(until) {
            self.compare_handshake(at, step);
        }
    }

    fn compare_handshake(&mut self, at: u32, step: Step) {
        let at = self.whole_of(at).unwrap_or(at);
        let Some(flow) = self.store.get_mut(at) else { return };
        let Some(sample) = step.of(&flow.entry.transactions) else { return };
        let Some(pair) = Pair::of(&flow.key, flow.entry.state) else { return };
        if let Some(jitter) = self.handshakes.compare(pair, step, sample) {
            flow.tcp.get_or_insert_default().jitter[step as usize] = Some(jitter);
        }
    }
}
