//! Packets and kernel entries → flow records.
//!
//! Sans-IO: reads no clock and opens no file; time is an argument, in nanoseconds. [`Table`] holds the flows that are
//! open. Capture files feed it frame by frame ([`Table::frame`]), the live capture reading by reading
//! ([`Table::reading`]); both count by the rule of `flowtrace_abi`, and both end in [`Record`]s.

mod connection;
mod cuts;
mod flow;
mod fragments;
mod handshakes;
mod host;
mod identity;
mod join;
mod joined;
mod live;
mod memory;
mod naming;
mod nat;
mod orientation;
mod packets;
mod pressure;
mod recent;
mod record;
mod settings;
mod store;
mod table;
mod tcp;
mod who;
pub mod workload;
mod wrapped;

pub use connection::ConnectionState;
pub use host::{Host, Socket};
pub use identity::{Ends, Identity, Mark, span_id, trace_id};
pub use join::Joins;
pub use live::{Clock, Verdict};
pub use nat::{Nat, Side as NatSide};
pub use orientation::{Ephemeral, SourceMode};
pub use record::*;
pub use settings::{Settings, TraceSettings};
pub use table::Table;
pub use who::{Container, Party, Process, Who};
