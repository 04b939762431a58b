//! Compiles the floor programs, where they are.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::ebpf::target;

/// The compiled floor programs, or a sentence about why there are none.
pub fn compile(folder: &Path) -> Result<PathBuf, String> {
    let source = folder.join("floor.bpf.c");
    if !source.is_file() {
        return Err(format!("there is no {} (--floor DIR names the folder)", source.display()));
    }
    try_compile(&source).map_err(|error| format!("{error:#}; on Debian: apt-get install clang-19 libbpf-dev bpftool"))
}

fn try_compile(source: &Path) -> Result<PathBuf> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let header = File::create(folder.join("vmlinux.h"))?;
    let mut bpftool = Command::new("bpftool");
    bpftool.args(["btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"]).stdout(header);
    succeed(&mut bpftool)?;
    // The loader knows the section by its older name.
    let text = fs::read_to_string(source)?.replace("SEC(\"tc\")", "SEC(\"classifier\")");
    let renamed = folder.join("floor.bpf.c");
    fs::write(&renamed, text)?;
    let object = folder.join("floor.o");
    let mut clang = Command::new("clang-19");
    clang.args(["-target", "bpf", "-D__TARGET_ARCH_x86", "-mcpu=v3", "-O2", "-g", "-c", "-I"]).arg(&folder);
    succeed(clang.arg(renamed).arg("-o").arg(&object))?;
    Ok(object)
}

fn succeed(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot run {name}"))?;
    if !status.success() {
        bail!("{name} failed");
    }
    Ok(())
}
