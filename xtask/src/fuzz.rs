//! Fuzzes every target for a while.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

/// The targets of `fuzz/`.
const TARGETS: [&str; 8] = ["dissect", "walk", "file", "filter", "who", "kubernetes", "dns", "tls"];

/// What a target may use, in MiB: zstd's window alone may be 128.
const MEMORY: u32 = 2048;

/// Runs each target for this many seconds.
///
/// # Errors
/// A crash, or a tool that is missing.
pub fn run(seconds: u64) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    install()?;
    let failed: Vec<&str> = TARGETS.into_iter().filter(|target| !fuzz(root, target, seconds)).collect();
    ensure!(failed.is_empty(), "{} failed: see above, and fuzz/README.md for what to do", failed.join(" and "));
    Ok(())
}

/// Gets cargo-fuzz where it is missing.
#[expect(clippy::print_stderr, reason = "a developer's tool says what it installs")]
fn install() -> Result<()> {
    if cargo(&["fuzz", "--version"]).output().is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    eprintln!("cargo-fuzz is missing: cargo install cargo-fuzz --locked");
    let status = cargo(&["install", "cargo-fuzz", "--locked"]).status().context("cannot run cargo")?;
    if !status.success() {
        bail!("cargo-fuzz could not be installed; its build needs a network and a C compiler");
    }
    Ok(())
}

/// Whether a target ran to its end.
#[expect(clippy::print_stderr, reason = "a developer's tool says what it does")]
fn fuzz(root: &Path, target: &str, seconds: u64) -> bool {
    eprintln!("fuzzing {target} for {seconds} s");
    let folder = |set: &str| -> PathBuf { root.join("fuzz").join(set).join(target) };
    if let Err(error) = fs::create_dir_all(folder("corpus")) {
        eprintln!("cannot write to fuzz/corpus: {error}");
        return false;
    }
    let status = cargo(&["fuzz", "run", target])
        .args([folder("corpus"), folder("seeds"), folder("crashes")])
        .args(["--", "-print_final_stats=1", "-verbosity=0", "-timeout=10"])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .current_dir(root)
        // Sanitizers are not stable; the stable compiler has them.
        .env("RUSTC_BOOTSTRAP", "1")
        .status();
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot run cargo: {error}");
            false
        }
    }
}

/// The cargo that runs this.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}
