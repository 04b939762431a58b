//! A model of the kernel program and of the scans that read its map: entries by key, one chain of generations for each
//! pair of ends, as in the traffic-control program; readings at any time and in any order.

use std::collections::HashMap;

use flowtrace_abi::{
    Event, FlowEntry, FlowKey, Timeouts, Way, account, account_tcp_times, admits, is_observed, is_remarkable,
    overtakes, state,
};
use flowtrace_flow::{Clock, Record, Table, Verdict};
use flowtrace_wire::{Packet, protocol};

use crate::craft::{BEGIN, SECOND};

/// Where packets are observed, if nothing else is said.
pub const POINT: u32 = 4;
/// When the host booted.
pub const BOOT: u64 = BEGIN - 1_000_000 * SECOND;

pub struct Kernel {
    pub flows: HashMap<FlowKey, FlowEntry>,
    /// Keys in the order in which their entries were made.
    made: Vec<FlowKey>,
    /// What a scan has not read yet.
    pending: Vec<FlowKey>,
    timeouts: Timeouts,
    /// Flows that are silent for so long are over (as in `ScanState`).
    silence: u64,
    /// What the next scan sets it to.
    next_silence: u64,
    /// For how many entries the table is told that there is room.
    pub most: u64,
    /// A packet that a CPU is about to count, into which entry.
    slow: Option<(FlowKey, Packet, Event)>,
    epoch: u16,
    shuffle: u64,
}

impl Kernel {
    pub fn new(timeouts: Timeouts, shuffle: u64) -> Self {
        let (flows, made, pending) = (HashMap::new(), Vec::new(), Vec::new());
        let (silence, next_silence, most) = (u64::MAX, u64::MAX, u64::MAX);
        Self { flows, made, pending, timeouts, silence, next_silence, most, slow: None, epoch: 1, shuffle }
    }

    /// A packet passes at `time` (nanoseconds since the Unix epoch; the kernel counts since boot).
    pub fn packet(&mut self, time: u64, packet: &Packet) {
        self.packet_at(time, packet, POINT);
    }

    /// The same on a CPU that is held up between finding the entry and counting: [`catch_up`](Self::catch_up).
    pub fn slow_packet(&mut self, time: u64, packet: &Packet) {
        self.catch_up(u64::MAX);
        let (key, way) = FlowKey::of(packet);
        let bytes = u64::from(packet.ip_length);
        let event = Event { way, packets: 1, bytes, time: time - BOOT, point: POINT, epoch: self.epoch };
        let latest = self.flows.get(&key).map_or(0, |entry| entry.successor as u8);
        let is_on = |key: &FlowKey| self.flows.get(key).is_some_and(|entry| self.admits(entry, packet, event.time));
        match [key, key.with_generation(latest)].into_iter().find(is_on) {
            Some(key) => self.slow = Some((key, *packet, event)),
            None => self.packet(time, packet),
        }
    }

    /// The CPU that was held up counts if it was for less than a fifth of a second until `time`.
    pub fn catch_up(&mut self, time: u64) {
        let Some((key, packet, event)) =
            self.slow.filter(|(.., event)| time.saturating_sub(BOOT) >= event.time + SECOND / 5)
        else {
            return;
        };
        self.slow = None;
        let entry = self.flows.get_mut(&key).filter(|entry| entry.first <= event.time);
        count_into(entry.expect("an entry is not deleted while a CPU counts"), &packet, &event, &self.timeouts);
    }

    fn admits(&self, entry: &FlowEntry, packet: &Packet, time: u64) -> bool {
        admits(entry, packet, time, &self.timeouts, self.silence)
    }

