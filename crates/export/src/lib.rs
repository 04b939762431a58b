//! Spans to the world: lines to standard output, batches to an OTLP receiver.
//!
//! What cannot be delivered is counted with its reason; see [`Report`].

mod console;
mod otlp;
mod spool;

pub use console::{Console, Output};
pub use otlp::{Error, Exporter, Failed, Full, Report, Retry, Settings};
pub use spool::{Found, Mode, Refused, SpoolSettings, Sync, Unusable};
