//! OTLP: records become batches in the caller's thread; a thread of its own sends them.
//!
//! ```text
//! push(record) → Batch ─full or old→ Queue (bounded) ─→ worker thread: send, retry, split → receiver
//! ```
//!
//! `client.rs` is the seam: one encoded request goes in, its [`outcome::Outcome`] comes out. `grpc.rs` and `http_post.rs`
//! are the two forms of OTLP on it, `connector.rs` what is below both.

mod answer;
mod client;
mod compression;
mod connector;
mod counters;
mod destination;
mod endpoint;
mod environment;
mod exporter;
mod grpc;
mod headers;
mod http_post;
mod json;
mod outcome;
mod proxy;
mod queue;
mod request;
mod retry;
mod rpc_status;
mod secret;
mod statistics;
mod tls;
mod watched;
mod worker;

pub use client::DestinationError;
pub use counters::{Failed, Report};
pub use destination::{Authorization, Compression, Destination, Protocol, Proxy, Tls, UrlPath};
pub use endpoint::EndpointError;
pub use exporter::{Ender, Error, Exporter, Full, Settings};
pub use headers::HeaderError;
pub use retry::Retry;
pub use secret::{Secret, SecretError};
pub use statistics::{Backlog, RequestCounts, SpoolFill, Statistics};
pub use tls::TlsError;
