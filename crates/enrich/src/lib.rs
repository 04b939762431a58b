//! Who was talking: processes, containers, and names of addresses, as `flowtrace_flow` puts them into records.
//!
//! Nothing here knows packets or attributes, and nothing blocks whoever asks: what takes time (runtimes, the resolver) is
//! done by threads of this crate, and the first answer goes without. What is not known for certain is absent. All that
//! is remembered is bounded.
//!
//! | | |
//! |---|---|
//! | [`Processes`] | [`note`](Processes::note) when a process uses a socket, [`get`](Processes::get) when the record is made: the program, its arguments, its owner and its container, as they were then |
//! | [`Containers`] | Names and images of containers by their runtimes (Docker, containerd, CRI-O, Podman), or what cgroups say alone |
//! | [`Names`] | Names of addresses: `/etc/hosts`, what answers of the domain name system said ([`learn`](Names::learn)), the system's resolver |
//! | [`Hidden`] | Pseudonyms in place of addresses |
//!
//! ```
//! use flowtrace_enrich::{Containers, NameSettings, Names, ProcessSettings, Processes, Seen};
//!
//! let processes = Processes::new(&ProcessSettings::default(), Containers::by_cgroups());
//! let names = Names::start(&NameSettings { hosts: Some("/etc/hosts".into()), has_learned: true, reverse: None })?;
//!
//! // The kernel says that a process used a socket: from the thread that reads this, at once.
//! let at = 5_000_000_000; // Nanoseconds since boot.
//! processes.note(&Seen { tgid: 4711, comm: *b"curl\0\0\0\0\0\0\0\0\0\0\0\0", is_main_thread: true, at });
//! names.learn("192.0.2.1".parse()?, "www.example.com.", 300, at);
//!
//! // Later, for the record.
//! let process = processes.get(4711, at).expect("it was seen");
//! assert_eq!(process.executable_name.as_deref(), Some("curl"));
//! assert_eq!(names.name("192.0.2.1".parse()?, at).as_deref(), Some("www.example.com"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Times are arguments, in nanoseconds since boot (`CLOCK_BOOTTIME`, as in the kernel's hooks and in
//! `/proc/PID/stat`). Only the questions to runtimes are paced by a clock of this crate.
//!
//! The feature `runtimes` (on by default) has the clients of container runtimes.

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
pub use names::{NameSettings, Names, ReverseSettings, ServerNames, host_name, parse_hosts};
pub use processes::{COMM_LENGTH, ProcessSettings, Processes, Seen};
pub use users::parse as parse_passwd;
