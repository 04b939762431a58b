//! Who made the spans: the instrumentation scope.

/// Name of the instrumentation scope.
pub const NAME: &str = "flowtrace";
/// Its version: this program's.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
