//! One process at a time, and the errors of opening.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Another process has it.
    #[error("the spool {} is in use by another process{owner}; end that, or give each its own directory", path.display())]
    InUse {
        /// The spool's directory.
        path: PathBuf,
        /// Its process id, where it is known, as " (12)".
        owner: String,
    },
    /// A later version of the program wrote it.
    #[error("the spool's file {} is of format {version}; this program reads format 1: use the one that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u32,
    },
    /// The system refused.
    #[error("cannot use the spool: {}: {source}", path.display())]
    Io {
        /// What was to be read or written.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Unusable {
    /// For `map_err`.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}

/// Makes the directory where there is none (mode 0700: spans say who talks to whom), and locks it.
pub(super) fn lock(directory: &Path) -> Result<File, Unusable> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(Unusable::io(directory))?;
    let path = directory.join("lock");
    let mut file = options().read(true).write(true).create(true).open(&path).map_err(Unusable::io(&path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Unusable::InUse { path: directory.to_owned(), owner: owner(&mut file) });
        }
        Err(TryLockError::Error(error)) => return Err(Unusable::io(&path)(error)),
    }
    // The number is for the message above only: a full disk is no reason not to start.
    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
    Ok(file)
}

/// For files of the spool: mode 0600.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(16).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(process) if read.is_ok() => format!(" ({process})"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let held = lock(&path).unwrap();
        let error = lock(&path).unwrap_err().to_string();
        let process = std::process::id();
        assert!(error.contains(&format!("a/b is in use by another process ({process}); end that")), "{error}");
        drop(held);
        lock(&path).unwrap();
    }

    #[test]
    fn what_cannot_be_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = lock(&path).unwrap_err().to_string();
        assert!(error.starts_with("cannot use the spool: ") && error.contains("file: "), "{error}");
    }
}
