//! Capture files: pcap and pcapng, plain or compressed with gzip or zstd, frame by frame.
//!
//! ```text
//! path ─ Raw ─ gzip or zstd, if the first bytes say so ─ Buffer ─ pcap or pcapng ─ Frame
//! ```
//!
//! [`Reader`] lends one [`Frame`] at a time out of its buffer; nothing is copied but by the operating system. What a
//! file claims is never believed further than [`MAX_RECORD`], so memory stays bounded whatever the input is. A file
//! that is cut short or damaged gives every frame before that place and then one [`Error`] which names it.
//!
//! The record layer is written by hand. The formats are small, and a parser crate in between would have to be asked
//! for the offset of a damage, for leniency with old files, and not to allocate for each block.

mod buffer;
mod clock;
mod error;
mod frame;
mod gzip;
mod interface;
mod order;
mod pcap;
mod pcapng;
mod raw;
mod reader;
mod source;
mod zstd;

pub use buffer::MAX_RECORD;
pub use error::{Compression, Error, Place};
pub use frame::Frame;
pub use reader::Reader;
