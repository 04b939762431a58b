//! File mode: the first fragments of datagrams whose rest may come. Live, the kernel keeps them.

use flowtrace_abi::{FragmentFacts, FragmentKey};
use flowtrace_wire::{Fragment, Packet};
use hashbrown::HashMap;

/// How many are remembered at least.
const ENOUGH: usize = 16_384;

/// Two generations: when the younger is full, the older is forgotten. So the oldest go, and it stays bounded.
#[derive(Debug, Default)]
pub struct Fragments {
    young: HashMap<FragmentKey, FragmentFacts, foldhash::fast::RandomState>,
    old: HashMap<FragmentKey, FragmentFacts, foldhash::fast::RandomState>,
}

impl Fragments {
    /// Remembers a first fragment; any other packet is let be.
    pub fn remember(&mut self, packet: &Packet, now: u64) {
        if !FragmentFacts::is_first(packet) {
            return;
        }
        if self.young.len() >= ENOUGH {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(FragmentKey::of(packet), FragmentFacts::of(packet, now));
    }

    /// Says of a later fragment what its first one showed.
    pub fn recall(&self, packet: &mut Packet, now: u64) {
        if packet.fragment != Fragment::Later {
            return;
        }
        let key = FragmentKey::of(packet);
        if let Some(facts) = self.young.get(&key).or_else(|| self.old.get(&key)) {
            facts.apply(packet, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest() {
        let mut fragments = Fragments::default();
        let first = |identification| Packet {
            ip_version: 4,
            identification,
            fragment: Fragment::First,
            has_transport: true,
            source_port: 7,
            ..Packet::default()
        };
        for identification in 0..100_000 {
            fragments.remember(&first(identification), 1);
            assert!(fragments.young.len() + fragments.old.len() <= 2 * ENOUGH);
        }
        for (identification, known) in [(0, false), (99_999, true), (99_999 - ENOUGH as u32, true)] {
            let mut rest = Packet { fragment: Fragment::Later, has_transport: false, ..first(identification) };
            fragments.recall(&mut rest, 2);
            assert_eq!(rest.has_transport, known, "{identification}");
        }
    }
}
