//! The flow table on a virtual clock: statements of the semantics as tables, and its laws on arbitrary traffic.

mod active;
mod craft;
mod equivalence;
mod identity;
mod idle;
mod joined;
mod kernel;
mod laws;
mod live;
mod orientation;
mod points;
mod room;
mod tcp_end;
mod timing;
mod traffic;
