//! `flowtrace config`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use super::defaults::Keys;
use super::keys::FILE_VARIABLE;
use super::{Variables, layers, page, schema};
use crate::cli::{Command, ConfigCommand};
use crate::exit::Exit;
use crate::{log, run, validate};

/// Why a file is not right, or nothing was printed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the file, the environment or both say.
    #[error(transparent)]
    Layers(#[from] layers::Error),
    /// What only `run` finds.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// No file.
    #[error("say which file is to be checked, here or by {FILE_VARIABLE}")]
    NoFile,
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Write(#[from] io::Error),
}

/// Does what the command says.
pub fn run(command: &ConfigCommand, get: Variables<'_>) -> Result<Exit, Error> {
    match command {
        ConfigCommand::Default => print(&Keys::new().file())?,
        ConfigCommand::Schema => print(&format!("{:#}\n", schema::schema()))?,
        ConfigCommand::Reference => print(&page::page())?,
        ConfigCommand::Check { file } => check(file.as_ref(), get)?,
    }
    Ok(Exit::Done)
}

fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Checks a file and the environment, as `run` would.
fn check(file: Option<&PathBuf>, get: Variables<'_>) -> Result<(), Error> {
    let named = || get(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = file.cloned().or_else(named).ok_or(Error::NoFile)?;
    let mut config = OsString::from("--config=");
    config.push(&path);
    let line = ["flowtrace".into(), "run".into(), config];
    let arguments = layers::arguments(line.to_vec(), get)?;
    if let Command::Run(options) = &arguments.command {
        validate::run(options, get)?;
    }
    log::say(&format!("{} is right", path.display()));
    Ok(())
}
