//! `google.rpc.Status`, as far as needed: what a receiver says of a request that it did not take.

use std::time::Duration;

use prost::Message;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(string, tag = "2")]
    pub(super) message: String,
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
pub(super) fn retry_delay(status: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(status).ok()?;
    let info = status.details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&info.value[..]).ok()?.retry_delay.unwrap_or_default();
    let (seconds, nanos) = (u64::try_from(delay.seconds), u32::try_from(delay.nanos));
    // Duration's constructor panics when nanoseconds carry over the end of seconds; this one cannot.
    let whole = Duration::from_secs(seconds.unwrap_or(0));
    Some(whole.saturating_add(Duration::from_nanos(nanos.unwrap_or(0).into())))
}

/// An encoded status with a `RetryInfo` behind another detail.
#[cfg(test)]
pub(super) fn with_delay(seconds: i64, nanos: i32) -> Vec<u8> {
    let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) };
    let other = Any { type_url: "type.googleapis.com/google.rpc.DebugInfo".into(), value: vec![1, 2] };
    let info = Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value: info.encode_to_vec() };
    RpcStatus { message: String::new(), details: vec![other, info] }.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_delays_do_no_harm() {
        assert_eq!(retry_delay(&with_delay(2, 500_000_000)), Some(Duration::from_millis(2_500)));
        assert_eq!(retry_delay(&with_delay(-1, -1)), Some(Duration::ZERO));
        assert_eq!(retry_delay(&with_delay(i64::MAX, i32::MAX)).unwrap().as_secs(), i64::MAX as u64 + 2);
        assert_eq!(retry_delay(b"\xff\xff"), None);
        assert_eq!(retry_delay(b""), None);
    }
}
