//! All tests: what the README's test command runs, and CI with it.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a developer's tool says what it does")]

mod counts;
mod licences;
mod machine;

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use counts::Counts;

/// What is run, in this order. A step that fails does not keep the others from running.
type Step = (&'static str, fn(&Path, &mut Counts) -> Result<()>);

const STEPS: [Step; 8] = [
    ("machine", |_, _| machine::prepare()),
    ("formatting", formatting),
    ("licences", |root, _| licences::check(root)),
    ("lints", |root, _| cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("generated files", |root, _| cargo(root, &["xtask", "codegen", "--check"])),
    ("kernel program", kernel_program),
    ("tests", tests),
    ("fuzzing", |root, _| cargo(root, &["xtask", "fuzz", "--seconds", "20"])),
];

/// Runs everything, or the steps whose names are given.
///
/// # Errors
/// When a step failed; which ones is said.
pub fn run(only: &[String]) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    for name in only {
        if !STEPS.iter().any(|(known, _)| known == name) {
            bail!("there is no step `{name}`; the steps are {}", STEPS.map(|(known, _)| known).join(", "));
        }
    }
    let mut counts = Counts::default();
    let mut failed = Vec::new();
    for (name, step) in STEPS {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("\n== {name}");
        let began = Instant::now();
        if let Err(error) = step(root, &mut counts) {
            eprintln!("== {name} FAILED: {error:#}");
            failed.push(name);
        }
        eprintln!("== {name}: {} s", began.elapsed().as_secs());
    }
    if !failed.is_empty() {
        println!("failed steps: {}", failed.join(", "));
    }
    println!("{counts}");
    if failed.is_empty() { Ok(()) } else { bail!("{} of the steps failed", failed.len()) }
}

fn formatting(root: &Path, _: &mut Counts) -> Result<()> {
    for folder in ["", "crates/ebpf", "fuzz"] {
        cargo(&root.join(folder), &["fmt", "--all", "--check"])?;
    }
    Ok(())
}

fn kernel_program(root: &Path, _: &mut Counts) -> Result<()> {
    cargo(root, &["xtask", "ebpf", "--install-tools"])?;
    cargo(root, &["xtask", "ebpf", "--check"])
}

/// Unit, golden, contract, kernel and namespace tests. The program that they run is built first.
fn tests(root: &Path, counts: &mut Counts) -> Result<()> {
    cargo(root, &["build", "--package", "flowtrace"])?;
    let mut child = command(root, &["test", "--workspace", "--no-fail-fast", "--color", "never"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = child.stdout.take().context("the output of cargo is piped")?;
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read the output of cargo")?;
        counts.read(&line);
        println!("{line}");
    }
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() {
        bail!("cargo test: {status}");
    }
    if counts.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

fn cargo(folder: &Path, arguments: &[&str]) -> Result<()> {
    let status = command(folder, arguments).status().context("cannot run cargo")?;
    if !status.success() {
        bail!("cargo {}: {status}", arguments.join(" "));
    }
    Ok(())
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(folder);
    command
}
