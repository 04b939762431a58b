//! Which connections have other addresses on one side of this host than on the other: address translation (NAT), as the
//! kernel's connection tracking tells it (ctnetlink).
//!
//! [`Conntrack`] reads on a thread of its own: a list at the start, then each connection that begins and ends.
//! [`Translations`] holds those that are translated, bounded, and for a while those that are gone.

mod message;
mod reader;
mod socket;
mod translations;
mod tuple;

pub use message::{Change, Connection, connections};
pub use reader::{Conntrack, Counts, Known, Others, Unreadable};
pub use socket::{Listed, list};
pub use translations::{MOST, Translations};
pub use tuple::{Side, Tuple};
