//! Payload → names: addresses that DNS answers tell, and the server name of TLS ClientHellos.
//!
//! Everything here is written by strangers. Nothing panics on it, nothing allocates more than a few times its size, and
//! what does not look like a name is none.

pub mod dns;
mod frame;
mod learned;
mod name;
pub mod tls;

pub use flowtrace_abi::Payload;
pub use frame::payload;
pub use learned::{Learned, learned};
