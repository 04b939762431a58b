//! What is remembered of what lies around a flow's packets: only of flows that have something.

use flowtrace_wire::{Envelope, present};

use crate::{Event, TAKE_OVER, Way};

/// Bytes of what lies around the packets of one way: outer IP length minus inner, summed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overhead {
    /// Of tunnels other than IP in IP.
    pub tunnel: u64,
    /// Of IP in IP.
    pub ipip: u64,
}

/// What lies around the packets of one flow, both ways. Its key is the flow's, generation included.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeEntry {
    /// By [`Way`]; only grows.
    pub overheads: [Overhead; 2],
    /// When a packet was last counted into `overheads`, in nanoseconds; 0: none yet.
    pub lasts: [u64; 2],
    /// Where it was seen, as in [`FlowEntry::points`](crate::FlowEntry::points).
    pub points: [u32; 2],
    /// Scan in which `facts` was last written.
    pub epochs: [u16; 2],
    /// The same, when it had been written: where it differs from `epochs`, `facts` is being written.
    pub written: [u16; 2],
    /// Facts of the first packet since that scan, with those that it did not show and later ones did.
    pub facts: [Envelope; 2],
}

impl EnvelopeEntry {
    /// A zero entry.
    pub const NONE: Self = Self {
        overheads: [Overhead { tunnel: 0, ipip: 0 }; 2],
        lasts: [0; 2],
        points: [0; 2],
        epochs: [0; 2],
        written: [0; 2],
        facts: [Envelope::NONE; 2],
    };
}

/// Access to the fields of an envelope's entry: plain in userland, atomic where the kernel program's CPUs share it.
pub trait EnvelopeCells {
    /// Counts overhead.
    fn add(&mut self, way: Way, overhead: Overhead);
    /// When overhead was last counted.
    fn last(&self, way: Way) -> u64;
    /// Where.
    fn point(&self, way: Way) -> u32;
    /// Notes both.
    fn set_last(&mut self, way: Way, time: u64, point: u32);
    /// Scan in which the facts were written.
    fn epoch(&self, way: Way) -> u16;
    /// Which facts there are.
    fn present(&self, way: Way) -> u32;
    /// Writes facts.
    fn set_facts(&mut self, way: Way, epoch: u16, envelope: &Envelope);
    /// Adds the facts of these groups ([`present`]).
    fn add_facts(&mut self, way: Way, groups: u32, envelope: &Envelope);
}

/// Notes what lies around a packet: wherever it is seen, but its overhead only once.
#[inline(always)]
pub fn account_envelope<C: EnvelopeCells>(entry: &mut C, envelope: &Envelope, event: &Event) {
    const TUNNELS: u32 = present::TUNNEL | present::IP_IN_IP;
    let way = event.way;
    if entry.epoch(way) != event.epoch {
        entry.set_facts(way, event.epoch, envelope);
    } else {
        let groups = envelope.present & !entry.present(way);
        if groups != 0 {
            entry.add_facts(way, groups, envelope);
        }
    }
    if envelope.present & TUNNELS == 0 {
        return;
    }
    let (last, point) = (entry.last(way), entry.point(way));
    if last != 0 && point != event.point && event.time < last.saturating_add(TAKE_OVER) {
        return;
    }
    let overhead = Overhead {
        tunnel: event.packets * envelope.tunnel_overhead as u64,
        ipip: event.packets * envelope.ipip_overhead as u64,
    };
    entry.add(way, overhead);
    entry.set_last(way, event.time, event.point);
}

/// Adds the facts of these groups ([`present`]) to `facts`, which has none of them.
#[inline(always)]
pub fn merge(facts: &mut Envelope, groups: u32, from: &Envelope) {
    if groups & present::TUNNEL != 0 {
        facts.tunnel = from.tunnel;
        facts.tunnel_source = from.tunnel_source;
        facts.tunnel_destination = from.tunnel_destination;
        facts.tunnel_mac = from.tunnel_mac;
        facts.tunnel_version = from.tunnel_version;
        facts.tunnel_protocol = from.tunnel_protocol;
        facts.tunnel_source_port = from.tunnel_source_port;
        facts.tunnel_destination_port = from.tunnel_destination_port;
        facts.tunnel_id = from.tunnel_id;
        facts.tunnel_ah = from.tunnel_ah;
    }
    if groups & present::IP_IN_IP != 0 {
        facts.ipip_source = from.ipip_source;
        facts.ipip_destination = from.ipip_destination;
        facts.ipip_version = from.ipip_version;
        facts.ipip_protocol = from.ipip_protocol;
    }
    if groups & present::VLAN != 0 {
        facts.vlan = from.vlan;
        facts.inner_vlan = from.inner_vlan;
    }
    if groups & present::AH != 0 {
        facts.ah = from.ah;
    }
    if groups & present::ESP != 0 {
        facts.esp = from.esp;
    }
    if groups & present::SENDER != 0 {
        facts.sender = from.sender;
    }
    if groups & present::RECEIVER != 0 {
        facts.receiver = from.receiver;
    }
    facts.present |= groups & !present::details(facts.present & !groups);
}

