//! Batches on disk, for one destination: bounded, append only, read oldest first, there after a crash.
//!
//! ```text
//! DIR/lock                        held while a process uses the spool (flock)
//! DIR/heartbeat                   what would be lost if the process were killed now; gone after a regular end
//! DIR/00000000000000000512.spool  a segment: header, then records, each a batch
//! DIR/00000000000000000512.acks   the positions of its records that are done
//! ```
//!
//! A record's position is the number of spans before it; a segment's name is that of its first record. So what is
//! missing between two records is known in spans. A segment is never rewritten, only cut at the end where a record
//! was not written to its end, and deleted when all its records are done.

mod acks;
mod heartbeat;
mod lock;
mod open;
mod record;
mod segment;
mod settings;
mod store;

pub use lock::Unusable;
pub use open::Found;
pub(crate) use record::PROTOBUF;
pub use settings::{Mode, SpoolSettings, Sync};
pub use store::Refused;
pub(crate) use store::{Next, Place, Spool};

#[cfg(test)]
mod tests;
