//! A translated connection: the kernel has an entry for each side of the translation, which all are one flow.
//!
//! The flow has the key of its initiator's side. Of each way the entry of one side is taken ([`Course`]); what is known of
//! both ways together (TCP's state and times) is that of the first side that has seen both.

mod course;
mod turned;

use flowtrace_abi::{FlowEntry, FlowKey, Way, state};

pub use self::course::Course;
use self::turned::turned;
use crate::Translated;
use crate::flow::{APART, Count, endpoint};
use crate::nat::Side;
use crate::wrapped::Wrapped;

/// Of how many entries of the kernel a flow is joined at most.
const MOST_PARTS: usize = 16;

/// What a joined flow has beside what every flow has.
pub struct Joined {
    /// How its packets look, from the initiator's side to the responder's; two at least.
    sides: Vec<Side>,
    /// The key that makes its trace id.
    pub wire: FlowKey,
    parts: Vec<Part>,
    courses: [Course; 2],
    /// The part of which the state and the times are.
    main: u32,
    next: u32,
    /// How many scans have ended since its last entry was gone.
    pub over: u8,
}

/// One entry of the kernel.
struct Part {
    id: u32,
    /// Where its flow is in the table, while that is open.
    at: Option<u32>,
    /// On which side it is.
    side: usize,
    /// Its ends are in the other order than those of the flow.
    is_turned: bool,
    /// As it was read last, in the order of the flow.
    entry: FlowEntry,
    /// What lay around its packets, when it is gone.
    wrapped: Option<Box<Wrapped>>,
}

impl Part {
    fn has_both(&self) -> bool {
        self.entry.ways.iter().all(|tally| tally.packets > 0)
    }
}

impl Joined {
    /// A flow of these sides, without any entry yet.
    pub fn new(sides: Vec<Side>, wire: FlowKey) -> Self {
        let (parts, courses) = (Vec::new(), Default::default());
        Self { sides, wire, parts, courses, main: 0, next: 0, over: 0 }
    }

    /// On which side the flow of a key is.
    pub fn side_of(sides: &[Side], key: &FlowKey) -> Option<usize> {
        sides.iter().position(|(side, _)| *side == plain(key))
    }

    /// The side of the initiator.
    pub fn first(&self) -> Side {
        self.sides[0]
    }

    /// The side of the responder.
    pub fn last(&self) -> Side {
        self.sides.last().copied().unwrap_or(self.sides[0])
    }

    /// How its packets look at the responder, from the flow's source if its packets go this way.
    pub fn nat(&self, forward: Way) -> Translated {
        let ((_, initiators), (key, way)) = (self.first(), self.last());
        let forward = if forward == initiators { way } else { way.back() };
        Translated { source: endpoint(&key, forward), destination: endpoint(&key, forward.back()) }
    }

    /// Whether there is room for another entry.
    pub fn has_room(&self) -> bool {
        self.parts.len() < MOST_PARTS
    }

    /// Whether it has an entry that began at this time, as near as makes no difference.
    pub fn has_begun_at(&self, first: u64) -> bool {
        self.parts.iter().any(|part| part.entry.first.abs_diff(first) <= APART)
    }

    /// Where the flows of its entries are in the table: those that are open.
    pub fn open(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().filter_map(|part| part.at)
    }

    /// Adds the entry of a flow that is at `at` in the table. What it had counted before counts too, unless it is in
    /// `base`. The sides are what is known now.
    pub fn add(&mut self, at: u32, key: &FlowKey, sides: Vec<Side>, entry: &FlowEntry, base: Option<[Count; 2]>) {
        let Some(side) = Self::side_of(&sides, key) else { return };
        let first = entry.first;
        let is_level = base.is_some() || self.parts.is_empty() || self.has_begun_at(first);
        self.sides = sides;
        let is_turned = self.sides[side].1 != self.sides[0].1;
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        for way in [Way::Up, Way::Down] {
            let base = base.map_or(Count::default(), |base| base[self.of_part(is_turned, way)]);
            self.courses[way.index()].add(id, first, base, is_level);
        }
        let entry = if is_turned { turned(entry) } else { *entry };
        self.parts.push(Part { id, at: Some(at), side, is_turned, entry, wrapped: None });
    }

    /// In which place of an entry a way of the flow is.
    const fn of_part(&self, is_turned: bool, way: Way) -> usize {
        if is_turned { way.back().index() } else { way.index() }
    }

