//! File mode: packet by packet. The time of a packet is the clock, so records do not depend on when anybody looks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use flowtrace_abi::{Event, FlowEntry, FlowKey, Way, account, admits, state};
use flowtrace_wire::Packet;

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

impl Table {
    /// Counts one packet, seen at `time` (nanoseconds since the Unix epoch) at the file's interface `interface`.
    /// Before that, flows that are over by then are closed.
    pub fn packet(&mut self, time: u64, packet: &Packet, interface: u32, records: &mut Vec<Record>) {
        self.poll(time, records);
        let (key, way) = FlowKey::of(packet);
        let event = Event {
            way,
            packets: 1,
            bytes: u64::from(packet.ip_length),
            time,
            point: (interface.saturating_add(1)) << 1,
            epoch: EPOCH,
        };
        match self.store.find(&key) {
            Some(at) => self.packet_of(at, key, packet, event, records),
            None => self.first_packet(key, packet, event),
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
            let deadline = flow.deadline(&timeouts);
            if deadline > time {
                flow.armed = deadline;
                self.timers.set(deadline, at, &self.store);
            } else {
                self.close(at, records);
            }
        }
    }

    fn first_packet(&mut self, key: FlowKey, packet: &Packet, event: Event) {
        let mut entry = FlowEntry { first: event.time, ..FlowEntry::default() };
        if event.way == Way::Down {
            entry.state |= state::OPENED_DOWN;
        }
        account(&mut entry, packet, &event);
        let mut flow = Flow::new(key, entry, 0);
        let deadline = flow.deadline(&self.settings.timeouts);
        flow.armed = deadline;
        let at = self.begin(flow);
        self.timers.set(deadline, at, &self.store);
    }

    fn packet_of(&mut self, at: u32, key: FlowKey, packet: &Packet, mut event: Event, records: &mut Vec<Record>) {
        let timeouts = self.settings.timeouts;
        let Some(flow) = self.store.get_mut(at) else { return };
        event.time = event.time.max(flow.last());
        if !admits(&flow.entry, packet, event.time, &timeouts) {
            self.close(at, records);
            self.first_packet(key, packet, event);
            return;
        }
        if let Some(end) = cut_at(flow, event.time, self.settings.active) {
            self.cut(at, end, records);
        }
        let Some(flow) = self.store.get_mut(at) else { return };
        account(&mut flow.entry, packet, &event);
        let deadline = flow.deadline(&timeouts);
        if deadline < flow.armed {
            flow.armed = deadline;
            self.timers.set(deadline, at, &self.store);
        }
    }
}

/// Where the window has to be cut before a packet at `time` is counted. At the deadline, if there was traffic within
/// the second before it; a flow that was silent there is cut when the packet comes. So no window is empty.
fn cut_at(flow: &Flow, time: u64, active: u64) -> Option<u64> {
    let deadline = flow.window.saturating_add(active);
    if time < deadline || flow.has_ended() {
        return None;
    }
    let last = flow.last();
    let lively = last < deadline && deadline - last < SECOND;
    Some(if lively { deadline } else { time })
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
