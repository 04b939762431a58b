//! File mode: packet by packet. The time of a packet is the clock, so records do not depend on when anybody looks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use flowtrace_abi::{
    Event, FlowEntry, FlowKey, Layers, Timeouts, Way, account, account_tcp_times, admits, is_remarkable, state,
};
use flowtrace_wire::{Envelope, Fragment, Packet, Walk, protocol};

use crate::flow::Flow;
use crate::settings::SECOND;
use crate::store::Store;
use crate::{Record, Table};

/// A packet writes its header values where this differs from the entry's, which each window sets back to 0.
const EPOCH: u16 = 1;

/// When flows are over: one timer a flow, checked when it is due and set again if a packet came in between.
#[derive(Default)]
pub struct Timers(BinaryHeap<Reverse<(u64, u32)>>);

impl Timers {
    /// Sets a flow's timer. Those of flows that are gone are dropped when they make up most: they come due only as time
    /// goes on, which a stranger's file need not let it.
    fn set(&mut self, due: u64, at: u32, store: &Store) {
        self.0.push(Reverse((due, at)));
        if self.0.len() > 4 * store.len() + 1024 {
            self.0.retain(|&Reverse((due, at))| store.get(at).is_some_and(|flow| flow.armed == due));
        }
    }
}

/// One packet of a frame, and where it was seen.
struct Seen<'a> {
    packet: &'a Packet,
    envelope: &'a Envelope,
    key: FlowKey,
    event: Event,
}

impl Table {
    /// Counts one frame, seen at `time` (nanoseconds since the Unix epoch) at the file's interface `interface`. Before
    /// that, flows that are over by then are closed. `walk` is changed only in that fragments get their ports.
    pub fn frame(&mut self, time: u64, walk: &mut Walk, interface: u32, records: &mut Vec<Record>) {
        self.poll(time, records);
        let has_outer = walk.outer.ip_version != 0;
        if has_outer {
            self.fragments.remember(&walk.outer, time);
        }
        match walk.packet.fragment {
            Fragment::Whole => {}
            Fragment::First => self.fragments.remember(&walk.packet, time),
            Fragment::Later => self.fragments.recall(&mut walk.packet, time),
        }
        let layers = self.settings.layers;
        if has_outer && layers & Layers::OUTER != 0 {
            let envelope = walk.envelope.of_frame();
            self.count(time, &walk.outer, &envelope, layers & Layers::INNER != 0, interface, records);
        }
        if !has_outer || layers & Layers::INNER != 0 {
            self.count(time, &walk.packet, &walk.envelope, false, interface, records);
        }
    }

    /// Counts one packet with nothing around it; see [`frame`](Self::frame).
    pub fn packet(&mut self, time: u64, packet: &Packet, interface: u32, records: &mut Vec<Record>) {
        self.poll(time, records);
        self.count(time, packet, &Envelope::default(), false, interface, records);
    }

    fn count(
        &mut self,
        time: u64,
        packet: &Packet,
        envelope: &Envelope,
        is_outer: bool,
        interface: u32,
        records: &mut Vec<Record>,
    ) {
        let (key, way) = FlowKey::of(packet);
        let key = key.within(envelope, self.settings.key_parts);
        let key = if is_outer { key.outer() } else { key };
        let event = Event {
            way,
            packets: 1,
            bytes: u64::from(packet.ip_length),
            time,
            point: (interface.saturating_add(1)) << 1,
            epoch: EPOCH,
        };
        let seen = Seen { packet, envelope, key, event };
        match self.store.find(&key) {
            Some(at) => self.packet_of(at, seen, records),
            None => self.first_packet(&seen, records),
        }
    }

    /// Closes the flows that are over at `time`.
    pub fn poll(&mut self, time: u64, records: &mut Vec<Record>) {
        while let Some(&Reverse((due, at))) = self.timers.0.peek() {
            if due > time {
                return;
            }
            self.timers.0.pop();
            let timeouts = self.settings.timeouts;
            let Some(flow) = self.store.get_mut(at).filter(|flow| flow.armed == due) else { continue };
            let deadline = flow.deadline(&timeouts, u64::MAX);
            // Also where it is due by now: flows are closed in the order in which they are over, whenever anybody looks.
            if deadline > due {
                flow.armed = deadline;
                self.timers.set(deadline, at, &self.store);
            } else {
                self.close_over(at, records);
            }
        }
    }

