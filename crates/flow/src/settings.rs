//! What can be set.

use flowtrace_abi::{FlowKey, Layers, Timeouts};

use crate::{Ephemeral, SourceMode};

/// One second in nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// How flows are told apart, cut and named.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When a flow is over. Its `evidence` follows from the windows: see [`timeouts`](Self::timeouts).
    pub timeouts: Timeouts,
    /// How long a window lasts, in nanoseconds.
    pub active: u64,
    /// By how much of that a flow's first window may be shorter, as a fraction from 0 to 1: so flows that began together
    /// are not cut together.
    pub active_jitter: f64,
    /// Which end is the source.
    pub source: SourceMode,
    /// Which ports are ephemeral.
    pub ephemeral: Ephemeral,
    /// Who observes: part of every span id. `file` in file mode.
    pub observer: String,
    /// How trace ids are derived.
    pub trace: TraceSettings,
    /// How many ended flows are remembered, so that one that comes back keeps its trace.
    pub identities: usize,
    /// File mode: how many flows are open at most. (Live, the kernel's map has a size.)
    pub max_flows: usize,
    /// What tells flows apart beside ends and protocol: bits of [`KeyParts`](flowtrace_abi::KeyParts).
    pub key_parts: u32,
    /// Which packets of a tunnelled packet are counted: bits of [`Layers`].
    pub layers: u32,
}

/// How trace ids are derived.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// Key of the hash. All agents that are to agree have the same.
    pub key: [u8; 16],
    /// How long an ended flow is remembered, and the width of the buckets in which flows without a handshake agree;
    /// nanoseconds.
    pub window: u64,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self { key: [0; 16], window: 3600 * SECOND }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::DEFAULT,
            active: 60 * SECOND,
            active_jitter: 0.1,
            source: SourceMode::Initiator,
            ephemeral: Ephemeral::Files,
            observer: "file".to_owned(),
            trace: TraceSettings::default(),
            identities: 65_536,
            max_flows: 1_000_000,
            key_parts: 0,
            layers: Layers::INNER,
        }
    }
}

impl Settings {
    /// When a flow is over, and until when a SYN tells who began it: what the kernel program is to be told. A SYN counts
    /// as long as no flow can have had its first record, so that ids do not depend on when anybody looks.
    pub fn timeouts(&self) -> Timeouts {
        // Packets of the same moment as the first always do.
        Timeouts { evidence: self.shortest_window().max(1), ..self.timeouts }
    }

    /// How long the first window of a flow lasts at least, in nanoseconds.
    pub fn shortest_window(&self) -> u64 {
        let jitter = self.active as f64 * self.active_jitter.clamp(0.0, 1.0);
        self.active.saturating_sub(jitter as u64)
    }

    /// How long the first window of the flow of a key lasts, in nanoseconds: the same for the same ends, wherever they
    /// are seen, and evenly spread over all ends.
    pub fn first_window(&self, key: &FlowKey) -> u64 {
        let shortest = self.shortest_window();
        let longer = (u128::from(self.active - shortest) * u128::from(hash(key) >> 32)) >> 32;
        shortest + longer as u64
    }
}

/// A hash of the ends that is the same in every run (the finalizer of Stafford's variant 13 of MurmurHash3, as in
/// SplitMix64, over word after word).
fn hash(key: &FlowKey) -> u64 {
    let ports = u64::from(key.low_port) << 32 | u64::from(key.high_port) << 16 | u64::from(key.protocol);
    let words = [key.low.octets(), key.high.octets()].map(u128::from_be_bytes);
    let words = words.map(|word| [(word >> 64) as u64, word as u64]);
    words.as_flattened().iter().chain([&ports]).fold(0, |hash, word| {
        let mixed = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    })
}

#[cfg(test)]
mod tests {
    use flowtrace_wire::Address;

    use super::*;

    fn window(settings: &Settings, port: u16) -> u64 {
        let key = FlowKey { low: Address::from_v4([10, 0, 0, 1]), low_port: port, ..FlowKey::default() };
        assert_eq!(settings.first_window(&key), settings.first_window(&key.with_generation(7)));
        settings.first_window(&key)
    }

    #[test]
    fn first_windows_are_spread_evenly_over_the_jitter() {
        let settings = Settings { active: 1000, active_jitter: 0.1, ..Settings::default() };
        assert_eq!((settings.shortest_window(), settings.timeouts().evidence), (900, 900));
        let mut tenths = [0; 10];
        for port in 0..10_000 {
            let length = window(&settings, port);
            assert!((900..1000).contains(&length));
            tenths[((length - 900) / 10) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1100).contains(count)), "{tenths:?}");
    }

    #[test]
    fn a_jitter_of_any_size_does_no_harm() {
        for (active, jitter, shortest) in [
            (1000, 0.0, 1000),
            (1000, 1.0, 0),
            (1000, 7.0, 0),
            (1000, -1.0, 1000),
            (1000, f64::NAN, 1000),
            (0, 0.1, 0),
            (u64::MAX, 0.0, u64::MAX),
            (u64::MAX, 1.0, 0),
        ] {
            let settings = Settings { active, active_jitter: jitter, ..Settings::default() };
            assert_eq!(settings.shortest_window(), shortest, "{active} {jitter}");
            assert!(settings.timeouts().evidence > 0);
            for port in 0..100 {
                assert!((shortest..=active).contains(&window(&settings, port)));
            }
        }
    }

    #[test]
    fn the_default_evidence_is_that_of_the_contract() {
        assert_eq!(Settings::default().timeouts(), Timeouts::DEFAULT);
    }
}
