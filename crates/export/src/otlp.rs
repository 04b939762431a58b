//! OTLP/gRPC: records become batches in the caller's thread; a thread of its own sends them.
//!
//! ```text
//! push(record) → Batch ─full or old→ Queue (bounded) ─→ worker thread: send, retry → receiver
//! ```

mod client;
mod counters;
mod endpoint;
mod exporter;
mod queue;
mod retry;
mod worker;

pub use counters::{Failed, Report};
pub use exporter::{Error, Exporter, Full, Settings};
pub use retry::Retry;
