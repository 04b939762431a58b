//! What the program's exit status says.

use std::process::ExitCode;

/// How the program ended. The numbers are part of the interface, and in the help (`cli.rs`). 2 is a wrong command line,
/// by clap; 128 and the signal's number a second signal, by `signals.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All went well.
    Done = 0,
    /// A capture file was cut short or damaged: every flow before the damage was written.
    Damaged = 3,
    /// Records were lost: not taken by the OTLP receiver, or not written to the file.
    Undelivered = 4,
    /// Nothing could be done, or not all of it: the message says what.
    Failed = 1,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
