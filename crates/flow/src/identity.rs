//! Trace and span ids.
//!
//! Both ids are SipHash-2-4-128 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"); numbers are big-endian.

use std::hash::Hasher;

use flowtrace_abi::{FlowKey, state};
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::{SpanId, TraceId};

/// Version of the derivation: the first byte that is hashed.
const VERSION: u8 = 1;
/// Tag of an initial sequence number.
const SEQUENCE: u8 = 1;
/// Tag of a time bucket.
const BUCKET: u8 = 2;

/// What a trace id is made of, beside the key: the protocol and the two ends in bytewise order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

#[cfg(test)]
mod tests {
    use flowtrace_wire::Address;

    use super::*;

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
}
