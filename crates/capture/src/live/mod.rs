//! Live capture: the kernel program on this host's interfaces.
//!
//! [`Live`] loads the program, attaches it to the interfaces that the patterns choose, follows interfaces as they
//! come and go, and reads the flow entries. What the host knows of its sockets is in [`HostSockets`]. Everything it attached goes with it: kernel links are closed when the
//! process ends however it ends; filters on older kernels are removed when it is dropped.

mod addresses;
mod attach;
mod attached;
mod batch;
mod clock;
mod error;
mod kernel;
mod links;
mod namespaces;
mod netlink;
mod pattern;
mod payloads;
mod qdisc;
mod runs;
mod sockets;
mod watch;

pub use attach::AttachKind;
pub use attached::Attached;
pub use clock::Moment;
pub use error::Error;
pub use kernel::{Header, Hook, Kernel, KernelOptions, Readings, SkbContext};
pub use namespaces::{NamespaceScope, Namespaces};
pub use pattern::{InterfacePatterns, PatternError};
pub use runs::ProgramRuns;
pub use sockets::{HostSockets, OnSeen, Owner, Seen};
pub use watch::{Live, LiveOptions, Losses};
