//! Spans per second of the encoders, alone and with delivery.
//!
//! What is measured is compiled for release, apart from xtask: `crates/export/benches/encode`. It gives the figures of every
//! round; here they become medians.

mod figures;
mod report;

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::figures::Figures;
use super::{Encode, machine};
use crate::ebpf::say;

/// The command.
pub fn run(arguments: &Encode) -> Result<()> {
    // Before anything is pinned: it takes a while.
    bench(&["--no-run"])?;
    let delivered = bench(&["--", "deliver", &arguments.deliveries.to_string()])?;
    machine::pin(arguments.cpu)?;
    let encoded = bench(&["--", "encode", &arguments.rounds.to_string()])?;
    let figures = Figures::parse(&encoded, &delivered)?;
    say(&report::text(&figures))?;
    if let Some(path) = &arguments.json {
        fs::write(path, report::json(&figures)?).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// What the benchmark says.
fn bench(arguments: &[&str]) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["bench", "--quiet", "--package", "flowtrace-export", "--bench", "encode"])
        .args(arguments)
        .current_dir(crate::ebpf::root())
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("running cargo")?;
    if !output.status.success() {
        bail!("the benchmark failed ({})", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}
