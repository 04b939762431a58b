//! What `cargo xtask codegen` derives from the registry.

pub mod attributes;
pub mod iana;
