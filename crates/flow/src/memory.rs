//! The memory that lets a flow that comes back keep its trace, and no span id come twice. Bounded in number.

use std::collections::BTreeSet;

use flowtrace_abi::FlowKey;

use crate::identity::{Identity, Mark};
use crate::orientation::{Orientation, ends};
use crate::recent::Recent;
use crate::{Host, TraceId};

/// How many connections the host is asked about from one scan to the next.
const ASKS: u32 = 1000;

/// What is remembered of flows that were named.
///
/// Each map has room for as many flows as are set. A TCP connection that fell silent and that a socket of this host still
/// has open stays in `open`, longer than the window and after newer ones have pushed it out of `silent`: there are as
/// many of these as this host has sockets, and at most as many as in the other maps; then the oldest go.
pub struct Identities {
    /// How many flows of a trace were begun.
    begun: Recent<TraceId, u32>,
    /// Flows that ended by silence and may go on.
    silent: Recent<FlowKey, Silent>,
    /// Of those, connections that are open.
    open: Recent<FlowKey, Silent>,
    /// The connections in both, by the end of their window.
    due: BTreeSet<(u64, FlowKey)>,
    window: u64,
    /// How often the host may still be asked.
    asks: u32,
}

/// A flow that ended by silence and may go on.
#[derive(Clone, Copy, Debug)]
pub struct Silent {
    /// Its trace.
    pub trace_id: TraceId,
    /// It holds for the flows that continue it.
    pub orientation: Orientation,
    /// Until when it may go on, in nanoseconds since the Unix epoch.
    pub until: u64,
    /// How many flows of the trace were begun.
    pub begun: u32,
    /// It is an established TCP connection of this host: it may be open for longer than the window.
    pub is_connection: bool,
}

impl Identities {
    /// A memory of `capacity` flows; one that fell silent may go on for `window` nanoseconds.
    pub fn new(capacity: usize, window: u64) -> Self {
        let (begun, silent, open) = (Recent::new(capacity), Recent::new(capacity), Recent::new(capacity));
        Self { begun, silent, open, due: BTreeSet::new(), window, asks: ASKS }
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
        let key = key.with_generation(0);
        let silent = self.silent.get(&key).or_else(|| self.open.get(&key));
        // A connection stays in the memory until it closes: see `keep_open`.
        let silent = silent.filter(|silent| first < silent.until || silent.is_connection);
        let continued = silent.filter(|silent| matches!(mark, Mark::Bucket(_)) || silent.trace_id == computed);
        let trace_id = continued.map_or(computed, |silent| silent.trace_id);
        let orientation = continued.map(|silent| silent.orientation);
        let remembered = continued.map_or(0, |silent| silent.begun);
        let generation = self.begun.get(&trace_id).copied().unwrap_or(0).max(remembered);
        self.begun.put(trace_id, generation.saturating_add(1));
        (Identity { trace_id, generation }, orientation)
    }

    /// Remembers a flow that ended by silence at `last` (nanoseconds since the Unix epoch).
    pub fn silent(
        &mut self,
        key: &FlowKey,
        trace_id: TraceId,
        orientation: Orientation,
        last: u64,
        is_connection: bool,
        host: &dyn Host,
    ) {
        self.closed(key);
        let key = key.with_generation(0);
        let begun = self.begun.get(&trace_id).copied().unwrap_or(0);
        let until = last.saturating_add(self.window);
        if is_connection {
            self.due.insert((until, key));
        }
        self.silent.add(key, Silent { trace_id, orientation, until, begun, is_connection });
        while let Some((key, silent)) = self.silent.overflow() {
            if silent.is_connection && self.is_open(&key, host) == Some(true) {
                self.open.add(key, silent);
            } else {
                self.due.remove(&(silent.until, key));
            }
        }
        while let Some((key, silent)) = self.open.overflow() {
            self.due.remove(&(silent.until, key));
        }
    }

    /// Forgets what fell silent on the ends of a connection that was closed: it will not go on.
    pub fn closed(&mut self, key: &FlowKey) {
        let key = key.with_generation(0);
        for silent in [self.silent.remove(&key), self.open.remove(&key)].into_iter().flatten() {
            self.due.remove(&(silent.until, key));
        }
    }

