//! Live mode: reading by reading. The kernel counts; a reading is a copy of one flow's entry.

use flowtrace_abi::{EnvelopeEntry, FlowEntry, FlowKey, state};

use crate::flow::Flow;
use crate::settings::SECOND;
use crate::{EndReason, Record, Table};

/// How long after its end an entry is left alone, so that no CPU still holds it when it is deleted; nanoseconds.
pub(crate) const GRACE: u64 = SECOND / 4;

/// At which reading of an entry every entry that is older was read, too. The first may come in the scan in which that
/// one was made, behind the scan's back; the second before that one's turn in the next scan.
pub(crate) const SETTLED: u8 = 3;

/// For how many readings of an anchor the latest generation was missing, and which that was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Missing {
    pub(crate) successor: u32,
    readings: u8,
}

/// When a reading was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Nanoseconds since boot, taken after the entry was copied.
    pub boot: u64,
    /// Nanoseconds since the Unix epoch at the same moment.
    pub wall: u64,
}

/// What is to be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep,
    /// Its flow is closed and nobody writes to it: it can be deleted. That has to happen at once, before a packet begins
    /// another flow through it: who deletes looks first whether it still is what was read.
    Delete,
}

impl Table {
    /// Takes one reading of a flow's entry. `envelope` reads what lies around its packets, and is asked only where that
    /// may have changed.
    pub fn reading(
        &mut self,
        now: Clock,
        key: FlowKey,
        entry: &FlowEntry,
        envelope: impl FnOnce() -> Option<EnvelopeEntry>,
        records: &mut Vec<Record>,
    ) -> Verdict {
        self.pressure.reading(now.boot);
        let verdict = if self.closed.remove(&key) {
            Verdict::Delete
        } else if self.anchors.contains_key(&key) {
            self.reading_of_anchor(key, entry)
        } else {
            self.reading_of_flow(now, key, entry, envelope, records)
        };
        if verdict == Verdict::Keep {
            self.pressure.note_entry();
        }
        verdict
    }

    /// Has to be called after every scan, when all readings were taken. `most` is the number of entries for which the
    /// kernel has room. Answers after how much silence flows are over, whatever their timeout
    /// ([`ScanState::silence`](flowtrace_abi::ScanState), in nanoseconds): the kernel has to be told that when the next
    /// scan begins, before its first reading, neither earlier nor later. It is `u64::MAX` as long as there is room.
    pub fn end_of_scan(&mut self, now: Clock, most: u64, records: &mut Vec<Record>) -> u64 {
        self.close_wholes(records);
        let known = self.handshakes.end_of_scan(now.boot);
        self.settle_handshakes(known);
        self.identities.keep_open(now.wall, &*self.host);
        self.pressure.end_of_scan(now.boot, most)
    }

    fn reading_of_flow(
        &mut self,
        now: Clock,
        key: FlowKey,
        entry: &FlowEntry,
        envelope: impl FnOnce() -> Option<EnvelopeEntry>,
        records: &mut Vec<Record>,
    ) -> Verdict {
        let (at, grew) = match self.store.find(&key) {
            Some(at) => (at, self.update(at, now, entry, records)),
            None => {
                let offset = now.wall.wrapping_sub(now.boot).cast_signed();
                let mut flow = Flow::new(key, *entry, offset);
                flow.read = now.boot;
                (self.begin(flow), true)
            }
        };
        self.join_new(at, records);
        if self.whole_of(at).is_some() {
            self.read_part(at, records);
        } else {
            self.note_handshake(at, false);
        }
        let is_over = self.look(at, entry);
        let Some(flow) = self.store.get_mut(at) else { return Verdict::Keep };
        // The kernel counts the packet first: what lies around it may have been missed at the last reading.
        if entry.state & state::ENVELOPED != 0
            && (grew || is_over || flow.wrapped.is_none())
            && let Some(envelope) = envelope()
        {
            flow.wrapped.get_or_insert_default().read(&envelope);
        }
        flow.note_headers();
        if !is_over || self.waits(at) {
            return Verdict::Keep;
        }
        self.close_last(at, records);
        self.close_successors(key, records);
        if key.generation == 0 && entry.successor != 0 {
            self.anchors.insert(key, Missing::default());
            return Verdict::Keep;
        }
        Verdict::Delete
    }

    /// Closes a flow that is over, unless it turns out now to be part of another.
    fn close_last(&mut self, at: u32, records: &mut Vec<Record>) {
        self.join(at, records);
        let reason = self.end_reason(at);
        self.close(at, reason, records);
    }

