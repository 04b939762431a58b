//! Where packets come from: capture files and live interfaces.

pub mod file;
#[cfg(feature = "live")]
pub mod live;