    /// Live, once a scan at `now` (nanoseconds since the Unix epoch): connections that have been silent for the window and
    /// are open on this host may go on for another one.
    pub fn keep_open(&mut self, now: u64, host: &dyn Host) {
        self.asks = ASKS;
        while let Some(&(until, key)) = self.due.first().filter(|(until, _)| *until <= now) {
            let Some(is_connection) = self.is_open(&key, host) else { return };
            self.due.remove(&(until, key));
            let until = if is_connection { now.saturating_add(self.window.max(1)) } else { until };
            let Some(silent) = self.silent.get_mut(&key).or_else(|| self.open.get_mut(&key)) else { continue };
            *silent = Silent { until, is_connection, ..*silent };
            if is_connection {
                self.due.insert((until, key));
            }
        }
    }

    /// Whether a socket of this host has the connection open, if it may be asked.
    fn is_open(&mut self, key: &FlowKey, host: &dyn Host) -> Option<bool> {
        self.asks = self.asks.checked_sub(1)?;
        Some(host.has_open(ends(key)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use flowtrace_abi::Way;

    use super::*;
    use crate::{Direction, Evidence, Socket};

    const ORIENTATION: Orientation = Orientation {
        forward: Way::Up,
        initiator: Some(Way::Up),
        evidence: Evidence::Ports,
        direction: Direction::Forward,
        is_within: false,
    };
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
        memory.silent(&key(1), OLD, ORIENTATION, 100, false, &());
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

    /// A host that has the connections of some ports open.
    struct Sockets {
        open: Cell<&'static [u16]>,
        asked: Cell<u32>,
    }

    impl Sockets {
        fn with(open: &'static [u16]) -> Self {
            Self { open: Cell::new(open), asked: Cell::new(0) }
        }
    }

    impl Host for Sockets {
        fn listens(&self, _: u8, _: Socket, _: u64, _: u64) -> bool {
            false
        }

        fn has_open(&self, [low, _]: [Socket; 2]) -> bool {
            self.asked.set(self.asked.get() + 1);
            self.open.get().contains(&low.1)
        }
    }

    fn connection(memory: &mut Identities, port: u16, last: u64, host: &Sockets) {
        let trace_id = [port as u8; 16];
        memory.identify(&key(port), Mark::Bucket(0), trace_id, last);
        memory.silent(&key(port), trace_id, ORIENTATION, last, true, host);
    }

    /// Trace and generation of a flow that comes back.
    fn again(memory: &mut Identities, port: u16, first: u64) -> (u8, u32) {
        let (identity, _) = memory.identify(&key(port), Mark::Bucket(9), [99; 16], first);
        (identity.trace_id[0], identity.generation)
    }

    #[test]
    fn a_connection_stays_until_it_closes_on_this_host() {
        let host = Sockets::with(&[1]);
        let mut memory = Identities::new(10, 1000);
        connection(&mut memory, 1, 100, &host);
        connection(&mut memory, 2, 100, &host);
        for now in (1000..10_000).step_by(100) {
            memory.keep_open(now, &host);
        }
        assert!(host.asked.get() < 12, "one is asked for once a window: {}", host.asked.get());
        assert_eq!(again(&mut memory, 2, 10_000), (99, 0));
        assert_eq!(again(&mut memory, 1, 10_000), (1, 1));
        host.open.set(&[]);
        memory.keep_open(11_100, &host);
        assert_eq!(again(&mut memory, 1, 11_100), (99, 1));
        assert_eq!(again(&mut memory, 1, 9_000), (1, 2), "one that began before is read only now");
    }

    #[test]
    fn it_stays_when_the_memory_is_full_and_its_spans_differ_all_the_same() {
        let host = Sockets::with(&[1, 2]);
        let mut memory = Identities::new(3, 1000);
        connection(&mut memory, 1, 0, &host);
        for port in 10..30 {
            connection(&mut memory, port, 0, &host);
        }
        assert_eq!(again(&mut memory, 1, 10), (1, 1));
        assert_eq!(again(&mut memory, 10, 10), (99, 0));
    }

    #[test]
    fn the_memory_of_open_connections_is_bounded_and_so_is_the_asking() {
        let host = Sockets::with(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let mut memory = Identities::new(3, 1000);
        for port in 1..10 {
            connection(&mut memory, port, 0, &host);
        }
        let kept: Vec<_> = (1..10).filter(|&port| again(&mut memory, port, 10).0 == port as u8).collect();
        assert_eq!(kept, [4, 5, 6, 7, 8, 9], "three that were pushed out, and three");
        let host = Sockets::with(&[]);
        for port in 0..5000 {
            connection(&mut memory, port, 0, &host);
        }
        assert_eq!(host.asked.get(), ASKS - 6, "until the next scan");
        memory.keep_open(5000, &host);
        assert_eq!(host.asked.get(), ASKS - 6 + 3);
        assert!(memory.due.is_empty());
    }
}
