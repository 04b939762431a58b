//! What can be set.

use flowtrace_abi::{Layers, Timeouts};

use crate::{Ephemeral, SourceMode};

/// One second in nanoseconds.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// How flows are told apart, cut and named.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When a flow is over.
    pub timeouts: Timeouts,
    /// How long a window lasts, in nanoseconds.
    pub active: u64,
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
            source: SourceMode::Initiator,
            ephemeral: Ephemeral::Files,
            observer: "file".to_owned(),
            trace: TraceSettings::default(),
            identities: 65_536,
            key_parts: 0,
            layers: Layers::INNER,
        }
    }
}
