//! What is known of a Kubernetes cluster: who has an address, what owns it, which policies apply to it.
//!
//! Objects come in, as the API server sent them and with the time at which they came; answers go out. Nothing in here
//! opens a connection or reads a clock, but the module that watches the API server.

mod agents;
mod cluster;
mod intern;
pub mod kind;
mod known;
mod names;
mod needs;
pub mod object;
mod options;
mod pod;
mod policy;
mod protocol;
mod selector;
mod service;
mod shards;
mod slice;
pub mod time;
mod view;
#[cfg(feature = "watch")]
pub mod watch;

pub use agents::CONFIGURATION;
pub use cluster::Cluster;
pub use intern::LONGEST_VALUE;
pub use kind::Kind;
pub use known::DEEPEST_OWNER;
pub use names::Names;
pub use needs::Needs;
pub use object::Object;
pub use options::{KeyPatterns, Options, Scope};
pub use policy::Depth;
pub use protocol::{Port, Protocol};
pub use time::Time;
pub use view::{Conversation, End, Policies, View};
