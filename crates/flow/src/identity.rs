//! Trace and span ids.
//!
//! Both ids are SipHash-2-4-128 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"); numbers are big-endian.

use std::hash::Hasher;

use flowtrace_abi::{FlowKey, KeyParts, state};
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::{SpanId, TraceId};

/// Version of the derivation: the first byte that is hashed.
const VERSION: u8 = 1;
/// Tag of an initial sequence number.
const SEQUENCE: u8 = 1;
/// Tag of a time bucket.
const BUCKET: u8 = 2;
/// Tag of the VLANs, outermost and innermost (0: none), each as two bytes.
const VLAN: u8 = 3;
/// Tag of the tunnel's identifier (0: none).
const TUNNEL_ID: u8 = 4;

/// What a trace id is made of, beside the key: the protocol, the two ends in bytewise order, and what else tells flows
/// apart by configuration, each with its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    bytes: [u8; 47],
    length: u8,
}

impl Ends {
    /// The ends of a flow. ICMP queries and replies have their identifier for a port; flows without ports have 0.
    /// `parts` are bits of [`KeyParts`].
    pub fn of(key: &FlowKey, parts: u32) -> Self {
        let ported = key.has_ports() || key.icmp_query_way().is_some();
        let end = |octets: [u8; 16], port: u16| {
            let mut bytes = [0; 18];
            bytes[..16].copy_from_slice(&octets);
            bytes[16..].copy_from_slice(&if ported { port } else { 0 }.to_be_bytes());
            bytes
        };
        let mut ends = [end(key.low.octets(), key.low_port), end(key.high.octets(), key.high_port)];
        ends.sort_unstable();
        let mut all = Self { bytes: [0; 47], length: 0 };
        all.push(&[key.protocol]);
        all.push(&ends[0]);
        all.push(&ends[1]);
        if parts & KeyParts::VLAN != 0 {
            let vlan = |shift: u32| ((key.scope >> shift) as u16 & 0xfff).to_be_bytes();
            all.push(&[VLAN]);
            all.push(&vlan(0));
            all.push(&vlan(12));
        }
        if parts & KeyParts::TUNNEL_ID != 0 {
            all.push(&[TUNNEL_ID]);
            all.push(&key.tunnel_id.to_be_bytes());
        }
        all
    }

    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.length);
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len() as u8;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
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
    hasher.write(ends.bytes());
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
        Ends::of(&key(port), 0)
    }

    fn key(port: u16) -> FlowKey {
        FlowKey {
            low: Address::from_v4([10, 0, 0, 1]),
            high: Address::from_v4([10, 0, 0, 2]),
            low_port: port,
            high_port: 80,
            protocol: 6,
            ip_version: 4,
            ..FlowKey::default()
        }
    }

    #[test]
    fn what_tells_flows_apart_tells_traces_apart() {
        let id = |key: FlowKey, parts: u32| trace_id(&[0; 16], &Ends::of(&key, parts), Mark::Sequence(7));
        let plain = key(1);
        let other = FlowKey { scope: 5 << 12 | 4, tunnel_id: 9, ..plain };
        assert_eq!(id(plain, 0), id(other, 0));
        for parts in 1..=3 {
            assert_ne!(id(plain, parts), id(other, parts));
            assert_ne!(id(plain, parts), id(plain, 0), "also where there is no tag");
        }
        assert_ne!(id(FlowKey { scope: 4, ..plain }, 1), id(FlowKey { scope: 4 << 12, ..plain }, 1));
        assert_eq!(id(plain.outer(), 1), id(plain, 1));
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
