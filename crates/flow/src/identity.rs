//! Trace and span ids, and the memory that lets a flow that comes back keep its trace.
//!
//! Both ids are SipHash-2-4-128 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"); numbers are big-endian.

use std::collections::VecDeque;
use std::hash::Hasher;

use flowtrace_abi::{FlowKey, state};
use hashbrown::HashMap;
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::{SpanId, TraceId, orientation::Orientation};

/// Version of the derivation: the first byte that is hashed.
const VERSION: u8 = 1;
/// Tag of an initial sequence number.
const SEQUENCE: u8 = 1;
/// Tag of a time bucket.
const BUCKET: u8 = 2;

/// What a trace id is made of, beside the key: the protocol and the two ends in bytewise order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends([u8; 37]);

impl Ends {
    /// The ends of a flow. ICMP queries and replies have their identifier for a port; flows without ports have 0.
    pub fn of(key: &FlowKey) -> Self {
        let ported = key.has_ports() || key.icmp_query_way().is_some();
        let end = |octets: [u8; 16], port: u16| {
            let mut bytes = [0; 18];
            bytes[..16].copy_from_slice(&octets);
            bytes[16..].copy_from_slice(&if ported { port } else { 0 }.to_be_bytes());
            bytes
        };
        let mut ends = [end(key.low.octets(), key.low_port), end(key.high.octets(), key.high_port)];
        ends.sort_unstable();
        let mut bytes = [0; 37];
        bytes[0] = key.protocol;
        bytes[1..19].copy_from_slice(&ends[0]);
        bytes[19..].copy_from_slice(&ends[1]);
        Self(bytes)
    }
}

/// What tells one connection of the same ends from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The initiator's initial sequence number.
    Sequence(u32),
    /// Number of the time bucket of the first packet.
    Bucket(u64),
}

impl Mark {
    /// The mark of a flow whose first packet was seen at `first` (nanoseconds since the Unix epoch).
    pub fn of(flow_state: u32, sequence: u32, first: u64, window: u64) -> Self {
        if flow_state & state::SEQUENCE_KNOWN != 0 {
            Self::Sequence(sequence)
        } else {
            Self::Bucket(first / window.max(1))
        }
    }
}

/// The trace id of a connection.
pub fn trace_id(key: &[u8; 16], ends: &Ends, mark: Mark) -> TraceId {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(&[VERSION]);
    hasher.write(&ends.0);
    match mark {
        Mark::Sequence(sequence) => {
            hasher.write(&[SEQUENCE]);
            hasher.write(&sequence.to_be_bytes());
        }
        Mark::Bucket(bucket) => {
            hasher.write(&[BUCKET]);
            hasher.write(&bucket.to_be_bytes());
        }
    }
    hasher.finish128().as_bytes()
}

/// The span id of a record: `record` counts from 0 within the flow.
pub fn span_id(key: &[u8; 16], trace: &TraceId, observer: &str, generation: u32, record: u32) -> SpanId {
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(trace);
    hasher.write(observer.as_bytes());
    hasher.write(&generation.to_be_bytes());
    hasher.write(&record.to_be_bytes());
    let [a, b, c, d, e, f, g, h, ..] = hasher.finish128().as_bytes();
    [a, b, c, d, e, f, g, h]
}

/// Which flow of which trace it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The trace.
    pub trace_id: TraceId,
    /// How many flows of this trace were begun before.
    pub generation: u32,
}

/// Flows that ended, by their ends: bounded in number and in time.
#[derive(Debug)]
pub struct Identities {
    known: HashMap<Ends, Remembered, foldhash::fast::RandomState>,
    order: VecDeque<(u64, Ends)>,
    capacity: usize,
    window: u64,
}

#[derive(Clone, Copy, Debug)]
struct Remembered {
    trace_id: TraceId,
    generations: u32,
    until: u64,
    /// What was decided about its ends, where it ended by silence and may go on.
    resumable: Option<Orientation>,
}

impl Identities {
    /// A memory of `capacity` flows, each for `window` nanoseconds.
    pub fn new(capacity: usize, window: u64) -> Self {
        Self { known: HashMap::default(), order: VecDeque::new(), capacity, window }
    }

    /// The identity of a flow that is named now, and the orientation it takes over from the flow it continues.
    /// `computed` is the trace id by its own packets; a flow without a handshake continues one that fell silent.
    pub fn identify(&self, ends: &Ends, mark: Mark, computed: TraceId, now: u64) -> (Identity, Option<Orientation>) {
        let Some(known) = self.known.get(ends).filter(|known| now < known.until) else {
            return (Identity { trace_id: computed, generation: 0 }, None);
        };
        let continues = known.resumable.is_some() && matches!(mark, Mark::Bucket(_));
        if continues || known.trace_id == computed {
            let identity = Identity { trace_id: known.trace_id, generation: known.generations };
            return (identity, known.resumable);
        }
        (Identity { trace_id: computed, generation: 0 }, None)
    }

