//! What an attribute's value can be.

use std::sync::Arc;

/// The value of an attribute, borrowed from the record or from a buffer of the caller's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(&'a str),
    /// An integer (`long`); unsigned measurements stop at `i64::MAX`.
    Integer(i64),
    /// A list of strings out of a fixed set.
    Texts(&'a [&'static str]),
    /// A list of any strings; the empty list says that there are none.
    Names(&'a [Arc<str>]),
    /// One string for each key, sorted by key; at least one. Each is an attribute of its own, whose name is that of this
    /// attribute, a dot, and the key.
    Pairs(&'a [(Arc<str>, Arc<str>)]),
}
