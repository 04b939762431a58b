//! Which failures are worth another try, and when
//! (<https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-response>).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use prost::Message;
use tonic::{Code, Status};

/// How failed requests are tried again: after pauses that double, each shortened at random by up to a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The first pause.
    pub initial: Duration,
    /// The longest pause.
    pub maximum: Duration,
    /// No new attempt begins later than this after the first.
    pub total: Duration,
}

impl Default for Retry {
    /// Our choice: a restart of the receiver is bridged, and an outage ends before the queue holds minutes.
    fn default() -> Self {
        Self { initial: Duration::from_millis(250), maximum: Duration::from_secs(5), total: Duration::from_secs(30) }
    }
}

/// What to do about a failed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The receiver will never take it.
    GiveUp,
    /// Try again, not sooner than the receiver asks.
    TryAgain(Duration),
}

/// The specification's table of status codes; failures below gRPC are worth another try.
pub(super) fn judge(status: &Status) -> Verdict {
    let asked = retry_delay(status.details());
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Verdict::TryAgain(asked.unwrap_or_default()),
        Code::ResourceExhausted => asked.map_or(Verdict::GiveUp, Verdict::TryAgain),
        // A status of our own making has a source: the connection broke, or what came was no gRPC.
        _ if std::error::Error::source(status).is_some() => Verdict::TryAgain(Duration::ZERO),
        _ => Verdict::GiveUp,
    }
}

/// The pauses of one request.
#[derive(Debug)]
pub(super) struct Backoff {
    retry: Retry,
    end: Instant,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(retry: Retry, now: Instant) -> Self {
        Self { retry, end: now + retry.total, next: retry.initial }
    }

    /// How long to wait before the next attempt, at least `asked`; `None` when there is to be none.
    pub(super) fn pause(&mut self, now: Instant, asked: Duration) -> Option<Duration> {
        let pause = shorten(self.next, random()).max(asked);
        self.next = (self.next * 2).min(self.retry.maximum);
        (pause < self.end.saturating_duration_since(now)).then_some(pause)
    }
}

/// Between half and all of the pause.
fn shorten(pause: Duration, random: u64) -> Duration {
    pause / 2 + (pause / 2).mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

/// A random number: what std seeds its hash tables with. It spreads retries and guards nothing.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// `google.rpc.Status`, as far as needed.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The delay in the `RetryInfo` of a status' details, where there is one; a negative one is none at all.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status.details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&info.value[..]).ok()?.retry_delay.unwrap_or_default();
    let (seconds, nanos) = (u64::try_from(delay.seconds), u32::try_from(delay.nanos));
    // Duration's constructor panics when nanoseconds carry over the end of seconds; this one cannot.
    let whole = Duration::from_secs(seconds.unwrap_or(0));
    Some(whole.saturating_add(Duration::from_nanos(nanos.unwrap_or(0).into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(seconds: i64, nanos: i32) -> Vec<u8> {
        let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) };
        let other = Any { type_url: "type.googleapis.com/google.rpc.DebugInfo".into(), value: vec![1, 2] };
        let info = Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: info.encode_to_vec() };
        RpcStatus { details: vec![other, info] }.encode_to_vec()
    }

    #[test]
    fn the_table_of_the_specification() {
        let asked = Verdict::TryAgain(Duration::from_millis(2_500));
        let at_once = Verdict::TryAgain(Duration::ZERO);
        let rows = [
            (Code::Cancelled, at_once, asked),
            (Code::Unknown, Verdict::GiveUp, Verdict::GiveUp),
            (Code::InvalidArgument, Verdict::GiveUp, Verdict::GiveUp),
            (Code::DeadlineExceeded, at_once, asked),
            (Code::NotFound, Verdict::GiveUp, Verdict::GiveUp),
            (Code::AlreadyExists, Verdict::GiveUp, Verdict::GiveUp),
            (Code::PermissionDenied, Verdict::GiveUp, Verdict::GiveUp),
            (Code::ResourceExhausted, Verdict::GiveUp, asked),
            (Code::FailedPrecondition, Verdict::GiveUp, Verdict::GiveUp),
            (Code::Aborted, at_once, asked),
            (Code::OutOfRange, at_once, asked),
            (Code::Unimplemented, Verdict::GiveUp, Verdict::GiveUp),
            (Code::Internal, Verdict::GiveUp, Verdict::GiveUp),
            (Code::Unavailable, at_once, asked),
            (Code::DataLoss, at_once, asked),
            (Code::Unauthenticated, Verdict::GiveUp, Verdict::GiveUp),
        ];
        for (code, plain, with_info) in rows {
            assert_eq!(judge(&Status::new(code, "")), plain, "{code:?}");
            let status = Status::with_details(code, "", details(2, 500_000_000).into());
            assert_eq!(judge(&status), with_info, "{code:?} with RetryInfo");
        }
    }

    #[test]
    fn strange_delays_do_no_harm() {
        assert_eq!(retry_delay(&details(-1, -1)), Some(Duration::ZERO));
        assert_eq!(retry_delay(&details(i64::MAX, i32::MAX)).unwrap().as_secs(), i64::MAX as u64 + 2);
        assert_eq!(retry_delay(b"\xff\xff"), None);
        assert_eq!(retry_delay(b""), None);
    }

    #[test]
    fn pauses_double_up_to_the_maximum_and_end() {
        let start = Instant::now();
        let retry = Retry { initial: Duration::from_secs(1), maximum: Duration::from_secs(4), ..Retry::default() };
        let mut backoff = Backoff::new(retry, start);
        for whole in [1, 2, 4, 4] {
            let pause = backoff.pause(start, Duration::ZERO).unwrap();
            assert!(pause <= Duration::from_secs(whole) && pause >= Duration::from_millis(whole * 500), "{pause:?}");
        }
        assert_eq!(backoff.pause(start, Duration::from_secs(9)), Some(Duration::from_secs(9)));
        assert_eq!(backoff.pause(start, Duration::from_secs(30)), None);
        assert_eq!(backoff.pause(start, Duration::MAX), None);
        assert_eq!(backoff.pause(start + Duration::from_secs(30), Duration::ZERO), None);
        assert_eq!(shorten(Duration::from_secs(2), 0), Duration::from_secs(1));
        assert!(shorten(Duration::from_secs(2), u64::MAX) <= Duration::from_secs(2));
    }
}
