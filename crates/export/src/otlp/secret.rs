//! Values that are shown nowhere.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A secret is a line of text.
const MAX: u64 = 64 << 10;

/// Where a secret is. Shown as where it is, never as what it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// Here.
    Text(String),
    /// In a file, less spaces and line ends around it; read again when the file changes.
    File(PathBuf),
    /// In an environment variable.
    Variable(String),
}

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file.
    #[error("cannot read the secret in {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The variable.
    #[error("cannot read the secret in the environment variable {0}: it is not set, or is no text")]
    Variable(String),
}

impl Secret {
    /// `file:PATH`, `env:NAME`, or the text itself.
    pub fn parse(text: &str) -> Self {
        Self::parse_reference(text).unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// `file:PATH` or `env:NAME`: for what must not be written on a command line, which everyone on the host can read.
    pub fn parse_reference(text: &str) -> Option<Self> {
        let file = text.strip_prefix("file:").map(|path| Self::File(path.into()));
        file.or_else(|| text.strip_prefix("env:").map(|name| Self::Variable(name.to_owned())))
    }

    /// The file that it is in.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) | Self::Variable(_) => None,
        }
    }

    ///
    /// # Errors
    /// When the file or variable is not there, or holds none.
    pub fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => read_file(path).map_err(|error| SecretError::File { path: path.clone(), error }),
            Self::Variable(name) => std::env::var(name).map_err(|_unset| SecretError::Variable(name.clone())),
        }
    }
}

fn read_file(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("(secret)"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_as_where_it_is() {
        let rows =
            [("abc", "(secret)"), ("file:x/token", "file:x/token"), ("env:TOKEN", "env:TOKEN"), ("", "(secret)")];
        for (text, shown) in rows {
            assert_eq!(format!("{:?}", Secret::parse(text)), shown);
        }
        assert_eq!(Secret::parse_reference("abc"), None);
    }

    #[test]
    fn a_file_s_line_end_is_no_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, " t0k3n\r\n").unwrap();
        assert_eq!(Secret::File(path).read().unwrap(), "t0k3n");
        let missing = Secret::File(folder.path().join("none")).read().unwrap_err().to_string();
        assert!(missing.contains("none") && missing.contains("No such file"), "{missing}");
        let unset = Secret::Variable("FLOWTRACE_TEST_UNSET".into()).read().unwrap_err().to_string();
        assert!(unset.contains("FLOWTRACE_TEST_UNSET"), "{unset}");
    }
}