impl EnvelopeCells for EnvelopeEntry {
    fn add(&mut self, way: Way, overhead: Overhead) {
        let sum = &mut self.overheads[way.index()];
        sum.tunnel = sum.tunnel.wrapping_add(overhead.tunnel);
        sum.ipip = sum.ipip.wrapping_add(overhead.ipip);
    }
    fn last(&self, way: Way) -> u64 {
        self.lasts[way.index()]
    }
    fn point(&self, way: Way) -> u32 {
        self.points[way.index()]
    }
    fn set_last(&mut self, way: Way, time: u64, point: u32) {
        self.lasts[way.index()] = time;
        self.points[way.index()] = point;
    }
    fn epoch(&self, way: Way) -> u16 {
        self.epochs[way.index()]
    }
    fn present(&self, way: Way) -> u32 {
        self.facts[way.index()].present
    }
    fn set_facts(&mut self, way: Way, epoch: u16, envelope: &Envelope) {
        self.facts[way.index()] = *envelope;
        self.epochs[way.index()] = epoch;
        self.written[way.index()] = epoch;
    }
    fn add_facts(&mut self, way: Way, groups: u32, envelope: &Envelope) {
        merge(&mut self.facts[way.index()], groups, envelope);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn envelope(facts: u32) -> Envelope {
        Envelope { present: facts, tunnel_overhead: 50, vlan: 7, tunnel_id: 9, ..Envelope::default() }
    }

    fn event(point: u32, time: u64, epoch: u16) -> Event {
        Event { way: Way::Up, packets: 3, bytes: 1, time, point, epoch }
    }

    #[test]
    fn overhead_counts_at_one_place() {
        let mut entry = EnvelopeEntry::default();
        let tunnel = envelope(present::TUNNEL);
        account_envelope(&mut entry, &tunnel, &event(2, SECOND, 1));
        account_envelope(&mut entry, &tunnel, &event(4, SECOND + 1, 1));
        assert_eq!(entry.overheads[0].tunnel, 150);
        account_envelope(&mut entry, &tunnel, &event(4, 3 * SECOND, 1));
        assert_eq!((entry.overheads[0].tunnel, entry.points[0]), (300, 4));
        assert_eq!(entry.overheads[1], Overhead::default());
    }

    #[test]
    fn facts_come_from_whoever_shows_them() {
        let mut entry = EnvelopeEntry::default();
        account_envelope(&mut entry, &envelope(present::VLAN), &event(2, SECOND, 1));
        assert_eq!((entry.lasts[0], entry.overheads[0].tunnel), (0, 0), "a tag alone is no tunnel");
        account_envelope(&mut entry, &envelope(present::TUNNEL | present::TUNNEL_ID), &event(4, SECOND, 1));
        let facts = entry.facts[0];
        assert!(facts.has(present::VLAN | present::TUNNEL | present::TUNNEL_ID));
        assert_eq!((facts.vlan, facts.tunnel_id), (7, 9));
        assert_eq!(entry.overheads[0].tunnel, 150);
    }

    #[test]
    fn the_first_packet_of_a_scan_speaks() {
        let mut entry = EnvelopeEntry::default();
        for (epoch, vlan, seen) in [(1, 7, 7), (1, 8, 7), (2, 9, 9)] {
            let tagged = Envelope { vlan, ..envelope(present::VLAN) };
            account_envelope(&mut entry, &tagged, &event(2, SECOND, epoch));
            assert_eq!(entry.facts[0].vlan, seen);
        }
    }

    #[test]
    fn a_tunnel_keeps_its_own_details() {
        let mut facts = Envelope { present: present::TUNNEL, ..Envelope::default() };
        merge(&mut facts, present::TUNNEL_ID | present::VLAN, &envelope(present::TUNNEL_ID | present::VLAN));
        assert!(facts.has(present::VLAN) && !facts.has(present::TUNNEL_ID), "another tunnel's number");
    }
}
