//! The value of each attribute.

use flowtrace_flow::Record;

use crate::{Attribute, Options, Value};

/// Calls `visit` for every attribute of the record that is known and selected, in the order of [`Attribute::ALL`].
pub fn attributes(record: &Record, _options: &Options, visit: &mut impl FnMut(Attribute, Value<'_>)) {
    visit(Attribute::FlowEndReason, Value::Text(record.end_reason.name()));
}
