//! An `ExportTraceServiceRequest` taken apart: into halves, where it is too large.

use bytes::Bytes;
use prost::Message;

/// As far as needed to find the spans; all else stays bytes.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(bytes = "bytes", optional, tag = "1")]
    resource: Option<Bytes>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(bytes = "bytes", optional, tag = "1")]
    scope: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    spans: Vec<Bytes>,
    #[prost(string, tag = "3")]
    schema_url: String,
}

/// The two halves, each with its number of spans. `None` of a request that cannot be halved: with less than two spans,
/// or of more than one resource or scope, as none of ours is.
pub(super) fn split(bytes: &Bytes) -> Option<[(Bytes, u64); 2]> {
    let mut request = Request::decode(bytes.clone()).ok()?;
    let [ResourceSpans { scope_spans, .. }] = &mut request.resource_spans[..] else { return None };
    let [ScopeSpans { spans, .. }] = &mut scope_spans[..] else { return None };
    if spans.len() < 2 {
        return None;
    }
    let rest = spans.split_off(spans.len() / 2);
    let first = (spans.len() as u64, request.clone());
    request.resource_spans[0].scope_spans[0].spans = rest;
    let second = (request.resource_spans[0].scope_spans[0].spans.len() as u64, request);
    Some([first, second].map(|(count, request)| (Bytes::from(request.encode_to_vec()), count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(spans: usize) -> Bytes {
        let spans = (0..spans).map(|number| Bytes::from(vec![number as u8; 3])).collect();
        let scope = ScopeSpans { scope: Some(Bytes::from_static(b"scope")), spans, schema_url: "s".into() };
        let resource = Some(Bytes::from_static(b"resource"));
        let spans = ResourceSpans { resource, scope_spans: vec![scope], schema_url: "r".into() };
        Request { resource_spans: vec![spans] }.encode_to_vec().into()
    }

    #[test]
    fn halves_have_all_spans_and_the_frame() {
        for count in 2..9 {
            let whole = Request::decode(request(count)).unwrap();
            let [first, second] = split(&request(count)).unwrap();
            assert_eq!(first.1 + second.1, count as u64);
            assert!(second.1 - first.1 <= 1);
            let halves = [first.0, second.0].map(|bytes| Request::decode(bytes).unwrap());
            let spans = |request: &Request| request.resource_spans[0].scope_spans[0].spans.clone();
            assert_eq!([spans(&halves[0]), spans(&halves[1])].concat(), spans(&whole));
            for mut half in halves {
                half.resource_spans[0].scope_spans[0].spans = spans(&whole);
                assert_eq!(half, whole);
            }
        }
    }

    #[test]
    fn what_cannot_be_halved_is_not() {
        for bytes in [request(0), request(1), Bytes::new(), Bytes::from_static(b"\xff")] {
            assert_eq!(split(&bytes), None);
        }
    }
}
