//! Who was talking.
mod cgroup;
mod containers;
mod processes;
mod recent;
mod text;
mod users;
mod watched;

pub use cgroup::{Identity, container as container_of_cgroups};
pub use containers::Containers;
pub use processes::{COMM_LENGTH, ProcessSettings, Processes, Seen};
