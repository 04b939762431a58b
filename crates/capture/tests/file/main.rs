//! Capture files: what is read of them, and what is said of damaged ones.

mod build;
mod compression;
mod corpus;
mod damage;
mod formats;
mod fuzz;
mod read;
