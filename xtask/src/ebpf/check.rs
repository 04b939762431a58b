//! `cargo xtask ebpf --check`: whether the committed objects are what the sources give.

use std::fs;

use anyhow::{Context, Result, bail};

use super::record::{Record, hash};
use super::{Object, load, prebuilt, say, target};

/// Exit code of `--exact` where the tools are not the recorded ones.
const OTHER_TOOLS: i32 = 3;

/// Compares what was just built with what is committed.
pub fn run(built: &Record, objects: &[Object], exact: bool) -> Result<()> {
    let committed = Record::read(&prebuilt())?;
    if built.same_tools(&committed) {
        return compare(built, &committed, objects);
    }
    say(&format!(
        "The committed objects were made with other tools, so bytes say nothing:\n  {}\n  {}",
        committed.fact("compiler"),
        committed.fact("linker")
    ))?;
    if built.fact("sources") != committed.fact("sources") {
        bail!(
            "the sources changed since the objects were built: run `cargo xtask ebpf` and commit crates/ebpf/prebuilt"
        );
    }
    if !load::is_permitted() {
        bail!("whether the objects built here load can only be seen as root");
    }
    for line in load::verify(objects)? {
        say(&line)?;
    }
    let object = target().join("ebpf/flowtrace.bpf.o");
    say(&format!("Run the kernel tests on the object built here: FLOWTRACE_BPF_OBJECT={}", object.display()))?;
    if exact {
        std::process::exit(OTHER_TOOLS);
    }
    Ok(())
}

fn compare(built: &Record, committed: &Record, objects: &[Object]) -> Result<()> {
    let mut wrong = Vec::new();
    for object in objects {
        let path = prebuilt().join(&object.name);
        let there = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        if there != object.bytes || committed.fact(&object.name) != hash(&there) {
            wrong.push(object.name.as_str());
        }
    }
    if wrong.is_empty() {
        return say("The committed objects are, byte for byte, what the sources give.");
    }
    let since = if built.fact("sources") == committed.fact("sources") {
        "though the recorded sources are the same"
    } else {
        "the sources changed since"
    };
    bail!(
        "not what the sources give: {} ({since}); run `cargo xtask ebpf` and commit crates/ebpf/prebuilt",
        wrong.join(", ")
    )
}
