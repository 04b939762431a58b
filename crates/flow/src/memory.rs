//! The memory that lets a flow that comes back keep its trace, and no span id come twice. Bounded in number.

use std::collections::VecDeque;
use std::hash::Hash;

use flowtrace_abi::FlowKey;
use hashbrown::HashMap;

use crate::TraceId;
use crate::identity::{Identity, Mark};
use crate::orientation::Orientation;

/// What is remembered of flows that were named.
#[derive(Debug)]
pub struct Identities {
    /// How many flows of a trace were begun.
    begun: Recent<TraceId, u32>,
    /// Flows that ended by silence and may go on.
    silent: Recent<FlowKey, Silent>,
    window: u64,
}

#[derive(Clone, Copy, Debug)]
struct Silent {
    trace_id: TraceId,
    orientation: Orientation,
    until: u64,
}

impl Identities {
    /// A memory of `capacity` flows; one that fell silent may go on for `window` nanoseconds.
    pub fn new(capacity: usize, window: u64) -> Self {
        Self { begun: Recent::new(capacity), silent: Recent::new(capacity), window }
    }

    /// The identity of a flow that is named now, and the orientation it takes over from the flow it continues. Counts
    /// it. `computed` is the trace id by its own packets, the first of which was seen at `first` (nanoseconds since
    /// the Unix epoch); a flow without a handshake continues one that fell silent.
    pub fn identify(
        &mut self,
        key: &FlowKey,
        mark: Mark,
        computed: TraceId,
        first: u64,
    ) -> (Identity, Option<Orientation>) {
        let silent = self.silent.get(&key.with_generation(0)).filter(|silent| first < silent.until);
        let continued = silent.filter(|silent| matches!(mark, Mark::Bucket(_)) || silent.trace_id == computed);
        let trace_id = continued.map_or(computed, |silent| silent.trace_id);
        let orientation = continued.map(|silent| silent.orientation);
        let generation = self.begun.get(&trace_id).copied().unwrap_or(0);
        self.begun.put(trace_id, generation.saturating_add(1));
        (Identity { trace_id, generation }, orientation)
    }

    /// Remembers a flow that ended by silence at `last` (nanoseconds since the Unix epoch).
    pub fn silent(&mut self, key: &FlowKey, trace_id: TraceId, orientation: Orientation, last: u64) {
        let until = last.saturating_add(self.window);
        self.silent.put(key.with_generation(0), Silent { trace_id, orientation, until });
    }

    /// Forgets what fell silent on the ends of a connection that was closed: it will not go on.
    pub fn closed(&mut self, key: &FlowKey) {
        self.silent.remove(&key.with_generation(0));
    }
}

/// The entries of a map that were put last.
#[derive(Debug)]
struct Recent<K, V> {
    entries: HashMap<K, (V, u64), foldhash::fast::RandomState>,
    /// Keys in the order in which they were put, with the number of the putting.
    order: VecDeque<(K, u64)>,
    puttings: u64,
    capacity: usize,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    fn new(capacity: usize) -> Self {
        Self { entries: HashMap::default(), order: VecDeque::new(), puttings: 0, capacity }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// Adds or replaces an entry; the oldest goes where there is no room. The order has room for as many entries that
    /// were put again or removed.
    fn put(&mut self, key: K, value: V) {
        self.puttings += 1;
        self.entries.insert(key, (value, self.puttings));
        self.order.push_back((key, self.puttings));
        while self.entries.len() > self.capacity || self.order.len() > self.capacity.saturating_mul(2) {
            let Some((oldest, number)) = self.order.pop_front() else { return };
            if self.entries.get(&oldest).is_some_and(|&(_, latest)| latest == number) {
                self.entries.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flowtrace_abi::Way;

    use super::*;
    use crate::Direction;

    const ORIENTATION: Orientation =
        Orientation { forward: Way::Up, initiator: Some(Way::Up), direction: Direction::Forward };
    const OLD: TraceId = [1; 16];
    const NEW: TraceId = [2; 16];

    fn key(port: u16) -> FlowKey {
        FlowKey { low_port: port, ..FlowKey::default() }
    }

    /// A memory in which the flow of port 1 fell silent at 100; it may go on for 1000.
    fn after_silence() -> Identities {
        let mut memory = Identities::new(10, 1000);
        let (identity, _) = memory.identify(&key(1), Mark::Bucket(0), OLD, 50);
        assert_eq!(identity, Identity { trace_id: OLD, generation: 0 });
        memory.silent(&key(1), OLD, ORIENTATION, 100);
        memory
    }

    #[test]
    fn what_continues_what() {
        let closed = |mut memory: Identities| {
            memory.closed(&key(1));
            memory
        };
        let table = [
            ("a packet", after_silence(), key(1), Mark::Bucket(9), NEW, 1099, OLD, 1, true),
            ("another generation", after_silence(), key(1).with_generation(3), Mark::Bucket(9), NEW, 500, OLD, 1, true),
            ("too late", after_silence(), key(1), Mark::Bucket(9), NEW, 1100, NEW, 0, false),
            ("other ends", after_silence(), key(2), Mark::Bucket(9), NEW, 500, NEW, 0, false),
            ("the same handshake", after_silence(), key(1), Mark::Sequence(5), OLD, 500, OLD, 1, true),
            ("another handshake", after_silence(), key(1), Mark::Sequence(5), NEW, 500, NEW, 0, false),
            ("after an end", closed(after_silence()), key(1), Mark::Bucket(9), NEW, 500, NEW, 0, false),
            ("the same bucket", closed(after_silence()), key(1), Mark::Bucket(0), OLD, 500, OLD, 1, false),
        ];
        for (name, mut memory, key, mark, computed, first, trace_id, generation, continues) in table {
            let (identity, orientation) = memory.identify(&key, mark, computed, first);
            assert_eq!(identity, Identity { trace_id, generation }, "{name}");
            assert_eq!(orientation, continues.then_some(ORIENTATION), "{name}");
        }
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_the_latest() {
        for capacity in [0, 1, 3] {
            let mut recent = Recent::new(capacity);
            for number in 0..100_u32 {
                recent.put(number, number);
                recent.put(number / 2, number);
                assert!(recent.entries.len() <= capacity && recent.order.len() <= 2 * capacity);
                assert_eq!(recent.get(&(number / 2)).is_some(), capacity > 0);
            }
        }
    }
}
