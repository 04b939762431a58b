//! What is learned of payloads, and what is not.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod craft;
mod dns;
mod fuzz;
mod tls;
