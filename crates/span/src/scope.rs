//! Who made the spans: the instrumentation scope and the schema that the names follow.

/// Name of the instrumentation scope.
pub const NAME: &str = "flowtrace";
/// Its version: this program's.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// OpenTelemetry's semantic conventions of which the `network.*`, `source.*`, `host.*` … names are taken.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.40.0";