    /// Takes over a reading of an entry, made at `read`. `is_new`: no record of the flow has been made; then the
    /// initiator's side may become the point, where it was read after others.
    pub fn read(&mut self, at: u32, entry: &FlowEntry, read: u64, is_new: bool) {
        let Some(part) = self.parts.iter_mut().find(|part| part.at == Some(at)) else { return };
        part.entry = if part.is_turned { turned(entry) } else { *entry };
        let id = part.id;
        for way in 0..2 {
            self.courses[way].read(id, &part.entry.ways[way], read);
        }
        if is_new {
            self.choose();
        }
        self.keep_main();
    }

    /// The first side that has seen a way is its point, and the first that has seen both the main one.
    fn choose(&mut self) {
        self.parts.sort_by_key(|part| part.side);
        for way in 0..2 {
            if let Some(part) = self.parts.iter().find(|part| part.entry.ways[way].packets > 0) {
                self.courses[way].prefer(part.id);
            }
        }
        let main = self.parts.iter().find(|part| part.has_both()).or(self.parts.first());
        self.main = main.map_or(0, |part| part.id);
    }

    /// The main part is one of which at least one way is counted.
    fn keep_main(&mut self) {
        let points = [self.courses[0].point(), self.courses[1].point()];
        if !points.contains(&self.main) {
            self.main = points[self.first().1.index()];
        }
    }

    /// Whether an entry is the point of a way.
    pub fn counts(&self, at: u32) -> bool {
        let points = [self.courses[0].point(), self.courses[1].point()];
        self.parts.iter().any(|part| part.at == Some(at) && points.contains(&part.id))
    }

    /// An entry is gone; what was read of it last is final.
    pub fn leave(&mut self, at: u32, wrapped: Option<Box<Wrapped>>) {
        let Some(part) = self.parts.iter_mut().find(|part| part.at == Some(at)) else { return };
        (part.at, part.wrapped) = (None, wrapped);
        let id = part.id;
        self.courses.iter_mut().for_each(|course| course.finish_one(id));
        self.keep_main();
        self.prune();
    }

    /// Forgets entries that are gone and of which nothing is taken, but one of the flow's last moments.
    fn prune(&mut self) {
        let needed = [self.courses[0].point(), self.courses[1].point(), self.main];
        let has_open = self.parts.iter().any(|part| part.at.is_some());
        let stays = |part: &Part| !has_open || part.at.is_some() || part.wrapped.is_some() || needed.contains(&part.id);
        let gone: Vec<u32> = self.parts.iter().filter(|part| !stays(part)).map(|part| part.id).collect();
        self.parts.retain(|part| !gone.contains(&part.id));
        gone.into_iter().for_each(|id| self.courses.iter_mut().for_each(|course| course.remove(id)));
    }

    /// No more is read of any of them.
    pub fn finish(&mut self) {
        self.courses.iter_mut().for_each(Course::finish);
        self.keep_main();
    }

    /// The one entry that all of them make.
    pub fn entry(&self) -> FlowEntry {
        let mut entry = self.part(self.main).map_or_else(FlowEntry::default, |part| part.entry);
        entry.state &= !(state::SUPERSEDED | state::ENVELOPED);
        (entry.successor, entry.rivals) = (0, Default::default());
        entry.first = self.parts.iter().map(|part| part.entry.first).min().unwrap_or_default();
        for way in [Way::Up, Way::Down] {
            let (course, way_of) = (&self.courses[way.index()], way.index());
            entry.ways[way_of] = course.total();
            let Some(Part { entry: point, .. }) = self.part(course.point()) else { continue };
            entry.points[way_of] = point.points[way_of];
            entry.macs[way_of] = point.macs[way_of];
            entry.headers[way_of] = point.headers[way_of];
            entry.epochs[way_of] = point.epochs[way_of];
            let own = state::flags(way, 0xff);
            entry.state = entry.state & !own | point.state & own;
        }
        entry
    }

    fn part(&self, id: u32) -> Option<&Part> {
        self.parts.iter().find(|part| part.id == id)
    }

    /// What lies around the packets on any side: where the entry's flow is in the table while that is open, else what was
    /// known of it; and whether its ways are the other ones.
    pub fn wrapped(&self) -> impl Iterator<Item = (Option<u32>, Option<&Wrapped>, bool)> {
        self.parts.iter().map(|part| (part.at, part.wrapped.as_deref(), part.is_turned))
    }

    /// Begins the next window of what lay around packets of entries that are gone.
    pub fn next_window(&mut self) {
        self.parts.iter_mut().filter_map(|part| part.wrapped.as_mut()).for_each(|wrapped| wrapped.next_window(false));
    }
}

/// A key's ends alone.
pub fn plain(key: &FlowKey) -> FlowKey {
    FlowKey { generation: 0, scope: 0, tunnel_id: 0, ..*key }
}
