//! Programs and libraries from PyPI, each in an environment of its own below the target folder.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;

use super::program::build_folder;

/// What is needed to get them.
const HINT: &str = "(needed: apt-get install python3 python3-venv, and access to PyPI)";

/// The environment `name` with these packages (`PACKAGE==VERSION`); made where it is missing. Another version wants
/// another name.
///
/// # Errors
/// Why it cannot be had.
pub fn installed(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = build_folder().join(name);
    // Held until the end: tests that run at the same time want the same environment.
    let lock = File::create(folder.with_added_extension("lock")).and_then(|file| file.lock().map(|()| file));
    let _lock = lock.map_err(|error| format!("{}: {error}", folder.display()))?;
    // Written last: what was interrupted is made anew.
    let (mark, wanted) = (folder.join("packages"), packages.join("\n"));
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "--only-binary", ":all:"]).args(packages))?;
    std::fs::write(&mark, wanted).map_err(|error| format!("{}: {error}", mark.display()))?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("cannot run {command:?}: {error} {HINT}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed: {} {HINT}", String::from_utf8_lossy(&output.stderr).trim()))
}
