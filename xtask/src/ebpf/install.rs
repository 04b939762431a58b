//! `cargo xtask ebpf --install-tools`: what a bare Debian machine lacks.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::say;
use super::tools::{Compiler, Linker, installed_linker};

const COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];
/// LLVM of the compiler's version: what the compiler writes, the linker has to read.
const LLVM: &str = "llvm-22-dev";
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
const LINKER_VERSION: &str = "0.13.0";

/// Installs what is not there.
pub fn run() -> Result<()> {
    let mut packages = Vec::new();
    if Compiler::find_debian()?.is_none() {
        packages.extend(COMPILER);
    }
    let linker = Linker::find()?;
    if linker.is_none() && !Path::new(LLVM_PREFIX).join("include/llvm-c/Core.h").is_file() {
        packages.push(LLVM);
    }
    if !packages.is_empty() {
        apt(&packages)?;
    }
    if linker.is_none() {
        build_linker()?;
    }
    let tools = super::Tools::find()?;
    say(&format!("compiler: {}\nlinker:   {}", tools.compiler.version, tools.linker.version))
}

fn apt(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    if !nix::unistd::geteuid().is_root() {
        bail!("installing packages needs root; run: sudo apt-get install --no-install-recommends {names}");
    }
    say(&format!("installing Debian packages: {names}"))?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-y"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        succeed(command.args(packages.iter().filter(|_| arguments[0] == "install")))
    };
    apt(&["update"])?;
    apt(&["install", "--no-install-recommends"])
}

fn build_linker() -> Result<()> {
    let binary = installed_linker();
    let root = binary.ancestors().nth(2).context("a place for tools")?;
    say(&format!("building bpf-linker {LINKER_VERSION} into target/tools (a minute or two)"))?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["install", "bpf-linker", "--locked", "--version", LINKER_VERSION]);
    command.args(["--no-default-features", "--features", "llvm-22", "--root"]).arg(root);
    command.env("LLVM_PREFIX", LLVM_PREFIX).env("RUSTFLAGS", format!("-L {LLVM_PREFIX}/lib"));
    command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_ENCODED_RUSTFLAGS");
    succeed(&mut command)
}

fn succeed(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("running {name}"))?;
    if !status.success() {
        bail!("{name} failed (see above)");
    }
    Ok(())
}
