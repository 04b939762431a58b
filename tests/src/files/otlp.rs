//! What an OTLP receiver got, field by field against the lines of `--output json` of the same run.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value as OtlpValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as OtlpSpan, SpanFlags};
use serde_json::{Value, json};

use super::span::Span;

type Check = Result<(), String>;

/// Compares everything that arrived with everything that was written.
///
/// # Errors
/// The first field that differs, or the number of spans.
pub fn compare(received: &[ResourceSpans], written: &[Span]) -> Check {
    let mut arrived = HashMap::new();
    for group in received {
        let resource = group.resource.as_ref().ok_or("no resource")?;
        equal("resource", pairs(&resource.attributes)?, &written.first().ok_or("nothing was written")?.resource)?;
        equal("dropped resource attributes", resource.dropped_attributes_count, &0)?;
        for scope in &group.scope_spans {
            let name = scope.scope.as_ref().map(|scope| (scope.name.as_str(), scope.version.as_str()));
            equal("scope", name, &Some(("flowtrace", env!("CARGO_PKG_VERSION"))))?;
            let schema = scope.schema_url.starts_with("https://") && scope.schema_url == group.schema_url;
            equal("a schema URL in the scope and the resource", schema, &true)?;
            arrived.extend(scope.spans.iter().map(|span| (hex(&span.span_id), span)));
        }
    }
    let count = received.iter().flat_map(|group| &group.scope_spans).map(|scope| scope.spans.len()).sum::<usize>();
    equal("number of spans", count, &written.len())?;
    equal("number of span ids", arrived.len(), &written.len())?;
    for span in written {
        let id = span.field("span_id").unwrap_or_default();
        let found = arrived.get(id).ok_or_else(|| format!("span {id} did not arrive: {}", span.line))?;
        same(found, span).map_err(|why| format!("{why} for {}", span.line))?;
    }
    Ok(())
}

fn same(found: &OtlpSpan, span: &Span) -> Check {
    let kind = match span.field("kind") {
        Some("INTERNAL") => 1,
        Some("SERVER") => 2,
        Some("CLIENT") => 3,
        other => return Err(format!("kind {other:?}")),
    };
    let error = span.fields.iter().any(|(key, _)| key == "status");
    equal("trace id", Some(hex(&found.trace_id).as_str()), &span.field("trace_id"))?;
    equal("parent", hex(&found.parent_span_id).as_str(), &span.field("parent_span_id").unwrap_or_default())?;
    equal("name", Some(found.name.as_str()), &span.field("name"))?;
    equal("kind", found.kind, &kind)?;
    equal("start", found.start_time_unix_nano, &span.time("start_time_unix_nano"))?;
    equal("end", found.end_time_unix_nano, &span.time("end_time_unix_nano"))?;
    equal("attributes", pairs(&found.attributes)?, &span.attributes)?;
    equal("status", found.status.as_ref().map_or(0, |status| status.code), &if error { 2 } else { 0 })?;
    let dropped = (found.dropped_attributes_count, found.dropped_events_count, found.dropped_links_count);
    equal("dropped", dropped, &(0, 0, 0))?;
    equal("events and links", (found.events.len(), found.links.len()), &(0, 0))?;
    let remote = SpanFlags::ContextHasIsRemoteMask as u32 | SpanFlags::ContextIsRemoteMask as u32;
    equal("other flags than those of a remote parent", found.flags & !remote & !0xff, &0)
}

/// Keys and values in their order, as JSON output would have them. Integers must be integers and texts texts.
fn pairs(attributes: &[KeyValue]) -> Result<Vec<(String, Value)>, String> {
    let pair = |pair: &KeyValue| Ok((pair.key.clone(), value(pair.value.as_ref()).ok_or(format!("{pair:?}"))?));
    attributes.iter().map(pair).collect()
}

fn value(value: Option<&AnyValue>) -> Option<Value> {
    Some(match value?.value.as_ref()? {
        OtlpValue::StringValue(text) => json!(text),
        OtlpValue::IntValue(number) => json!(number),
        OtlpValue::ArrayValue(list) => {
            let texts = list.values.iter().map(|item| match &item.value {
                Some(OtlpValue::StringValue(text)) => Some(json!(text)),
                _ => None,
            });
            Value::Array(texts.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: &T) -> Check {
    if found == *expected { Ok(()) } else { Err(format!("{what}: got {found:?}, want {expected:?}")) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
