//! Live: flows of the kernel that are one connection, because this host translates its addresses.
//!
//! The table asks for a flow's translation when its entry is first read, once more when it is read again, and last before
//! a record is made of it: the kernel tells a translation some moments after the first packet. A flow that is part of
//! another makes no records; its readings are that one's. The joined flow is over when all its parts are.

use flowtrace_abi::{FlowKey, Way, state};

use crate::flow::{Count, Flow};
use crate::identity::Ends;
use crate::joined::{Joined, plain};
use crate::nat::Side;
use crate::orientation::ends;
use crate::{EndReason, Nat, Record, Table};

/// Bit of a key's scope: the flow is a joined one, which no entry of the kernel has.
const JOINED: u32 = 1 << 30;
/// How many joined flows of the same ends are open at most. They follow one another.
const MOST_AT_ONCE: usize = 64;
/// At how many readings of an entry its translation is asked for, whatever comes of it.
const ASKED: u8 = 2;
/// How many scans a joined flow outlives its last entry: by then all entries have been read.
const OUTLIVES: u8 = 2;

/// How many translated connections were joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Joins {
    /// All.
    pub joined: u64,
    /// Those whose translation was told after records had been made of their sides apart.
    pub late: u64,
    /// Flows that stayed apart because there was no room to join them.
    pub apart: u64,
}

impl Table {
    /// Who knows which connections this host translates.
    pub fn set_nat(&mut self, nat: Box<dyn Nat>) {
        self.nat = nat;
    }

    /// How many translated connections were joined so far.
    pub fn joins(&self) -> Joins {
        self.joins
    }

    /// What makes the flow's trace id.
    pub(crate) fn trace_ends(&self, flow: &Flow) -> Ends {
        Ends::of(flow.joined.as_ref().map_or(&flow.key, |joined| &joined.wire), self.settings.key_parts)
    }

    /// Where the joined flow is that a flow is part of.
    pub(crate) fn whole_of(&self, at: u32) -> Option<u32> {
        self.store.get(at)?.part_of
    }

    /// At the first readings of a flow's entry.
    pub(crate) fn join_new(&mut self, at: u32, records: &mut Vec<Record>) {
        if self.store.get(at).is_some_and(|flow| flow.readings <= ASKED) {
            self.join(at, records);
        }
    }

    /// Makes a flow part of the joined one if its packets are translated. Before a record is made of it.
    pub(crate) fn join(&mut self, at: u32, records: &mut Vec<Record>) {
        let Some(flow) = self.store.get(at).filter(|flow| flow.part_of.is_none() && flow.joined.is_none()) else {
            return;
        };
        let (key, is_late) = (flow.key, flow.named.is_some());
        let Some(sides) = self.nat.sides(&key, flow.entry.first, flow.last()) else { return };
        if sides.len() < 2 || Joined::side_of(&sides, &key).is_none() {
            return;
        }
        if let Some(whole) = self.find_whole(&key, &sides, flow) {
            self.add_part(whole, at, sides, is_late, records);
            return;
        }
        let others: Vec<u32> = self.on_other_sides(&key, &sides, at);
        let is_named = |at: &u32| self.store.get(*at).is_some_and(|flow| flow.named.is_some());
        let is_late = is_late || others.iter().any(is_named);
        let Some(whole) = self.begin_whole(at, &sides, is_late) else {
            self.joins.apart += 1;
            return;
        };
        for at in [at].into_iter().chain(others) {
            self.add_part(whole, at, sides.clone(), is_late, records);
        }
    }

    /// The open joined flow that a flow belongs to.
    fn find_whole(&self, key: &FlowKey, sides: &[Side], flow: &Flow) -> Option<u32> {
        let open = self.wholes.get(&whole_key(key, sides))?;
        open.iter().copied().find(|&whole| self.belongs(flow, whole))
    }

    /// Whether a flow is of the same connection as a joined one of the same ends: by the initiator's sequence number; else
    /// they began together, or each before the other was over.
    fn belongs(&self, flow: &Flow, whole: u32) -> bool {
        let Some(whole) = self.store.get(whole) else { return false };
        let Some(joined) = whole.joined.as_ref().filter(|joined| joined.has_room()) else { return false };
        if flow.entry.state & whole.entry.state & state::SEQUENCE_KNOWN != 0 {
            return flow.entry.sequence == whole.entry.sequence;
        }
        let timeouts = &self.settings.timeouts;
        joined.has_begun_at(flow.entry.first)
            || flow.entry.first < whole.deadline(timeouts, u64::MAX)
                && whole.entry.first < flow.deadline(timeouts, u64::MAX)
    }

