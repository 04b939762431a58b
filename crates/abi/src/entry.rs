//! What is remembered of a flow in the kernel.

use flowtrace_wire::Mac;

use crate::{Anomaly, Rival, Segments, Transactions, Way};

/// Counters of one way.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets on the wire (a super-packet counts as the packets it stands for).
    pub packets: u64,
    /// Bytes of the IP packets.
    pub bytes: u64,
    /// When the last of them was seen, in nanoseconds; 0 before the first.
    pub last: u64,
}

/// One flow, both ways. Counters only grow: a measurement is the difference of two readings. 320 bytes, of which each
/// packet touches the first 64, and each TCP segment with payload the three lines from 128 on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowEntry {
    /// Counters by [`Way`].
    pub ways: [Tally; 2],
    /// TCP flags of both ways and what they were found to mean: bits of [`state`].
    pub state: u32,
    /// Scan in which [`headers`](Self::headers) was last written, by way.
    pub epochs: [u16; 2],
    /// Where each way is observed: interface index × 2, plus 1 on egress. 0: no packet yet.
    pub points: [u32; 2],
    /// When the first packet was seen, in nanoseconds.
    pub first: u64,
    /// When the end of the connection was seen, in nanoseconds; 0: not yet.
    pub ended: u64,
    /// [`HeaderValues`](crate::HeaderValues) of the first packet since the scan in `epochs`, by way; 0: none.
    pub headers: [u64; 2],
    /// The initiator's initial sequence number, if [`state::SEQUENCE_KNOWN`].
    pub sequence: u32,
    /// The acknowledgement number that answers the FIN sent this way, if there was one.
    pub fins: [u32; 2],
    /// Source MAC address of the first packet of each way.
    pub macs: [[u8; 6]; 2],
    /// In the entry of generation 0: the latest generation of the same ends. Each later flow changes it, also where the
    /// entry of the one before is gone: so who reads it twice sees whether it was used.
    pub successor: u32,
    /// Zero.
    pub reserved: u32,
    /// TCP: sequence numbers and round trips, by way.
    pub segments: [Segments; 2],
    /// TCP: handshake, and questions and answers.
    pub transactions: Transactions,
    /// What another observation point sees, by way.
    pub rivals: [Rival; 2],
}

/// Bits of [`FlowEntry::state`]. Bits 0–7 are the TCP flags seen on the way up, 8–15 those on the way down.
pub mod state {
    use super::Way;

    /// The first packet of the flow went down.
    pub const OPENED_DOWN: u32 = 1 << 16;
    /// A handshake showed the initiator.
    pub const INITIATOR_KNOWN: u32 = 1 << 17;
    /// It is the high end.
    pub const INITIATOR_HIGH: u32 = 1 << 18;
    /// The initiator's initial sequence number is known.
    pub const SEQUENCE_KNOWN: u32 = 1 << 19;
    /// A SYN was answered by a SYN-ACK.
    pub const ANSWERED: u32 = 1 << 20;
    /// The FIN sent up was acknowledged. (`<< 1`: down.)
    pub const FIN_ACKNOWLEDGED: u32 = 1 << 21;
    /// A FIN or RST was seen.
    pub const CLOSED: u32 = 1 << 23;
    /// The first of them went down.
    pub const CLOSED_DOWN: u32 = 1 << 24;
    /// The first of them was an RST.
    pub const RESET: u32 = 1 << 25;
    /// That RST answered a SYN: the connection was refused.
    pub const REFUSED: u32 = 1 << 26;
    /// The connection is over: both FINs acknowledged, or an RST.
    pub const ENDED: u32 = 1 << 27;
    /// It ended by an RST.
    pub const ENDED_BY_RESET: u32 = 1 << 28;
    /// Another flow of the same ends has begun; this one gets no more packets.
    pub const SUPERSEDED: u32 = 1 << 29;
    /// There is an [`EnvelopeEntry`](crate::EnvelopeEntry) of the same key.
    pub const ENVELOPED: u32 = 1 << 30;

    /// TCP flags as a bit of the given way.
    #[inline(always)]
    pub const fn flags(way: Way, flags: u8) -> u32 {
        (flags as u32) << (8 * way as u32)
    }

    /// The TCP flags seen on a way.
    #[inline(always)]
    pub const fn flags_of(state: u32, way: Way) -> u8 {
        (state >> (8 * way as u32)) as u8
    }

    /// Bit of [`FIN_ACKNOWLEDGED`] for the FIN sent on a way.
    #[inline(always)]
    pub const fn fin_acknowledged(way: Way) -> u32 {
        FIN_ACKNOWLEDGED << (way as u32)
    }
}

