//! What became of one request.

use std::error::Error;
use std::time::Duration;

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The receiver took it, perhaps in part.
    Delivered(Partial),
    /// It may be taken another time, not sooner than the receiver asks.
    TryAgain(Duration, Cause),
    /// It may be taken in smaller pieces.
    TooLarge(Cause),
    /// It will never be taken.
    Refused(Cause),
}

/// What the receiver says of a request that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Partial {
    /// Spans that were not taken.
    pub(super) rejected: u64,
    /// Why, or a warning about those that were.
    pub(super) message: String,
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// `UNAVAILABLE`, `HTTP 503`, `connection`, `timeout`: one of few, so that each is logged once.
    pub(super) code: String,
    /// In the receiver's words: not to be trusted.
    pub(super) message: String,
}

impl Cause {
    pub(super) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// With the causes below the error: "tcp connect error: Connection refused".
    pub(super) fn of(code: &str, error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let below = error.to_string();
            if !text.contains(&below) {
                text.push_str(": ");
                text.push_str(&below);
            }
            cause = error.source();
        }
        Self::new(code, text)
    }
}
