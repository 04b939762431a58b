//! What an attribute's value can be.

/// The value of an attribute, borrowed from the record or from a buffer of the caller's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(&'a str),
    /// An integer (`long`); unsigned measurements stop at `i64::MAX`.
    Integer(i64),
    /// A list of strings out of a fixed set.
    Texts(&'a [&'static str]),
}
