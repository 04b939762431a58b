//! Spans to the world: lines to standard output or a file, batches to an OTLP receiver.
//!
//! What cannot be delivered is counted with its reason; see [`Report`].

mod console;
mod durations;
mod file;
mod otlp;
mod spool;

pub use console::{Console, Output};
pub use durations::{DURATION_BOUNDS, Durations};
pub use file::{FileError, FileReport, LineFile, NextLine, Rotation};
pub use otlp::{
    Authorization, Backlog, Compression, Destination, DestinationError, Ender, EndpointError, Error, Exporter, Failed,
    Full, HeaderError, Protocol, Proxy, Report, RequestCounts, Retry, Secret, SecretError, Settings, SpoolFill,
    Statistics, Tls, TlsError, UrlPath,
};
pub use spool::{Found, Mode, Refused, SpoolSettings, Sync, Unusable};