    /// Open flows with the same VLAN and tunnel on the connection's other sides: of each the first and the latest.
    fn on_other_sides(&self, key: &FlowKey, sides: &[Side], own: u32) -> Vec<u32> {
        let Some(flow) = self.store.get(own) else { return Vec::new() };
        let on_side = |(side, _): &Side| {
            let first = FlowKey { scope: key.scope, tunnel_id: key.tunnel_id, ..*side };
            let anchor = self.anchors.get(&first).map(|missing| missing.successor);
            let entry = self.store.find(&first).and_then(|at| self.store.get(at)).map(|flow| flow.entry.successor);
            let latest = entry.or(anchor).map_or(0, |successor| successor as u8);
            let found = [Some(first), (latest != 0).then(|| first.with_generation(latest))];
            found.map(|key| key.and_then(|key| self.store.find(&key)))
        };
        let is_same = |at: &u32| {
            *at != own
                && self.store.get(*at).is_some_and(|other| {
                    let known = flow.entry.state & other.entry.state & state::SEQUENCE_KNOWN != 0;
                    other.part_of.is_none()
                        && (!known || flow.entry.sequence == other.entry.sequence)
                        && overlap(flow, other, self)
                })
        };
        sides.iter().flat_map(on_side).flatten().filter(is_same).collect()
    }

    /// Begins a joined flow, without any part.
    fn begin_whole(&mut self, at: u32, sides: &[Side], is_late: bool) -> Option<u32> {
        let flow = self.store.get(at)?;
        let (offset, read) = (flow.wall_offset, flow.read);
        let entry = flowtrace_abi::FlowEntry { first: flow.entry.first, ..Default::default() };
        let mut key = whole_key(&flow.key, sides);
        let wire = FlowKey { scope: flow.key.scope, tunnel_id: flow.key.tunnel_id, ..self.wire_side(sides) };
        let open = self.wholes.entry(key).or_default();
        if open.len() >= MOST_AT_ONCE {
            return None;
        }
        if let Some(latest) = open.last().and_then(|&at| self.store.get(at)) {
            key = latest.key.next_generation();
        }
        if self.store.find(&key).is_some() {
            return None;
        }
        let mut whole = Flow::new(key, entry, offset);
        whole.joined = Some(Box::new(Joined::new(sides.to_vec(), wire)));
        whole.read = read;
        if is_late {
            whole.window = read;
        }
        let at = self.begin(whole);
        self.wholes.entry(key.with_generation(0)).or_default().push(at);
        self.joins.joined += 1;
        self.joins.late += u64::from(is_late);
        Some(at)
    }

    /// The side on which packets are on the wire between this host and the other end's. Where neither end is here, both
    /// are: then that behind the translation, whose hosts are those that this one translates for. Where both are here,
    /// none is: then the initiator's.
    fn wire_side(&self, sides: &[Side]) -> FlowKey {
        let (Some(first), Some(last)) = (sides.first(), sides.last()) else { return FlowKey::default() };
        let is_local = |(address, _): (std::net::IpAddr, u16)| self.local.contains(&address);
        let from = is_local(end(first, false));
        let to = is_local(end(last, true));
        let is_answered_for = end(first, true) != end(last, true);
        let is_last = !to && (from || is_answered_for);
        if is_last { last.0 } else { first.0 }
    }

    /// Makes a flow part of a joined one. `is_late`: what it counted up to now is in records, or is in those of another
    /// side; then it makes its last one.
    fn add_part(&mut self, whole: u32, at: u32, sides: Vec<Side>, is_late: bool, records: &mut Vec<Record>) {
        if is_late {
            self.end_apart(at, records);
        }
        let Some(mut flow) = self.store.get_mut(at).map(std::mem::take) else { return };
        flow.part_of = Some(whole);
        self.parts += 1;
        if !is_late {
            self.begun = self.begun.saturating_sub(1);
        }
        self.unsettled.remove(&(self.trace_ends(&flow), flow.entry.first, flow.key));
        let base = is_late.then(|| flow.entry.ways.map(|tally| Count { packets: tally.packets, bytes: tally.bytes }));
        if let Some(joined) = self.store.get_mut(whole).and_then(|whole| whole.joined.as_mut()) {
            joined.add(at, &flow.key, sides, &flow.entry, base);
            joined.over = 0;
        }
        if let Some(place) = self.store.get_mut(at) {
            *place = flow;
        }
        self.read_part(at, records);
    }

    /// A flow of which there are records becomes part of another: its last record says what it counted until now.
    fn end_apart(&mut self, at: u32, records: &mut Vec<Record>) {
        self.settle_handshake(at);
        let Some(mut flow) = self.store.get_mut(at).map(std::mem::take) else { return };
        let has_packets = (0..2).any(|way| flow.entry.ways[way].packets > flow.base[way].packets);
        if flow.named.is_some() && has_packets {
            let end = flow.last().max(flow.window);
            self.write(&mut flow, end, EndReason::ForcedEnd, records);
        }
        flow.named = None;
        if let Some(place) = self.store.get_mut(at) {
            *place = flow;
        }
    }

