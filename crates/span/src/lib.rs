//! Flow records → spans: what each attribute's value is, and how a span is written.

mod attribute;
mod community_id;
mod generated;
mod hex;
#[cfg(test)]
mod iana_tests;
mod json;
mod json_text;
mod keys;
mod options;
mod otlp;
mod otlp_json;
mod protobuf;
mod resource;
#[cfg(test)]
mod sample;
pub mod scope;
mod selection;
mod span;
mod stack_text;
mod text;
mod value;
mod values;

pub use attribute::{Definition, GroupDefinition, Level, Profile, Type};
pub use generated::attributes::{Attribute, Group, SCHEMA_URL};
pub use generated::iana;
pub use json::Json;
pub use options::Options;
pub use otlp::Batch;
pub use otlp_json::OtlpJson;
pub use resource::{Environment, EnvironmentError, Facts, Resource, ResourceValue, random_instance};
pub use selection::{Selection, UnknownGroup};
pub use span::{Kind, SpanName, kind, span_name, status};
pub use text::Text;
pub use value::Value;
pub use values::{attributes, value_of};
