//! Who was talking.
mod cgroup;
mod containers;
mod hidden;
mod names;
mod processes;
mod recent;
mod text;
mod users;
mod watched;

pub use cgroup::{Identity, container as container_of_cgroups};
pub use containers::Containers;
#[cfg(feature = "runtimes")]
pub use containers::{RuntimeSettings, Socket, SocketKind};
pub use hidden::Hidden;
pub use names::{NameSettings, Names, ReverseSettings, host_name, parse_hosts};
pub use processes::{COMM_LENGTH, ProcessSettings, Processes, Seen};
pub use users::parse as parse_passwd;
