//! Capture files: what is read of them, and what is said of damaged ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up is to stop")]

mod build;
mod compression;
mod corpus;
mod damage;
mod formats;
mod fuzz;
mod read;
