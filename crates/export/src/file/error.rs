//! What can be wrong with a file that is written to.

use std::io;
use std::path::PathBuf;

/// Why a file cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened or made.
    #[error("cannot write to {}: {source}{}", path.display(), hint(source))]
    Open {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is a device, a pipe, a socket.
    #[error("cannot write to {}: it is no regular file; lines for a pipe go to standard output", path.display())]
    NoFile {
        /// Its path.
        path: PathBuf,
    },
    /// Another process has locked it.
    #[error("cannot write to {}: another process writes to it; give each a file of its own", path.display())]
    InUse {
        /// Its path.
        path: PathBuf,
    },
    /// Lines could not be appended.
    #[error("cannot write to {}: {source}", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What to do about it.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; make its directory first",
        io::ErrorKind::PermissionDenied => "; its directory, or the file, must be writable for this user",
        _ => "",
    }
}