    /// Whether the kernel counts no more packets into the flow.
    fn look(&mut self, at: u32, entry: &FlowEntry) -> bool {
        let (timeouts, silence) = (self.settings.timeouts, self.pressure.silence());
        let is_superseded = entry.state & state::SUPERSEDED != 0;
        // Why it is over depends on when the next one began. (Where there was no room for that, it is never read.)
        let is_late = is_superseded && self.pressure.was_ever() && self.successor(at).is_none();
        let needed = if is_late { SETTLED } else { 2 };
        let Some(flow) = self.store.get_mut(at) else { return false };
        flow.superseded = if is_superseded { flow.superseded.saturating_add(1) } else { 0 };
        if is_superseded {
            flow.is_over = flow.superseded >= needed;
            return flow.is_over;
        }
        let now = flow.read;
        let is_over = |flow: &Flow, silence| now >= flow.deadline(&timeouts, silence).saturating_add(GRACE);
        flow.is_over = is_over(flow, u64::MAX);
        let is_over = is_over(flow, silence);
        if !is_over {
            let since = if flow.has_ended() { flow.entry.ended } else { flow.last() };
            self.pressure.note_silence(now.saturating_sub(since));
        }
        is_over
    }

    /// When the flow began that follows one which was superseded, if it is open.
    fn successor(&self, at: u32) -> Option<u64> {
        let flow = self.store.get(at)?;
        let next = flow.key.next_generation();
        // One number may be passed over.
        let first =
            |key| Some(self.store.get(self.store.find(&key)?)?.entry.first).filter(|&first| first >= flow.last());
        first(next).into_iter().chain(first(next.next_generation())).min()
    }

    /// Why a flow that is over is over.
    pub(crate) fn end_reason(&self, at: u32) -> EndReason {
        let Some(flow) = self.store.get(at) else { return EndReason::ForcedEnd };
        let until = if flow.superseded > 0 { self.successor(at) } else { None };
        flow.end_reason(&self.settings.timeouts, until.unwrap_or(flow.read))
    }

    /// Takes over a newer reading. A window whose time is up is cut where it was read before, as soon as a packet
    /// shows that the flow goes on: so no window is empty. Answers whether there were packets in between.
    pub(crate) fn update(&mut self, at: u32, now: Clock, entry: &FlowEntry, records: &mut Vec<Record>) -> bool {
        let Some(flow) = self.store.get(at) else { return false };
        let grew = (0..2).any(|way| entry.ways[way].packets != flow.entry.ways[way].packets);
        if grew
            && flow.part_of.is_none()
            && !flow.has_ended()
            && self.full_window(flow, flow.read).is_some()
            && !self.waits(at)
            && self.cuts.next()
        {
            let end = flow.read;
            self.join(at, records);
            if self.whole_of(at).is_none() {
                self.cut(at, end, false, records);
            }
        }
        if let Some(flow) = self.store.get_mut(at) {
            flow.entry = *entry;
            flow.read = now.boot;
            flow.readings = flow.readings.saturating_add(1);
        }
        grew
    }

    /// Whether a flow's first record has to wait, so that names do not depend on the order of readings: flows of the
    /// same trace are named in the order in which they began, and all of these have to be read first.
    pub(crate) fn waits(&self, at: u32) -> bool {
        let Some(flow) = self.store.get(at).filter(|flow| flow.named.is_none()) else { return false };
        let is_ordered = flow.key.generation > 0 || flow.key.is_icmp();
        is_ordered && flow.readings < SETTLED || self.store.predecessor(&flow.key, flow.entry.first).is_some()
    }

    /// Closes the later flows of the same ends that waited for this one. Their entries go when they are read again.
    fn close_successors(&mut self, mut key: FlowKey, records: &mut Vec<Record>) {
        loop {
            key = key.next_generation();
            let Some(at) = self.store.find(&key) else { return };
            if !self.store.get(at).is_some_and(|flow| flow.is_over) || self.waits(at) {
                return;
            }
            self.close_last(at, records);
            self.closed.insert(key);
        }
    }

    /// An entry whose flow is over, but which says where its ends' latest generation is: it goes when that is gone.
    fn reading_of_anchor(&mut self, key: FlowKey, entry: &FlowEntry) -> Verdict {
        let latest = key.with_generation(entry.successor as u8);
        let is_missing = self.store.find(&latest).is_none();
        let Some(before) = self.anchors.get_mut(&key) else { return Verdict::Keep };
        let readings = match is_missing {
            false => 0,
            true if before.successor == entry.successor => before.readings + 1,
            true => 1,
        };
        *before = Missing { successor: entry.successor, readings };
        if readings < SETTLED {
            return Verdict::Keep;
        }
        self.anchors.remove(&key);
        Verdict::Delete
    }
}