/// Access to the fields of an entry: plain in userland, atomic where the kernel program's CPUs share a map value.
pub trait Cells {
    /// Counts packets and bytes.
    fn add(&mut self, way: Way, packets: u64, bytes: u64);
    /// Sets bits of the state.
    fn raise(&mut self, bits: u32);
    /// Reads the state.
    fn state(&self) -> u32;
    /// Packets counted so far.
    fn packets(&self, way: Way) -> u64;
    /// Time of the last packet.
    fn last(&self, way: Way) -> u64;
    /// Notes the time of the last packet.
    fn set_last(&mut self, way: Way, time: u64);
    /// Where a way is observed.
    fn point(&self, way: Way) -> u32;
    /// Moves the observation of a way, with the source address that is seen there.
    fn set_point(&mut self, way: Way, point: u32, mac: Mac);
    /// Scan in which the header values were last written.
    fn epoch(&self, way: Way) -> u16;
    /// Writes header values.
    fn set_header(&mut self, way: Way, epoch: u16, word: u64);
    /// Notes the initiator's initial sequence number.
    fn set_sequence(&mut self, sequence: u32);
    /// Reads it.
    fn sequence(&self) -> u32;
    /// Notes what acknowledges a FIN.
    fn set_fin(&mut self, way: Way, acknowledgement: u32);
    /// Reads it.
    fn fin(&self, way: Way) -> u32;
    /// Notes when the connection ended.
    fn set_ended(&mut self, time: u64);
    /// Reads it.
    fn ended(&self) -> u64;
    /// When the first packet was seen.
    fn first(&self) -> u64;
    /// TCP sequence numbers of a way. (Other CPUs may write to them at the same time; their counters are added to by
    /// [`add_anomaly`](Self::add_anomaly).)
    fn segments(&mut self, way: Way) -> &mut Segments;
    /// Counts packets of a way that are not in order.
    fn add_anomaly(&mut self, way: Way, anomaly: Anomaly, packets: u32);
    /// Handshake, questions and answers. (Other CPUs may write to them at the same time.)
    fn transactions(&mut self) -> &mut Transactions;
    /// What another observation point sees of a way. (Other CPUs may write to it at the same time.)
    fn rival(&mut self, way: Way) -> &mut Rival;
}

impl Cells for FlowEntry {
    #[inline(always)]
    fn add(&mut self, way: Way, packets: u64, bytes: u64) {
        let tally = &mut self.ways[way.index()];
        tally.packets = tally.packets.wrapping_add(packets);
        tally.bytes = tally.bytes.wrapping_add(bytes);
    }
    #[inline(always)]
    fn raise(&mut self, bits: u32) {
        self.state |= bits;
    }
    #[inline(always)]
    fn state(&self) -> u32 {
        self.state
    }
    #[inline(always)]
    fn packets(&self, way: Way) -> u64 {
        self.ways[way.index()].packets
    }
    #[inline(always)]
    fn last(&self, way: Way) -> u64 {
        self.ways[way.index()].last
    }
    #[inline(always)]
    fn set_last(&mut self, way: Way, time: u64) {
        self.ways[way.index()].last = time;
    }
    #[inline(always)]
    fn point(&self, way: Way) -> u32 {
        self.points[way.index()]
    }
    #[inline(always)]
    fn set_point(&mut self, way: Way, point: u32, mac: Mac) {
        self.points[way.index()] = point;
        self.macs[way.index()] = mac.octets();
    }
    #[inline(always)]
    fn epoch(&self, way: Way) -> u16 {
        self.epochs[way.index()]
    }
    #[inline(always)]
    fn set_header(&mut self, way: Way, epoch: u16, word: u64) {
        self.headers[way.index()] = word;
        self.epochs[way.index()] = epoch;
    }
    #[inline(always)]
    fn set_sequence(&mut self, sequence: u32) {
        self.sequence = sequence;
    }
    #[inline(always)]
    fn sequence(&self) -> u32 {
        self.sequence
    }
    #[inline(always)]
    fn set_fin(&mut self, way: Way, acknowledgement: u32) {
        self.fins[way.index()] = acknowledgement;
    }
    #[inline(always)]
    fn fin(&self, way: Way) -> u32 {
        self.fins[way.index()]
    }
    #[inline(always)]
    fn set_ended(&mut self, time: u64) {
        self.ended = time;
    }
    #[inline(always)]
    fn ended(&self) -> u64 {
        self.ended
    }
    #[inline(always)]
    fn first(&self) -> u64 {
        self.first
    }
    #[inline(always)]
    fn segments(&mut self, way: Way) -> &mut Segments {
        &mut self.segments[way.index()]
    }
    #[inline(always)]
    fn add_anomaly(&mut self, way: Way, anomaly: Anomaly, packets: u32) {
        let count = &mut self.segments[way.index()].anomalies[anomaly as usize];
        *count = count.wrapping_add(packets);
    }
    #[inline(always)]
    fn transactions(&mut self) -> &mut Transactions {
        &mut self.transactions
    }
    #[inline(always)]
    fn rival(&mut self, way: Way) -> &mut Rival {
        &mut self.rivals[way.index()]
    }
}