    fn close_over(&mut self, at: u32, records: &mut Vec<Record>) {
        let timeouts = self.settings.timeouts;
        let Some(flow) = self.store.get(at) else { return };
        let reason = flow.end_reason(&timeouts, flow.deadline(&timeouts, u64::MAX));
        self.close(at, reason, records);
    }

    /// Closes the idlest flows where there is no room for another: many at once, so that looking for them costs little.
    fn make_room(&mut self, records: &mut Vec<Record>) {
        let most = self.settings.max_flows.max(1);
        if self.store.len() < most {
            return;
        }
        for at in self.store.idlest(self.store.len() - most + most.div_ceil(16)) {
            let Some(flow) = self.store.get(at) else { continue };
            let reason = flow.end_reason(&self.settings.timeouts, flow.last());
            self.close(at, reason, records);
        }
    }

    fn first_packet(&mut self, seen: &Seen<'_>, records: &mut Vec<Record>) {
        self.make_room(records);
        let event = &seen.event;
        let mut entry = FlowEntry { first: event.time, ..FlowEntry::default() };
        if event.way == Way::Down {
            entry.state |= state::OPENED_DOWN;
        }
        let mut flow = Flow::new(seen.key, entry, 0);
        seen.count_into(&mut flow, &self.settings.timeouts);
        let deadline = flow.deadline(&self.settings.timeouts, u64::MAX);
        flow.armed = deadline;
        let at = self.begin(flow);
        self.timers.set(deadline, at, &self.store);
        self.note_handshake(at, true);
    }

    fn packet_of(&mut self, at: u32, mut seen: Seen<'_>, records: &mut Vec<Record>) {
        let timeouts = self.settings.timeouts;
        let Some(flow) = self.store.get_mut(at) else { return };
        seen.event.time = seen.event.time.max(flow.last());
        if !admits(&flow.entry, seen.packet, seen.event.time, &timeouts, u64::MAX) {
            self.close_over(at, records);
            self.first_packet(&seen, records);
            return;
        }
        if let Some(end) = self.cut_at(at, seen.event.time) {
            self.cut(at, end, true, records);
        }
        let Some(flow) = self.store.get_mut(at) else { return };
        seen.count_into(flow, &timeouts);
        let deadline = flow.deadline(&timeouts, u64::MAX);
        if deadline < flow.armed {
            flow.armed = deadline;
            self.timers.set(deadline, at, &self.store);
        }
        self.note_handshake(at, true);
    }

    /// Where the window has to be cut before a packet at `time` is counted. At the deadline, if there was traffic within
    /// the second before it; a flow that was silent there is cut when the packet comes. So no window is empty.
    fn cut_at(&self, at: u32, time: u64) -> Option<u64> {
        let flow = self.store.get(at).filter(|flow| !flow.has_ended())?;
        let deadline = self.full_window(flow, time)?;
        let last = flow.last();
        let lively = last < deadline && deadline - last < SECOND;
        Some(if lively { deadline } else { time })
    }
}

impl Seen<'_> {
    #[inline]
    fn count_into(&self, flow: &mut Flow, timeouts: &Timeouts) {
        let (entry, packet, event) = (&mut flow.entry, self.packet, &self.event);
        let before = entry.state;
        account(entry, packet, event, timeouts);
        if packet.protocol == protocol::TCP && is_remarkable(entry, packet, event.way, before) {
            account_tcp_times(entry, packet, event, before);
        }
        if self.envelope.present != 0 {
            flow.wrapped.get_or_insert_default().count(self.envelope, &self.event);
        }
    }
}

#[cfg(test)]
mod tests {
    use flowtrace_wire::{protocol, tcp};

    use super::*;
    use crate::Settings;

    #[test]
    fn timers_are_bounded_where_time_stands_still() {
        let mut table = Table::new(Settings::default());
        let mut records = Vec::new();
        for sequence in 0..50_000 {
            let tcp_flags = if sequence % 2 == 0 { tcp::SYN } else { tcp::RST };
            let packet =
                Packet { protocol: protocol::TCP, has_transport: true, tcp_flags, sequence, ..Packet::default() };
            table.packet(1, &packet, 0, &mut records);
            assert!(table.timers.0.len() < 2000);
        }
        assert_eq!(records.len(), 24_999);
        table.poll(u64::MAX, &mut records);
        assert!(table.timers.0.is_empty() && table.open() == 0);
    }
}
