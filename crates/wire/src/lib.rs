//! Bytes of one packet → the facts of its headers.
//!
//! One dissector for the kernel program and for capture files: `no_std`, no allocation, no `unsafe`, no panic.
//! It reads through [`Bytes`], so the kernel can hand it packet memory and userland a slice. It walks the headers
//! from the link on and returns a [`Packet`], or the [`Reason`] why it had to stop.
//!
//! What it reads now: Ethernet II, IPv4 with options, IPv6 without extension headers, and behind them TCP, UDP,
//! ICMP, ICMPv6 and the ports of SCTP, DCCP and UDP-Lite; any other protocol is a packet without ports.
#![no_std]

mod address;
mod bytes;
mod dissect;
pub mod ethernet;
pub mod icmp;
pub mod ipv4;
pub mod ipv6;
mod packet;
pub mod protocol;
mod reason;
pub mod tcp;

pub use address::{Address, Mac};
pub use bytes::Bytes;
pub use dissect::{Link, dissect, dissect_into};
pub use packet::Packet;
pub use reason::Reason;
