//! What is needed to test `deploy/`: real helm and kubectl, and the manifests that they make of the chart.

#![allow(clippy::unwrap_used, reason = "a failure in these helpers is a failed test")]

pub mod differences;
mod programs;

pub use programs::Programs;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The release and its namespace, in all tests and in the plain manifests.
pub const NAME: &str = "flowtrace";

/// The top of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folder of the chart.
pub fn chart() -> PathBuf {
    root().join("deploy/helm/flowtrace")
}

/// What is rendered with these values (`--set-json`, as `config.processes="off"`), in YAML.
///
/// # Errors
/// What helm says.
pub fn template(programs: &Programs, values: &[&str], more: &[&str]) -> Result<String, String> {
    let mut command = Command::new(&programs.helm);
    command.args(["template", NAME]).arg(chart()).args(["--namespace", NAME]).args(more);
    for value in values {
        command.args(["--set-json", value]);
    }
    said(&mut command)
}

/// The objects that are rendered with these values.
///
/// # Errors
/// What helm says.
pub fn objects(programs: &Programs, values: &[&str]) -> Result<Vec<Value>, String> {
    template(programs, values, &[]).map(|text| parse(&text))
}

/// The documents of a stream of YAML.
///
/// # Panics
/// When it is none.
pub fn parse(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The only object of a kind.
///
/// # Panics
/// When there is another number of them.
pub fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found: Vec<_> = objects.iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "objects of kind {kind}");
    found[0]
}

/// Standard output of a command that must not fail.
///
/// # Errors
/// What it said when it failed.
pub fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text.into_owned()) } else { Err(format!("{text}{errors}")) }
}
