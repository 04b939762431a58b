//! `cargo xtask ebpf`: builds the kernel programs and keeps the committed objects honest
//! (docs/decisions/0002-committed-kernel-object.md).

mod build;
mod check;
mod install;
pub mod load;
mod record;
mod strip;
mod tools;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use record::Record;
use tools::Tools;

/// The kernel programs: names of the binaries in crates/ebpf. `driver` is the benchmark's.
const PROGRAMS: [&str; 3] = ["flowtrace", "sockets", "driver"];

/// What to do with the kernel programs; without a flag, build them and write crates/ebpf/prebuilt.
#[derive(Args)]
pub struct Arguments {
    /// Install what the build needs and this machine lacks (Debian, as root; the linker goes to target/tools).
    #[arg(long, conflicts_with_all = ["check", "exact"])]
    install_tools: bool,
    /// Write nothing that is committed; fail when sources and committed objects disagree. The objects built here are
    /// left in target/ebpf for the kernel tests (FLOWTRACE_BPF_OBJECT=target/ebpf/flowtrace.bpf.o).
    #[arg(long)]
    check: bool,
    /// With --check: exit with 3 when this machine's compiler is not the recorded one, so that bytes say nothing.
    #[arg(long, requires = "check")]
    exact: bool,
}

/// An object, built and stripped.
pub struct Object {
    /// File name, in crates/ebpf/prebuilt and in target/ebpf.
    name: String,
    bytes: Vec<u8>,
}

/// Does it.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.install_tools {
        return install::run();
    }
    let tools = Tools::find()?;
    say(&format!("compiler: {}\nlinker:   {}", tools.compiler.version, tools.linker.version))?;
    let objects = build::run(&tools)?;
    let record = Record::of(&tools, &objects)?;
    if arguments.check {
        return check::run(&record, &objects, arguments.exact);
    }
    for line in load::verify(&objects)? {
        say(&line)?;
    }
    write(&record, &objects)
}

fn write(record: &Record, objects: &[Object]) -> Result<()> {
    let folder = prebuilt();
    fs::create_dir_all(&folder)?;
    for object in objects {
        let path = folder.join(&object.name);
        fs::write(&path, &object.bytes).with_context(|| format!("writing {}", path.display()))?;
        say(&format!("wrote crates/ebpf/prebuilt/{} ({} bytes)", object.name, object.bytes.len()))?;
    }
    record.write(&folder)
}

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |target| root().join(target))
}

/// The committed objects.
pub fn prebuilt() -> PathBuf {
    root().join("crates/ebpf/prebuilt")
}

/// A line for the person at the terminal.
pub fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
