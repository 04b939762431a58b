//! Why a request did not do.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

/// More of what a server says is not kept.
const MESSAGE: usize = 300;

/// Why a request did not do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("no connection to the API server, or it broke: {0}")]
    Connection(String),
    #[error("the API server answers {code} {reason}: {message}")]
    Status { code: u16, reason: String, message: String, too_new: bool, retry_after: Option<Duration> },
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    #[error("more than {0} bytes")]
    TooLarge(usize),
    #[error("what came makes no sense: {0}")]
    Garbled(String),
    #[error("the watch ended as soon as it had begun")]
    Ended,
}

/// What is to be done about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The same again, later.
    Again(Option<Duration>),
    /// What was known is too old: a new list.
    List,
    /// What is known may be nothing that the server knows: the same again, and if that does not do, a new list.
    AgainThenList(Option<Duration>),
    /// People have to do something.
    Wait,
}

impl Failure {
    /// Of a connection: with what lies behind it.
    pub(super) fn connection(error: &(dyn Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut error = error.source();
        while let Some(cause) = error {
            let _ = write!(text, ": {cause}");
            error = cause.source();
        }
        Self::Connection(text)
    }

    /// Of a status other than 200, or of an `ERROR` event.
    pub(super) fn of_status(code: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let parsed: Status = serde_json::from_slice(body).unwrap_or_default();
        let plain = || String::from_utf8_lossy(&body[..body.len().min(MESSAGE)]).trim().to_owned();
        let message = parsed.message.map_or_else(plain, |message| message.chars().take(MESSAGE).collect());
        let details = parsed.details.unwrap_or_default();
        let asked = details.retry_after_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Self::Status {
            code: parsed.code.unwrap_or(code.as_u16()),
            reason: parsed.reason.unwrap_or_else(|| code.canonical_reason().unwrap_or_default().to_owned()),
            message,
            too_new: details.causes.iter().any(|cause| cause.reason == "ResourceVersionTooLarge"),
            retry_after: retry_after.or(asked),
        }
    }

    /// Whether the credentials were not taken.
    pub(super) const fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Status { code: 401, .. })
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> Remedy {
        match self {
            Self::Status { code, reason, too_new, retry_after, .. } => match code {
                // "Expired" and, from older servers, "Gone".
                410 => Remedy::List,
                _ if matches!(reason.as_str(), "Expired" | "Gone") => Remedy::List,
                401 | 403 | 404 => Remedy::Wait,
                _ if *too_new => Remedy::AgainThenList(*retry_after),
                400 => Remedy::AgainThenList(*retry_after),
                _ => Remedy::Again(*retry_after),
            },
            Self::Garbled(_) | Self::TooLarge(_) => Remedy::AgainThenList(None),
            Self::Connection(_) | Self::Silent(_) | Self::Ended => Remedy::Again(None),
        }
    }
}

/// `Status`: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/>.
#[derive(Default, Deserialize)]
struct Status {
    message: Option<String>,
    reason: Option<String>,
    code: Option<u16>,
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    causes: Vec<Cause>,
    retry_after_seconds: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies() {
        let second = Some(Duration::from_secs(1));
        let too_new = r#"{"kind":"Status","message":"Timeout","reason":"Timeout","details":{"causes":
            [{"reason":"ResourceVersionTooLarge","message":"x"}],"retryAfterSeconds":1},"code":504}"#;
        for (code, body, expected) in [
            (410, "", Remedy::List),
            (200, r#"{"kind":"Status","reason":"Expired","code":410}"#, Remedy::List),
            (500, r#"{"kind":"Status","reason":"Gone"}"#, Remedy::List),
            (401, "", Remedy::Wait),
            (403, "{", Remedy::Wait),
            (404, "404 page not found", Remedy::Wait),
            (429, r#"{"details":{"retryAfterSeconds":1}}"#, Remedy::Again(second)),
            (504, too_new, Remedy::AgainThenList(second)),
            (504, "", Remedy::Again(None)),
            (503, "\u{0}", Remedy::Again(None)),
        ] {
            let failure = Failure::of_status(StatusCode::from_u16(code).unwrap(), None, body.as_bytes());
            assert_eq!(failure.remedy(), expected, "{failure}");
        }
    }

    #[test]
    fn what_a_server_says_is_cut() {
        let long = "x".repeat(100_000);
        let as_json = format!(r#"{{"message":"{long}"}}"#);
        for body in [long.as_bytes(), as_json.as_bytes()] {
            assert!(Failure::of_status(StatusCode::FORBIDDEN, None, body).to_string().len() < 400);
        }
    }
}
