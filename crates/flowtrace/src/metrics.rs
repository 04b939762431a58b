//! What the program says of itself: counted in the main loop, published at each scan, shown by the endpoint.
//!
//! ```text
//! main loop: Observer ─each scan→ Published (one pointer) ─→ HTTP thread: families → Page → text
//! ```
//!
//! Who reads a page never waits for the main loop, nor the main loop for him.

mod accept;
mod families;
mod family;
mod observer;
mod process;
mod published;
mod table;

#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;

pub use accept::format;
pub use families::page;
pub use observer::{Facts, Observer};
pub use published::{Published, Snapshot};
