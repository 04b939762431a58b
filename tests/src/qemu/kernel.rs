//! Debian's 6.1 cloud kernel: found among the packages, downloaded and unpacked beside the builds. Nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools;

/// Packages of the series, as `apt-cache search --names-only` takes it. The unsigned ones and those with debugging
/// information have longer names.
const PACKAGES: &str = r"^linux-image-6\.1\.[0-9.-]+-cloud-amd64$";

/// An unpacked kernel.
#[derive(Debug)]
pub struct Kernel {
    /// What is booted.
    pub image: PathBuf,
    /// Folder of its modules (`lib/modules/VERSION`).
    pub modules: PathBuf,
    /// As `uname -r` says it.
    pub version: String,
}

/// The kernel in the cache; downloads it where it is not there yet.
///
/// # Errors
/// The sentence that says why there is none.
pub fn get(cache: &Path) -> Result<Kernel, String> {
    let unpacked = cache.join("kernel");
    if !unpacked.is_dir() {
        download(cache, &unpacked)?;
    }
    let version = only_name(&unpacked.join("lib/modules"))?;
    Ok(Kernel {
        image: unpacked.join(format!("boot/vmlinuz-{version}")),
        modules: unpacked.join("lib/modules").join(&version),
        version,
    })
}

fn download(cache: &Path, unpacked: &Path) -> Result<(), String> {
    fs::create_dir_all(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    // Unpacked under another name first: a folder of the right name is complete.
    let folder = tempfile::tempdir_in(cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let folder = folder.path();
    fetch(folder).or_else(|reason| {
        // The package lists may be old, or none.
        if !nix::unistd::geteuid().is_root() {
            return Err(format!("{reason}; as root: apt-get update"));
        }
        run("apt-get", &["--quiet", "--quiet", "update"], folder)?;
        fetch(folder)
    })?;
    let file = only_name(folder)?;
    run("dpkg", &["--extract", &file, "kernel"], folder)?;
    fs::rename(folder.join("kernel"), unpacked).map_err(|error| format!("{}: {error}", unpacked.display()))
}

fn fetch(folder: &Path) -> Result<(), String> {
    let list = run("apt-cache", &["search", "--names-only", PACKAGES], folder)?;
    let package = newest(&list).ok_or("there is no package linux-image-6.1.*-cloud-amd64, which Debian 12 has")?;
    run("apt-get", &["download", &package], folder).map(drop)
}

/// The package of the highest version in the answer of `apt-cache search`.
fn newest(list: &str) -> Option<String> {
    let numbers = |name: &str| -> Vec<u32> { name.split(['.', '-']).filter_map(|part| part.parse().ok()).collect() };
    list.lines().filter_map(|line| line.split(' ').next()).max_by_key(|name| numbers(name)).map(str::to_owned)
}

/// The name of the only file or folder in a folder.
fn only_name(folder: &Path) -> Result<String, String> {
    let sentence = |error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(|error| sentence(error.to_string()))?;
    let names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let [name] = &names[..] else { return Err(sentence(format!("one entry was expected, there are {names:?}"))) };
    Ok(name.clone())
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<String, String> {
    let mut command: Command = tools::command(program);
    let output = command.args(arguments).current_dir(folder).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_by_number() {
        let list = "linux-image-6.1.0-9-cloud-amd64 - a kernel\nlinux-image-6.1.0-56-cloud-amd64 - another\n\
                    linux-image-6.1.0-47-cloud-amd64 - and another\n";
        assert_eq!(newest(list).as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(newest(""), None);
    }
}
