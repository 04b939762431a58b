//! `cargo xtask codegen`: what is derived from `registry/`, committed next to what people write.

#[cfg(test)]
mod contract;
mod iana;
mod metrics;
mod page;
mod registry;
mod rust;
mod schema;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use registry::Registry;

/// What the generated files say about themselves in their first line.
const NOTICE: &str = "Generated from registry/ by `cargo xtask codegen`; do not edit.";

/// A file that is derived from the registry.
struct Output {
    /// Path below the repository's root.
    path: &'static str,
    content: String,
}

/// Writes the files that differ. With `check`, writes nothing and fails when one would.
pub fn run(check: bool) -> Result<()> {
    let stale = stale(&root())?;
    if check && !stale.is_empty() {
        let paths: Vec<_> = stale.iter().map(|output| output.path).collect();
        bail!("not what the registry says: {}; run `cargo xtask codegen` and commit", paths.join(", "));
    }
    repair(&root(), &stale)
}

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The outputs whose files are absent or say something else.
fn stale(root: &Path) -> Result<Vec<Output>> {
    let mut outputs = outputs(root)?;
    outputs.retain(|output| fs::read_to_string(root.join(output.path)).ok().as_ref() != Some(&output.content));
    Ok(outputs)
}

#[expect(clippy::print_stderr, reason = "a developer's tool says what it writes")]
fn repair(root: &Path, outputs: &[Output]) -> Result<()> {
    for output in outputs {
        let path = root.join(output.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(&path, &output.content).with_context(|| format!("cannot write {}", output.path))?;
        eprintln!("wrote {}", output.path);
    }
    Ok(())
}

fn outputs(root: &Path) -> Result<Vec<Output>> {
    let registry = Registry::load(&root.join("registry"))?;
    let metrics = metrics::Metrics::load(&root.join("registry"))?;
    let iana = iana::generate(&root.join("registry/iana"))?;
    Ok(vec![
        Output { path: "crates/span/src/generated/attributes.rs", content: rustfmt(root, &rust::generate(&registry))? },
        Output { path: "crates/span/src/generated/iana.rs", content: rustfmt(root, &iana)? },
        Output { path: "crates/flowtrace/src/metrics/table.rs", content: rustfmt(root, &metrics.rust())? },
        Output { path: "docs/reference/attributes.md", content: page::generate(&registry) },
        Output { path: "docs/reference/flow-span.schema.json", content: schema::generate(&registry)? },
        Output { path: "docs/reference/metrics.md", content: metrics.page() },
    ])
}

/// The code as rustfmt lays it out, with the repository's settings.
fn rustfmt(root: &Path, code: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run rustfmt; `rustup component add rustfmt` installs it")?;
    let mut input = child.stdin.take().context("rustfmt has no standard input")?;
    let code = code.to_owned();
    // Written from a thread of its own: rustfmt may answer before it has read everything.
    let writer = std::thread::spawn(move || input.write_all(code.as_bytes()));
    let output = child.wait_with_output().context("rustfmt did not end")?;
    if !output.status.success() {
        bail!("rustfmt refuses the generated code: {}", output.status);
    }
    match writer.join() {
        Ok(written) => written.context("cannot write to rustfmt")?,
        Err(_) => bail!("the thread that writes to rustfmt panicked"),
    }
    String::from_utf8(output.stdout).context("rustfmt answers with something that is not text")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a table of IANA says, and what it must not.
    #[test]
    fn tables_that_are_not_in_order_are_refused() {
        for (text, expected) in [
            ("number,keyword\n1,A\n1,B\n", "not above the row before"),
            ("number,keyword\n256,A\n", "does not begin with numbers of one byte"),
            ("number,keyword\n0x10000,A\n", "does not begin with numbers of one byte"),
            ("number,keyword\n0x0900,A\n0x0800,B\n", "not above the row before"),
            ("number,keyword,more\n1,A,B\n", "has not 2 columns"),
        ] {
            let path = std::env::temp_dir().join(format!("flowtrace-iana-{}.csv", std::process::id()));
            fs::write(&path, text).unwrap();
            let error = iana::rows(&path, 1, 2).unwrap_err();
            fs::remove_file(&path).unwrap();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    /// Repairs what differs and then fails, so that a second run passes and the difference can be looked at.
    #[test]
    fn generated_files_are_what_the_registry_says() {
        let stale = stale(&root()).unwrap();
        repair(&root(), &stale).unwrap();
        let paths: Vec<_> = stale.iter().map(|output| output.path).collect();
        assert!(paths.is_empty(), "were not what the registry says and have been rewritten; commit them: {paths:?}");
    }
}
