//! What the kernel program and userland agree on: the key and the entry of a flow, and the rule by which a packet is
//! counted into it.
//!
//! The rule ([`account`], [`admits`]) is written once, over [`Cells`]: the kernel program adds atomically to a map
//! value, file mode adds to a plain [`FlowEntry`]. Times are nanoseconds: since boot (CLOCK_BOOTTIME) live, since the
//! Unix epoch in files.
#![no_std]

mod account;
mod entry;
mod envelope;
mod fragment;
mod header;
mod key;
pub mod layout;
mod loss;
mod observe;
mod payload;
mod segment;
mod settings;
mod socket_event;
mod sockets;
#[cfg(test)]
mod talk;
mod transaction;

pub use account::{Event, account, account_tcp_times, admits, lingers};
pub use entry::{Cells, FlowEntry, Tally, state};
pub use envelope::{EnvelopeCells, EnvelopeEntry, Overhead, account_envelope, merge};
pub use fragment::{FragmentFacts, FragmentKey};
pub use header::HeaderValues;
pub use key::{FlowKey, KeyParts, Way};
pub use loss::Loss;
pub use observe::{Rival, TAKE_OVER, is_observed, overtakes};
pub use payload::{PAYLOAD_BYTES, PAYLOAD_PORT, Payload, PayloadHead};
pub use segment::{Anomaly, Segments, TICK, account_next, account_segment, is_remarkable, smooth, wants_exact_time};
pub use settings::{KernelSettings, Layers, ScanState, Timeouts};
pub use socket_event::{Happening, NAME, SocketEvent, SocketUse};
pub use sockets::{End, Families, ListeningSocket, SocketEvents, SocketOffsets, SocketSettings};
pub use transaction::{Transactions, account_question, account_transaction, asking_way};
