//! The connections that are translated, and for a while those that were.
//!
//! Bounded: [`MOST`] that are there, and [`MOST_GONE`] that are gone.

use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;

use flowtrace_abi::FlowKey;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::{Connection, Side};

/// How many translated connections are held at most: the kernel's usual `nf_conntrack_max`.
pub const MOST: usize = 262_144;
/// How many are remembered that are gone. The oldest are forgotten first.
const MOST_GONE: usize = 65_536;
/// For how long they are remembered, in nanoseconds: a flow may be written up to its timeout after its last packet, and
/// connection tracking forgets UDP in half of that.
const MEMORY: u64 = 120 * SECOND;
/// A connection is told after its first packet was seen: by how much at most, in nanoseconds.
const SLACK: u64 = SECOND;
/// On how many sides a connection is looked for: it may be translated several times on its way through a host.
const MOST_SIDES: usize = 4;
/// Between how many connections of the same ends one is looked for.
const MOST_CANDIDATES: usize = 64;
const SECOND: u64 = 1_000_000_000;

/// One translated connection.
#[derive(Clone, Copy, Debug)]
struct Entry {
    connection: Connection,
    /// The network namespace in which it is tracked.
    netns: u64,
    /// When it was told, and when its end was; nanoseconds since boot. 0: it was there before; it is still there.
    since: u64,
    until: u64,
    /// The last list that it was in.
    round: u32,
}

impl Entry {
    fn is_gone(&self) -> bool {
        self.until != 0
    }

    /// How well it fits a flow whose packets were seen from `first` to `last`; less is better.
    fn fit(&self, first: u64, last: u64) -> Option<u64> {
        let began = self.since <= last.saturating_add(SLACK);
        let lasts = !self.is_gone() || self.until.saturating_add(SLACK) >= first;
        (began && lasts).then_some(self.since.abs_diff(first))
    }

    /// The kernel tells connections of one zone of one namespace apart by either tuple.
    fn place(&self) -> (u64, u16) {
        (self.netns, self.connection.zone)
    }

    fn sides(&self) -> (Side, Side) {
        (self.connection.original, self.connection.translated)
    }
}

/// Translated connections by either side.
#[derive(Default)]
pub struct Translations {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Each of them twice, by the key of either side: its place in `entries` times 2, plus 1 on the translated side.
    index: HashTable<u32>,
    hasher: RandomState,
    /// When they were gone, the first first.
    gone: VecDeque<(u64, u32)>,
    present: usize,
    /// How many of these lists alone have told.
    unheard: usize,
    round: u32,
    /// How many found no room.
    pub full: u64,
    /// How often several connections had what was looked for, in different namespaces or zones.
    pub unclear: u64,
}

impl Translations {
    /// How many are there.
    pub fn present(&self) -> usize {
        self.present
    }

    /// Whether there are connections that only a list has told: those that were there before somebody listened, whose end
    /// the kernel does not tell.
    pub fn has_unheard(&self) -> bool {
        self.unheard > 0
    }