    /// Takes over a reading of a part into the joined flow.
    pub(crate) fn read_part(&mut self, at: u32, records: &mut Vec<Record>) {
        let Some(part) = self.store.get(at) else { return };
        let (Some(whole), entry, read) = (part.part_of, part.entry, part.read) else { return };
        let (noted, wall) = (part.noted, part.wall_offset);
        let Some(flow) = self.store.get_mut(whole) else { return };
        let is_new = flow.named.is_none();
        let is_first = flow.noted == 0;
        let Some(joined) = flow.joined.as_mut() else { return };
        joined.read(at, &entry, read, is_new);
        if is_first {
            flow.noted = noted;
        }
        let now = if joined.counts(at) { read.max(flow.read) } else { flow.read };
        let entry = joined.entry();
        if is_new && entry.first < flow.window {
            flow.window = entry.first;
        }
        self.update(whole, crate::Clock { boot: now, wall: now.saturating_add_signed(wall) }, &entry, records);
        self.note_handshake(whole, false);
        if let Some(flow) = self.store.get_mut(whole) {
            flow.note_headers();
        }
    }

    /// A part is over: its counts stay with the joined flow. Whether it was one.
    pub(crate) fn leave(&mut self, at: u32, records: &mut Vec<Record>) -> bool {
        let Some(whole) = self.whole_of(at) else { return false };
        if let Some(part) = self.store.get_mut(at) {
            part.count_rivals();
        }
        self.read_part(at, records);
        let wrapped = self.store.remove(at).and_then(|part| part.wrapped);
        self.parts -= 1;
        let Some(flow) = self.store.get_mut(whole) else { return true };
        if let Some(joined) = flow.joined.as_mut() {
            joined.leave(at, wrapped);
            flow.entry = joined.entry();
            if joined.open().next().is_none() {
                self.over.push(whole);
            }
        }
        true
    }

    /// After a scan: joined flows that have no entry any more are written.
    pub(crate) fn close_wholes(&mut self, records: &mut Vec<Record>) {
        let mut over = std::mem::take(&mut self.over);
        over.sort_unstable();
        over.dedup();
        for at in over {
            let Some(flow) = self.store.get_mut(at) else { continue };
            let Some(joined) = flow.joined.as_mut().filter(|joined| joined.open().next().is_none()) else { continue };
            joined.over = joined.over.saturating_add(1);
            let is_due = joined.over >= OUTLIVES;
            flow.readings = u8::MAX;
            if is_due && !self.waits(at) {
                let reason = self.end_reason(at);
                self.close(at, reason, records);
            } else {
                self.over.push(at);
            }
        }
    }

    /// Before its last record is made, and when it is made.
    pub(crate) fn finish_whole(&mut self, at: u32, flow: &mut Flow) {
        let Some(joined) = flow.joined.as_mut() else { return };
        joined.finish();
        flow.entry = joined.entry();
        let key = flow.key.with_generation(0);
        if let Some(open) = self.wholes.get_mut(&key) {
            open.retain(|&other| other != at);
            if open.is_empty() {
                self.wholes.remove(&key);
            }
        }
    }

    /// Adds to a record of a joined flow what lies around its packets on any side.
    pub(crate) fn describe_parts(&self, flow: &Flow, forward: Way, record: &mut Record) {
        let Some(joined) = &flow.joined else { return };
        for (at, gone, is_turned) in joined.wrapped() {
            let open = at.and_then(|at| self.store.get(at)?.wrapped.as_deref());
            if let Some(wrapped) = open.or(gone) {
                wrapped.describe(if is_turned { forward.back() } else { forward }, record);
                return;
            }
        }
    }

    /// Begins the next window of what lies around the packets of a joined flow's parts.
    pub(crate) fn next_window_of_parts(&mut self, flow: &mut Flow) {
        let Some(joined) = &mut flow.joined else { return };
        joined.next_window();
        for at in joined.open() {
            if let Some(wrapped) = self.store.get_mut(at).and_then(|part| part.wrapped.as_mut()) {
                wrapped.next_window(false);
            }
        }
    }
}

/// Whether each of two flows began before the other was over.
fn overlap(one: &Flow, other: &Flow, table: &Table) -> bool {
    let timeouts = &table.settings.timeouts;
    one.entry.first < other.deadline(timeouts, u64::MAX) && other.entry.first < one.deadline(timeouts, u64::MAX)
}

/// The key of the first joined flow of a connection.
fn whole_key(key: &FlowKey, sides: &[Side]) -> FlowKey {
    let initiators = sides.first().map_or(plain(key), |(side, _)| *side);
    FlowKey { scope: key.scope | JOINED, tunnel_id: key.tunnel_id, ..initiators }
}

/// The initiator's end of a side, or the responder's.
pub(crate) fn end(side: &Side, is_responder: bool) -> (std::net::IpAddr, u16) {
    let (key, way) = side;
    let place = if is_responder { way.back().index() } else { way.index() };
    ends(key)[place]
}
