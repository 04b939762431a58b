//! Flow records → spans: what each attribute's value is, and how a span is written.

mod generated;
mod options;
mod selection;
mod span;
mod value;
mod values;

pub use generated::attributes::Attribute;
pub use options::Options;
pub use selection::Selection;
pub use span::{Kind, SpanName, kind, span_name, status};
pub use value::Value;
pub use values::attributes;
