//! Bytes of one packet → the facts of its headers.
//!
//! One dissector for the kernel program and for capture files: `no_std`, no allocation, no `unsafe`, no panic.
//! It reads through [`Bytes`], so the kernel can hand it packet memory and userland a slice. It walks the headers
//! from the link on and returns a [`Packet`], or the [`Reason`] why it had to stop.
//!
//! It has two ways. [`plain`] is the short one, for what most packets are: Ethernet (or nothing), IP, and a transport
//! header. A [`Walk`] is the long one and reads everything: one header a step, through tags, labels, extension headers
//! and tunnels down to the innermost IP packet. [`dissect`] takes the short way where it can.
#![no_std]

mod address;
mod bytes;
mod dissect;
mod envelope;
pub mod ethernet;
mod fragment;
pub mod icmp;
mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod link;
mod packet;
mod plain;
mod ports;
pub mod protocol;
mod reason;
pub mod tcp;
mod transport;
mod walk;

pub use address::{Address, Mac};
pub use bytes::Bytes;
pub use dissect::{Link, dissect};
pub use envelope::{Envelope, Tunnel, present};
pub use fragment::Fragment;
pub use packet::Packet;
pub use plain::plain;
pub use ports::{DEFAULT_DEPTH, KnownPorts, Options, Ports, Service};
pub use reason::Reason;
pub use walk::{Next, STEPS, Walk};
