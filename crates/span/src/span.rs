//! What a span says besides its attributes: name, kind, status.

use std::fmt::Write as _;
use std::ops::Deref;

use flowtrace_flow::{Direction, Record};

use crate::Profile;
use crate::generated::iana;
use crate::stack_text::StackText;
use crate::values::network_type;

/// The name of a span; dereferences to a string and lives on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanName(StackText<32>);

impl Deref for SpanName {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_str()
    }
}

/// `flow_<network.type>_<network.transport>`.
pub fn span_name(record: &Record) -> SpanName {
    let mut name = StackText::new();
    // At most 25 bytes: IANA's longest keyword has 15, which a test keeps true.
    for part in ["flow_", network_type(record), "_"] {
        let _ = name.write_str(part);
    }
    let _ = match iana::protocol_keyword(record.protocol) {
        Some(keyword) => name.write_str(keyword),
        None => write!(name, "{}", record.protocol),
    };
    SpanName(name)
}

/// OpenTelemetry's span kind, as far as flows have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The observer is at the initiator's side, or at neither.
    Client,
    /// The observer is at the responder's side only.
    Server,
    /// The initiator is not known, or the profile does not tell.
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

/// The span's kind: the observer's perspective, as `flow.direction` says it. In profile `proposal` a flow is an internal
/// operation of the network, whoever sees it.
pub const fn kind(record: &Record, profile: Profile) -> Kind {
    match (profile, record.direction) {
        (Profile::Reference, Direction::Forward) => Kind::Client,
        (Profile::Reference, Direction::Reverse) => Kind::Server,
        (Profile::Reference, Direction::Unknown) | (Profile::Proposal, _) => Kind::Internal,
    }
}

/// What the span's status says where it is `ERROR` (the value of `error.type`); `None` where the status is unset.
pub fn status(record: &Record) -> Option<&'static str> {
    record.failure.map(|failure| failure.name())
}
