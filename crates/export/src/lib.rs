//! Spans to the world: lines to standard output or a file, batches to an OTLP receiver.
//!
//! What cannot be delivered is counted with its reason; see [`Report`].

mod console;
mod file;
mod otlp;
mod spool;

pub use console::{Console, Output};
pub use file::{FileError, FileReport, LineFile, NextLine, Rotation};
pub use otlp::{
    Authorization, Compression, Destination, DestinationError, Ender, EndpointError, Error, Exporter, Failed, Full,
    HeaderError, Protocol, Proxy, Report, Retry, Secret, SecretError, Settings, Tls, TlsError, UrlPath,
};
pub use spool::{Found, Mode, Refused, SpoolSettings, Sync, Unusable};
