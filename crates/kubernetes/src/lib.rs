//! What is known of a Kubernetes cluster: who has an address, what owns it, which policies apply to it.
//!
//! Objects come in, as the API server sent them and with the time at which they came; answers go out. Nothing in here
//! opens a connection or reads a clock, but the module that watches the API server.

pub mod kind;
pub mod object;

pub use kind::Kind;
pub use object::Object;
