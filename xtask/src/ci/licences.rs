//! Which licences the dependencies have.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Licences under which code may be linked into a program that is Apache-2.0 OR MIT.
const ACCEPTED: [&str; 14] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unlicense",
    "0BSD",
    "CC0-1.0",
    "BSL-1.0",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
];

/// Fails when a dependency has none of the accepted licences, or comes from elsewhere than the registry.
pub fn check(root: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    for folder in ["", "fuzz"] {
        for package in packages(&root.join(folder))? {
            wrong.extend(complaint(&package));
        }
    }
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("; ")) }
}

fn packages(folder: &Path) -> Result<Vec<Value>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1"])
        .current_dir(folder)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata is no JSON")?;
    match metadata["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => bail!("cargo metadata names no packages"),
    }
}

fn complaint(package: &Value) -> Option<String> {
    let name = package["name"].as_str().unwrap_or("?");
    if let Some(source) = package["source"].as_str()
        && !source.starts_with("registry+")
    {
        return Some(format!("{name} comes from {source}"));
    }
    let licence = package["license"].as_str().unwrap_or("");
    // libfuzzer-sys carries LLVM's fuzzer, under NCSA; it is in no program that is given away.
    let accepted = name == "libfuzzer-sys" || is_accepted(licence);
    (!accepted).then(|| format!("{name} has the licence {licence:?}"))
}

/// Reads SPDX expressions as far as they occur: alternatives, of which one must do, of parts that all must.
fn is_accepted(expression: &str) -> bool {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ");
    let every = |part: &str| part.split(" AND ").all(|licence| ACCEPTED.contains(&licence.trim()));
    // `(A OR B) AND C` flattens to `A OR B AND C`: C is asked for with B, and A must do alone.
    !flat.is_empty() && flat.split(" OR ").any(every)
}

#[cfg(test)]
mod tests {
    use super::is_accepted;

    #[test]
    fn expressions_are_read() {
        for (expression, expected) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only", false),
            ("GPL-2.0-only OR MIT", true),
            ("Apache-2.0 AND ISC", true),
            ("Apache-2.0 AND GPL-2.0", false),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("", false),
        ] {
            assert_eq!(is_accepted(expression), expected, "{expression}");
        }
    }
}
