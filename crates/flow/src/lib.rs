//! Packets and kernel entries → flow records. Sans-IO: no clock, no sockets; time is an argument.

mod record;

pub use record::*;