    /// The same, at one of the points that it passes.
    pub fn packet_at(&mut self, time: u64, packet: &Packet, point: u32) {
        self.catch_up(u64::MAX);
        let (mut key, way) = FlowKey::of(packet);
        let bytes = u64::from(packet.ip_length);
        let event = Event { way, packets: 1, bytes, time: time - BOOT, point, epoch: self.epoch };
        if let Some(entry) = self.flows.get_mut(&key) {
            if admits(entry, packet, event.time, &self.timeouts, self.silence) {
                count_into(entry, packet, &event, &self.timeouts);
                return;
            }
            match self.follow(key, packet, &event) {
                0 => return,
                generation => key.generation = generation as u8,
            }
        }
        let mut entry = FlowEntry { first: event.time, ..FlowEntry::default() };
        count_into(&mut entry, packet, &event, &self.timeouts);
        entry.state |= if way == Way::Down { state::OPENED_DOWN } else { 0 };
        assert!(self.flows.insert(key, entry).is_none(), "the program never overwrites");
        self.made.push(key);
    }

    fn follow(&mut self, key: FlowKey, packet: &Packet, event: &Event) -> u32 {
        let Some(anchor) = self.flows.get_mut(&key) else { return 0 };
        let current = anchor.successor;
        if current == 0 {
            anchor.state |= state::SUPERSEDED;
            anchor.successor = 1;
            return 1;
        }
        let latest = key.with_generation(current as u8);
        let next = latest.next_generation();
        let is_taken = self.flows.contains_key(&next);
        match self.flows.get_mut(&latest) {
            Some(entry) if admits(entry, packet, event.time, &self.timeouts, self.silence) || is_taken => {
                count_into(entry, packet, event, &self.timeouts);
                return 0;
            }
            Some(entry) => entry.state |= state::SUPERSEDED,
            None if is_taken => return current,
            // A number of its own: who reads the anchor twice sees that it is in use.
            None => {}
        }
        if let Some(anchor) = self.flows.get_mut(&key) {
            anchor.successor = u32::from(next.generation);
        }
        u32::from(next.generation)
    }

    /// Reads up to `count` entries at `time`; a new scan begins where the last one is through. What was made since it
    /// began is left to the next one.
    pub fn read(&mut self, time: u64, count: usize, table: &mut Table, records: &mut Vec<Record>) {
        self.catch_up(time);
        if self.pending.is_empty() {
            self.silence = self.next_silence;
            self.epoch = self.epoch.wrapping_add(1);
            self.made.retain(|key| self.flows.contains_key(key));
            self.pending = self.made.clone();
            self.mix();
        }
        let now = Clock { boot: time - BOOT, wall: time };
        for _ in 0..count {
            let Some(key) = self.pending.pop() else { break };
            let Some(entry) = self.flows.get(&key) else { continue };
            if table.reading(now, key, entry, || None, records) == Verdict::Delete {
                self.flows.remove(&key);
                self.made.retain(|other| *other != key);
            }
        }
        if self.pending.is_empty() {
            self.next_silence = table.end_of_scan(now, self.most, records);
        }
    }

    /// One whole scan at one moment, after what was left of the one before.
    pub fn scan(&mut self, time: u64, table: &mut Table, records: &mut Vec<Record>) {
        if !self.pending.is_empty() {
            self.read(time, usize::MAX, table, records);
        }
        self.read(time, usize::MAX, table, records);
    }

    /// Another order for every scan (Fisher and Yates, with a linear congruential generator).
    fn mix(&mut self) {
        for at in (1..self.pending.len()).rev() {
            self.shuffle = self.shuffle.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.pending.swap(at, (self.shuffle >> 33) as usize % (at + 1));
        }
    }
}

fn count_into(entry: &mut FlowEntry, packet: &Packet, event: &Event, timeouts: &Timeouts) {
    if !is_observed(entry, event) && !overtakes(entry, event, packet.source_mac) {
        return;
    }
    let before = entry.state;
    account(entry, packet, event, timeouts);
    if packet.protocol == protocol::TCP && is_remarkable(entry, packet, event.way, before) {
        account_tcp_times(entry, packet, event, before);
    }
}
