//! What can go wrong with live capture, and what to do about it.

use std::io;

/// Why packets cannot be captured here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user may not load kernel programs.
    #[error(
        "watching live traffic needs root, or the capabilities CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; \
         run it with sudo, or read a capture file with `flowtrace read FILE`"
    )]
    Permission,
    /// The object could not be read or does not fit this program.
    #[error("the kernel program could not be loaded: {0}")]
    Load(#[from] aya::EbpfError),
    /// The kernel refused the program.
    #[error("the kernel refused the program `{program}`: {source}; flowtrace needs Linux 5.15 or later with BPF")]
    Program {
        /// Which one.
        program: &'static str,
        /// What aya says.
        #[source]
        source: aya::programs::ProgramError,
    },
    /// The program is loaded, but an interface does not take it.
    #[error("cannot attach to {interface}: {source}")]
    Attach {
        /// Name of the interface.
        interface: String,
        /// What aya says.
        #[source]
        source: aya::programs::ProgramError,
    },
    /// A map or program that should be in the object is not, or has another shape.
    #[error("the kernel program has no usable `{0}`: object and program are of different versions")]
    Contract(&'static str),
    /// A map could not be used.
    #[error("cannot use the kernel's map: {0}")]
    Map(#[from] aya::maps::MapError),
    /// Reading or deleting entries failed.
    #[error("cannot read the flows from the kernel: {0}")]
    Batch(#[source] io::Error),
    /// The kernel could not be asked for its interfaces.
    #[error("cannot ask the kernel for its interfaces (netlink): {0}")]
    Netlink(#[source] io::Error),
    /// The program's own network namespace is not to be found.
    #[error("cannot tell network namespaces apart (/proc/self/ns/net): {0}")]
    Namespaces(#[source] io::Error),
    /// The object file that was named could not be read.
    #[error("cannot read the kernel program {path}: {source}")]
    Object {
        /// Its path.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}
