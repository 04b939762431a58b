//! What can go wrong.

use std::time::Duration;

/// The two sorts of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A list, or a page of one.
    List,
    /// A watch.
    Watch,
}

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// Nothing more comes after so many bytes of the body.
    Stall(usize),
    /// The body comes in pieces of so many bytes with a pause between them.
    Slow(usize, Duration),
    /// This instead of the body, with status 200.
    Body(Vec<u8>),
    /// A recorded refusal, by its file.
    Recorded(&'static str),
    /// A status, perhaps with seconds in `Retry-After`, and no body.
    Status(u16, Option<u32>),
}