    /// A connection has begun at `now`, or is there since then (0: since nobody knows when).
    pub fn begun(&mut self, netns: u64, connection: Connection, now: u64) {
        if !connection.is_translated() {
            return;
        }
        if let Some(at) = self.find(netns, &connection) {
            self.entries[at as usize].round = self.round;
            return;
        }
        if self.present >= MOST {
            self.full += 1;
            return;
        }
        let entry = Entry { connection, netns, since: now, until: 0, round: self.round };
        let at = match self.free.pop() {
            Some(at) => {
                self.entries[at as usize] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        self.present += 1;
        self.unheard += usize::from(now == 0);
        let (entries, hasher) = (&self.entries, &self.hasher);
        for slot in [at << 1, at << 1 | 1] {
            let hash = |slot| hasher.hash_one(key_of(entries, slot));
            self.index.insert_unique(hash(slot), slot, |&other| hash(other));
        }
    }

    /// A connection was gone at `now`.
    pub fn ended(&mut self, netns: u64, connection: &Connection, now: u64) {
        if connection.is_translated()
            && let Some(at) = self.find(netns, connection)
        {
            self.end(at, now);
        }
        self.forget(now);
    }

    /// What is in a list of a namespace is there; what was there before and is not in it is gone.
    pub fn listed(&mut self, netns: u64, connections: &[Connection], now: u64) {
        self.round = self.round.wrapping_add(1);
        for connection in connections {
            self.begun(netns, *connection, 0);
        }
        let is_missing =
            |entry: &Entry| entry.netns == netns && !entry.is_gone() && entry.round != self.round && entry.since < now;
        let missing: Vec<u32> =
            (0..self.entries.len() as u32).filter(|&at| is_missing(&self.entries[at as usize])).collect();
        missing.into_iter().for_each(|at| self.end(at, now));
        self.forget(now);
    }

    /// Namespaces that are not among these are gone, with all that was tracked in them.
    pub fn retain_namespaces(&mut self, present: &HashSet<u64>, now: u64) {
        let is_missing = |entry: &Entry| !entry.is_gone() && !present.contains(&entry.netns);
        let missing: Vec<u32> =
            (0..self.entries.len() as u32).filter(|&at| is_missing(&self.entries[at as usize])).collect();
        missing.into_iter().for_each(|at| self.end(at, now));
    }

    /// All sides of the connection that packets of this flow belong to, from its initiator's to its responder's, if it is
    /// translated. The flow is looked for by its ends alone; its packets were seen from `first` to `last`.
    pub fn sides(&mut self, key: &FlowKey, first: u64, last: u64) -> Option<Vec<Side>> {
        let key = FlowKey { generation: 0, scope: 0, tunnel_id: 0, ..*key };
        let above = self.beside(&key, first, last, |entry| (entry.sides().1, entry.sides().0));
        let below = self.beside(&key, first, last, |entry| entry.sides());
        let own = above.or(below)?.0;
        let mut sides = vec![own];
        let mut next = above;
        while let Some((_, side)) = next.filter(|(_, side)| sides.len() < MOST_SIDES && !sides.contains(side)) {
            sides.insert(0, side);
            next = self.beside(&side.0, first, last, |entry| (entry.sides().1, entry.sides().0));
        }
        let mut next = below;
        while let Some((_, side)) = next.filter(|(_, side)| sides.len() < MOST_SIDES && !sides.contains(side)) {
            sides.push(side);
            next = self.beside(&side.0, first, last, Entry::sides);
        }
        Some(sides)
    }

    /// The translation that has this key on one side: both its sides, this one first. The one that fits the times best,
    /// if that is one.
    fn beside(
        &mut self,
        key: &FlowKey,
        first: u64,
        last: u64,
        sides: fn(&Entry) -> (Side, Side),
    ) -> Option<(Side, Side)> {
        let entries = &self.entries;
        let found = self.index.iter_hash(self.hasher.hash_one(key)).map(|slot| &entries[(slot >> 1) as usize]);
        let fits = |entry: &&Entry| sides(entry).0.0 == *key;
        let candidates = found.filter(fits).take(MOST_CANDIDATES);
        let mut fitting: Vec<(u64, &Entry)> =
            candidates.filter_map(|entry| Some((entry.fit(first, last)?, entry))).collect();
        fitting.sort_unstable_by_key(|(fit, _)| *fit);
        let (_, best) = fitting.first()?;
        let is_other = |entry: &Entry| entry.place() != best.place() && entry.sides() != best.sides();
        if fitting.iter().any(|(_, entry)| is_other(entry)) {
            self.unclear += 1;
            return None;
        }
        Some(sides(best))
    }

    /// Where a connection is that is still there.
    fn find(&self, netns: u64, connection: &Connection) -> Option<u32> {
        let entries = &self.entries;
        let is_it = |slot: &&u32| {
            let entry = &entries[(**slot >> 1) as usize];
            entry.netns == netns && entry.connection == *connection && !entry.is_gone()
        };
        let found = self.index.iter_hash(self.hasher.hash_one(connection.original.0)).find(is_it);
        found.map(|slot| slot >> 1)
    }

    fn end(&mut self, at: u32, now: u64) {
        let entry = &mut self.entries[at as usize];
        entry.until = now.max(1);
        self.unheard -= usize::from(entry.since == 0);
        self.present -= 1;
        self.gone.push_back((now, at));
    }

    /// Forgets what was gone long ago, or is too much.
    fn forget(&mut self, now: u64) {
        while let Some(&(until, at)) = self.gone.front() {
            if self.gone.len() <= MOST_GONE && now < until.saturating_add(MEMORY) {
                return;
            }
            self.gone.pop_front();
            for slot in [at << 1, at << 1 | 1] {
                let hash = self.hasher.hash_one(key_of(&self.entries, slot));
                if let Ok(found) = self.index.find_entry(hash, |other| *other == slot) {
                    found.remove();
                }
            }
            self.free.push(at);
        }
    }
}

/// The key by which an entry is at a place of the index.
fn key_of(entries: &[Entry], slot: u32) -> FlowKey {
    let connection = &entries[(slot >> 1) as usize].connection;
    if slot & 1 == 0 { connection.original.0 } else { connection.translated.0 }
}

#[cfg(test)]
mod tests {
    use flowtrace_abi::Way;
    use flowtrace_wire::Address;

    use super::*;

    const NETNS: u64 = 1;

    fn side(port: u16) -> Side {
        let key = FlowKey {
            low: Address::from_v4([10, 0, 0, 1]),
            high: Address::from_v4([10, 0, 0, 2]),
            low_port: port,
            high_port: 80,
            protocol: 6,
            ip_version: 4,
            ..FlowKey::default()
        };
        (key, Way::Up)
    }

    fn connection(original: u16, translated: u16, id: u32) -> Connection {
        Connection { original: side(original), translated: side(translated), id, zone: 0 }
    }

    fn ports(found: Option<Vec<Side>>) -> Vec<u16> {
        found.into_iter().flatten().map(|(key, _)| key.low_port).collect()
    }

    /// The ports on all sides of the connection with a port, at a time.
    fn sides(all: &mut Translations, port: u16, at: u64) -> Vec<u16> {
        ports(all.sides(&side(port).0, at * SECOND, at * SECOND))
    }

    #[test]
    fn both_sides_lead_to_both() {
        let mut all = Translations::default();
        all.begun(NETNS, connection(1, 2, 7), 10 * SECOND);
        all.begun(NETNS, connection(3, 3, 8), 10 * SECOND);
        assert_eq!([sides(&mut all, 1, 11), sides(&mut all, 2, 11)], [[1, 2], [1, 2]]);
        assert_eq!(sides(&mut all, 3, 11), [0; 0], "it is not translated");
        assert_eq!(sides(&mut all, 1, 8), [0; 0], "it was not there");
        let other = FlowKey { generation: 3, scope: 5, tunnel_id: 9, ..side(2).0 };
        assert_eq!(ports(all.sides(&other, 11 * SECOND, 11 * SECOND)), [1, 2]);
    }

    #[test]
    fn several_translations_are_one_way_through() {
        let mut all = Translations::default();
        all.begun(NETNS, connection(1, 2, 1), 0);
        all.begun(2, connection(2, 3, 2), 0);
        for port in 1..=3 {
            assert_eq!(sides(&mut all, port, 1), [1, 2, 3], "{port}");
        }
        // Around in a circle.
        all.begun(3, connection(3, 1, 3), 0);
        assert!(sides(&mut all, 1, 1).len() <= MOST_SIDES);
    }

    #[test]
    fn ports_are_used_again() {
        let mut all = Translations::default();
        all.begun(NETNS, connection(1, 2, 7), 10 * SECOND);
        all.ended(NETNS, &connection(1, 2, 6), 12 * SECOND);
        assert_eq!(sides(&mut all, 1, 30), [1, 2], "that was another one");
        all.ended(NETNS, &connection(1, 2, 7), 40 * SECOND);
        all.begun(NETNS, connection(1, 3, 9), 40 * SECOND);
        for (at, expected) in [(10, [1, 2]), (24, [1, 2]), (40, [1, 3]), (60, [1, 3])] {
            assert_eq!(sides(&mut all, 1, at), expected, "{at}");
        }
        assert_eq!((all.present(), sides(&mut all, 2, 40)), (1, vec![1, 2]));
        all.ended(NETNS, &connection(1, 2, 7), 161 * SECOND);
        assert_eq!(sides(&mut all, 2, 40), [0; 0], "long ago");
    }

    #[test]
    fn what_is_at_several_places_is_unclear() {
        let mut all = Translations::default();
        all.begun(NETNS, connection(1, 2, 7), 0);
        all.begun(2, connection(1, 2, 8), 0);
        assert_eq!(sides(&mut all, 1, 5), [1, 2], "the same at both");
        all.begun(3, connection(1, 3, 9), 0);
        assert_eq!((sides(&mut all, 1, 5), all.unclear), (vec![], 1));
        assert_eq!(sides(&mut all, 3, 5), [1, 3]);
        let zoned = Connection { zone: 4, ..connection(5, 6, 1) };
        all.begun(NETNS, zoned, 0);
        all.begun(NETNS, connection(5, 7, 2), 0);
        assert_eq!(sides(&mut all, 5, 5), [0; 0]);
    }

    #[test]
    fn lists_tell_what_was_missed() {
        let mut all = Translations::default();
        all.begun(NETNS, connection(1, 2, 7), 10 * SECOND);
        all.begun(NETNS, connection(3, 4, 8), 10 * SECOND);
        all.begun(2, connection(5, 6, 9), 10 * SECOND);
        // One has begun while the list was made.
        all.begun(NETNS, connection(9, 10, 11), 21 * SECOND);
        all.listed(NETNS, &[connection(3, 4, 8), connection(7, 8, 10)], 20 * SECOND);
        assert_eq!((all.present(), all.unheard), (4, 1));
        assert_eq!([1, 3, 5, 7, 9].map(|port| sides(&mut all, port, 30).len()), [0, 2, 2, 2, 2]);
        all.retain_namespaces(&HashSet::from([NETNS]), 40 * SECOND);
        assert_eq!((all.present(), sides(&mut all, 5, 60).len()), (3, 0));
        all.listed(NETNS, &[], 50 * SECOND);
        assert_eq!((all.present(), all.has_unheard()), (0, false));
    }

    #[test]
    fn it_is_bounded() {
        let mut all = Translations::default();
        let numbered = |number: u32| {
            let with = |port| {
                let (key, way) = side(port);
                (FlowKey { low: Address::from_v4(number.to_be_bytes()), ..key }, way)
            };
            Connection { original: with(1), translated: with(2), id: 0, zone: 0 }
        };
        for number in 0..MOST as u32 + 5 {
            all.begun(NETNS, numbered(number), 10 * SECOND);
        }
        assert_eq!((all.present(), all.full), (MOST, 5));
        for number in 0..MOST as u32 {
            all.ended(NETNS, &numbered(number), 11 * SECOND);
        }
        assert_eq!((all.present(), all.gone.len(), all.index.len()), (0, MOST_GONE, 2 * MOST_GONE));
        for number in 0..MOST as u32 {
            all.begun(NETNS, numbered(number), 12 * SECOND);
        }
        assert_eq!(all.entries.len(), MOST + MOST_GONE);
    }
}
