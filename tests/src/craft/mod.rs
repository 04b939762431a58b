//! Captures of every protocol, made by code, and what must be read from each.
//!
//! Packets are made from the inside to the outside ([`pdu`]); [`captures`] lists all captures with the flows in them,
//! told by hand from how they are made. They lie in `tests/captures`, so that they can be looked at with other programs.

pub mod capture;
pub mod ends;
pub mod expect;
pub mod ip;
pub mod link;
pub mod pdu;
pub mod sum;
pub mod talk;
pub mod transport;
pub mod tunnel;

mod scenes;

use capture::Capture;

/// All of them.
pub fn captures() -> Vec<Capture> {
    scenes::all()
}
