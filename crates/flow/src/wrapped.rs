//! What lies around the packets of an open flow.

use flowtrace_abi::{EnvelopeEntry, Event, Overhead, Way, account_envelope};
use flowtrace_wire::{Envelope, Mac, present};

use crate::orientation::address;
use crate::{Bytes, Endpoint, IpInIp, Ipsec, Record, Tunnel};

/// Tunnels, tags and IPsec of one flow. Only flows that have some have this.
#[derive(Clone, Debug, Default)]
pub struct Wrapped {
    /// What is known of them: the overhead since the first packet.
    entry: EnvelopeEntry,
    /// The overhead at the begin of the window.
    base: [Overhead; 2],
    /// Facts of the window's first packets, by way; zero: none yet.
    facts: [Envelope; 2],
    /// Which facts of `entry` are older than the window.
    stale: [u16; 2],
}

impl Wrapped {
    /// File mode: counts one packet.
    pub fn count(&mut self, envelope: &Envelope, event: &Event) {
        account_envelope(&mut self.entry, envelope, event);
    }

    /// Live: takes over a newer reading.
    pub fn read(&mut self, entry: &EnvelopeEntry) {
        let facts = self.entry.facts;
        self.entry = *entry;
        for (way, facts) in facts.into_iter().enumerate() {
            // A packet is writing them at this moment: the older ones stand.
            if entry.written[way] != entry.epochs[way] {
                self.entry.facts[way] = facts;
                self.entry.epochs[way] = self.stale[way];
            }
        }
    }

    /// Remembers the facts of the window's first packets, and what later ones add to them.
    pub fn note(&mut self) {
        for way in 0..2 {
            if self.entry.epochs[way] == self.stale[way] {
                continue;
            }
            let (facts, seen) = (&mut self.facts[way], &self.entry.facts[way]);
            if facts.present == 0 {
                *facts = *seen;
            } else {
                let groups = seen.present & !facts.present;
                flowtrace_abi::merge(facts, groups, seen);
            }
        }
    }

    /// Begins the next window. Live, the kernel writes facts by scan; in file mode the next packet does.
    pub fn next_window(&mut self, is_file: bool) {
        self.base = self.entry.overheads;
        self.facts = [Envelope::default(); 2];
        if is_file {
            self.entry.epochs = [0; 2];
        }
        self.stale = self.entry.epochs;
    }

    /// Writes into a record what lies around its packets. `forward` is the way from its source.
    pub fn describe(&self, forward: Way, record: &mut Record) {
        let (there, back) = (forward.index(), forward.back().index());
        (record.forward.tunnel_bytes, record.forward.ipip_bytes) = self.bytes(there);
        (record.reverse.tunnel_bytes, record.reverse.ipip_bytes) = self.bytes(back);
        let (facts, answer) = (&self.facts[there], &self.facts[back]);
        record.forward.ipsec = ipsec(facts);
        record.reverse.ipsec = ipsec(answer);
        record.tunnel = tunnel(facts).or_else(|| tunnel(answer).map(turned));
        record.ipip = ipip(facts)
            .or_else(|| ipip(answer).map(|seen| IpInIp { source: seen.destination, destination: seen.source, ..seen }));
        let tagged = if facts.has(present::VLAN) { facts } else { answer };
        record.vlan = tagged.has(present::VLAN).then_some(tagged.vlan);
        record.inner_vlan = tagged.has(present::INNER_VLAN).then_some(tagged.inner_vlan);
        let total = |of: fn(&Overhead) -> u64| self.entry.overheads.iter().map(of).any(|bytes| bytes > 0);
        record.had_tunnel = record.tunnel.is_some() || total(|overhead| overhead.tunnel);
        record.had_ipip = record.ipip.is_some() || total(|overhead| overhead.ipip);
    }

    /// Overhead of a way: of tunnels, and of IP in IP.
    fn bytes(&self, way: usize) -> (Bytes, Bytes) {
        let (now, base) = (self.entry.overheads[way], self.base[way]);
        let since = |total: u64, base: u64| Bytes { delta: total.saturating_sub(base), total };
        (since(now.tunnel, base.tunnel), since(now.ipip, base.ipip))
    }
}

fn ipsec(facts: &Envelope) -> Ipsec {
    let fact = |fact: u32, value: u32| facts.has(fact).then_some(value);
    Ipsec {
        ah: fact(present::AH, facts.ah),
        esp: fact(present::ESP, facts.esp),
        sender: fact(present::SENDER, facts.sender),
        receiver: fact(present::RECEIVER, facts.receiver),
    }
}

fn tunnel(facts: &Envelope) -> Option<Tunnel> {
    let ported = facts.has(present::TUNNEL_PORTS);
    let end = |end, port| Endpoint { address: address(end, facts.tunnel_version), port: ported.then_some(port) };
    facts.has(present::TUNNEL).then(|| Tunnel {
        kind: flowtrace_wire::Tunnel::of(facts.tunnel),
        mac: (facts.tunnel_mac != Mac::default()).then(|| facts.tunnel_mac.octets()),
        ip_version: facts.tunnel_version,
        protocol: facts.tunnel_protocol,
        source: end(facts.tunnel_source, facts.tunnel_source_port),
        destination: end(facts.tunnel_destination, facts.tunnel_destination_port),
        id: facts.has(present::TUNNEL_ID).then_some(facts.tunnel_id),
        ah: facts.has(present::TUNNEL_AH).then_some(facts.tunnel_ah),
    })
}

/// The tunnel of the way back, seen from the other side.
fn turned(seen: Tunnel) -> Tunnel {
    Tunnel { mac: None, source: seen.destination, destination: seen.source, ..seen }
}

fn ipip(facts: &Envelope) -> Option<IpInIp> {
    facts.has(present::IP_IN_IP).then(|| IpInIp {
        ip_version: facts.ipip_version,
        protocol: facts.ipip_protocol,
        source: address(facts.ipip_source, facts.ipip_version),
        destination: address(facts.ipip_destination, facts.ipip_version),
    })
}