    /// Remembers a flow; `resumable` where it ended by silence.
    pub fn remember(&mut self, ends: Ends, identity: Identity, resumable: Option<Orientation>, now: u64) {
        if self.capacity == 0 {
            return;
        }
        self.forget(now);
        let until = now.saturating_add(self.window);
        let generations = identity.generation.saturating_add(1);
        self.known.insert(ends, Remembered { trace_id: identity.trace_id, generations, until, resumable });
        self.order.push_back((until, ends));
    }

    /// Drops what is out of date, and the oldest where there is no room.
    fn forget(&mut self, now: u64) {
        while let Some(&(until, ends)) = self.order.front() {
            if until > now && self.order.len() < self.capacity {
                break;
            }
            self.order.pop_front();
            if self.known.get(&ends).is_some_and(|known| known.until == until) {
                self.known.remove(&ends);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flowtrace_abi::Way;
    use flowtrace_wire::Address;

    use super::*;
    use crate::Direction;

    fn ends(port: u16) -> Ends {
        Ends::of(&FlowKey {
            low: Address::from_v4([10, 0, 0, 1]),
            high: Address::from_v4([10, 0, 0, 2]),
            low_port: port,
            high_port: 80,
            protocol: 6,
            ip_version: 4,
            ..FlowKey::default()
        })
    }

    const ORIENTATION: Orientation =
        Orientation { forward: Way::Up, initiator: Some(Way::Up), direction: Direction::Forward };

    #[test]
    fn ids_depend_on_every_part() {
        let base = trace_id(&[0; 16], &ends(1), Mark::Sequence(7));
        assert_eq!(base, trace_id(&[0; 16], &ends(1), Mark::Sequence(7)));
        for other in [
            trace_id(&[1; 16], &ends(1), Mark::Sequence(7)),
            trace_id(&[0; 16], &ends(2), Mark::Sequence(7)),
            trace_id(&[0; 16], &ends(1), Mark::Sequence(8)),
            trace_id(&[0; 16], &ends(1), Mark::Bucket(7)),
        ] {
            assert_ne!(base, other);
        }
        let span = span_id(&[0; 16], &base, "a", 0, 0);
        assert_ne!(span, span_id(&[0; 16], &base, "b", 0, 0));
        assert_ne!(span, span_id(&[0; 16], &base, "a", 1, 0));
        assert_ne!(span, span_id(&[0; 16], &base, "a", 0, 1));
    }

    #[test]
    fn a_silent_flow_comes_back_as_the_same_trace() {
        let mut memory = Identities::new(10, 1000);
        let (first, second) = ([1; 16], [2; 16]);
        memory.remember(ends(1), Identity { trace_id: first, generation: 0 }, Some(ORIENTATION), 100);
        let (identity, orientation) = memory.identify(&ends(1), Mark::Bucket(9), second, 500);
        assert_eq!(identity, Identity { trace_id: first, generation: 1 });
        assert_eq!(orientation, Some(ORIENTATION));
        assert_eq!(memory.identify(&ends(1), Mark::Bucket(9), second, 1100).0.trace_id, second, "out of date");
    }

    #[test]
    fn a_new_handshake_is_a_new_trace() {
        let mut memory = Identities::new(10, 1000);
        memory.remember(ends(1), Identity { trace_id: [1; 16], generation: 4 }, Some(ORIENTATION), 100);
        let fresh = memory.identify(&ends(1), Mark::Sequence(3), [2; 16], 500).0;
        assert_eq!(fresh, Identity { trace_id: [2; 16], generation: 0 });
        let same = memory.identify(&ends(1), Mark::Sequence(3), [1; 16], 500).0;
        assert_eq!(same.generation, 5, "the same handshake seen again");
    }

    #[test]
    fn a_closed_connection_is_not_continued() {
        let mut memory = Identities::new(10, 1000);
        memory.remember(ends(1), Identity { trace_id: [1; 16], generation: 0 }, None, 100);
        assert_eq!(memory.identify(&ends(1), Mark::Bucket(1), [2; 16], 200).0.trace_id, [2; 16]);
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut memory = Identities::new(3, 1000);
        for port in 0..100 {
            memory.remember(ends(port), Identity { trace_id: [1; 16], generation: 0 }, None, 100);
            assert!(memory.known.len() <= 3 && memory.order.len() <= 3);
        }
    }
}
