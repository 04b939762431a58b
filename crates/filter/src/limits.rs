//! What an expression may take at most.

/// Bytes of its text. A list of a few thousand networks fits.
pub const TEXT: usize = 64 << 10;

/// Parentheses and `not`s inside one another. Reading, asking and dropping an expression take stack by depth.
pub const DEPTH: usize = 64;

/// Values in all its lists together.
pub const VALUES: usize = 8192;

/// Regular expressions in it.
pub const PATTERNS: usize = 32;

/// Bytes of one compiled regular expression, and of what it keeps while it looks.
pub const PATTERN_SIZE: usize = 1 << 20;

/// Parts inside one another of a regular expression.
pub const PATTERN_DEPTH: u32 = 64;
