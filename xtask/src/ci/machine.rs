//! What the tests need of the machine.
#![expect(clippy::print_stderr, reason = "a developer's tool says what it installs")]

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Programs that the tests run, and Debian's packages that have them: the list that the tests have, too.
const MACHINE: &str = include_str!("../../../tests/machine.txt");
/// Packages without a program by which to know them.
const PACKAGES: [&str; 2] = ["python3-venv", "python3-pip"];
/// Where programs are that are not on everybody's path.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Installs what is missing, where it may; says what is missing, where it may not.
pub fn prepare() -> Result<()> {
    rustup_components()?;
    let mut missing: Vec<&str> =
        programs().filter(|(program, _)| !is_there(program)).map(|(_, package)| package).collect();
    missing.extend(PACKAGES.into_iter().filter(|package| !is_installed(package)));
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable();
    missing.dedup();
    let list = missing.join(" ");
    if !nix::unistd::geteuid().is_root() {
        bail!("missing: {list}; as root: apt-get install {list}");
    }
    eprintln!("installing {list}");
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], missing.as_slice()].concat())
}

/// The programs and packages of [`MACHINE`].
fn programs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = MACHINE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((words.next()?, words.next()?))
    })
}

fn rustup_components() -> Result<()> {
    for component in ["rustfmt", "clippy"] {
        let there =
            Command::new("cargo").args([if component == "rustfmt" { "fmt" } else { component }, "--version"]).output();
        if there.is_ok_and(|output| output.status.success()) {
            continue;
        }
        let status = Command::new("rustup").args(["component", "add", component]).status().context("no rustup")?;
        if !status.success() {
            bail!("missing: {component}; rustup component add {component}");
        }
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(FOLDERS.map(Into::into)).any(|folder| Path::new(&folder).join(program).exists())
}

fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query").args(["--show", "--showformat=${Status}", package]).output();
    output.is_ok_and(|output| output.stdout.starts_with(b"install ok installed"))
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(["--quiet", "--quiet"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("cannot run apt-get; install by hand what was named above")?;
    if !status.success() {
        bail!("apt-get {}: {status}", arguments.join(" "));
    }
    Ok(())
}
