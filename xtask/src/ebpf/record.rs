//! `crates/ebpf/prebuilt/BUILD.txt`: what the committed objects were made of, and with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::tools::Tools;
use super::{Object, root};

const FILE: &str = "BUILD.txt";
const HEADER: &str = "# Written by `cargo xtask ebpf`: what the objects beside this file were made with, and of.\n";
/// What the programs are made of, below the repository's root.
const SOURCES: [&str; 7] = [
    "crates/ebpf/Cargo.toml",
    "crates/ebpf/Cargo.lock",
    "crates/ebpf/src",
    "crates/wire/Cargo.toml",
    "crates/wire/src",
    "crates/abi/Cargo.toml",
    "crates/abi/src",
];

/// Facts by name: `compiler`, `linker`, `sources` and the objects.
#[derive(Debug, PartialEq, Eq)]
pub struct Record(BTreeMap<String, String>);

impl Record {
    /// The record of a build.
    pub fn of(tools: &Tools, objects: &[Object]) -> Result<Self> {
        let mut facts = BTreeMap::new();
        facts.insert("compiler".to_owned(), tools.compiler.version.clone());
        facts.insert("linker".to_owned(), tools.linker.version.clone());
        facts.insert("sources".to_owned(), hash_sources(&root())?);
        facts.extend(objects.iter().map(|object| (object.name.clone(), hash(&object.bytes))));
        Ok(Self(facts))
    }

    /// The record beside the committed objects.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let facts = lines.filter_map(|line| line.split_once(" = "));
        Self(facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Writes the file.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        fs::write(&path, self.text()).with_context(|| format!("writing {}", path.display()))
    }

    fn text(&self) -> String {
        self.0.iter().fold(HEADER.to_owned(), |mut text, (name, value)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} = {value}");
            text
        })
    }

    /// A fact; empty where the file has none.
    pub fn fact(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether bytes can be compared.
    pub fn same_tools(&self, other: &Self) -> bool {
        ["compiler", "linker"].iter().all(|name| self.fact(name) == other.fact(name))
    }
}

/// SHA-256, in lower-case hex.
pub fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

/// One hash over the name, length and content of every source file, in the order of their names.
fn hash_sources(root: &Path) -> Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in files {
        let name = file.strip_prefix(root)?.to_string_lossy().into_owned();
        let content = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        hasher.update(format!("{name}\0{}\0", content.len()));
        hasher.update(content);
    }
    Ok(hex(&hasher.finalize()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("reading {}", path.display()))? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_file() {
        let facts = [("compiler", "rustc 1.96.0 (a = b), LLVM 22"), ("driver.bpf.o", "sha256:00")];
        let record = Record(facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(Record::parse(&record.text()), record);
        assert_eq!(record.fact("linker"), "");
    }

    /// Whoever changes an object by hand, or commits half of a build, is told without a BPF compiler.
    #[test]
    fn the_committed_objects_are_the_recorded_ones() {
        let folder = crate::ebpf::prebuilt();
        let record = Record::read(&folder).expect("a record beside the objects");
        for program in crate::ebpf::PROGRAMS {
            let name = format!("{program}.bpf.o");
            let bytes = fs::read(folder.join(&name)).expect("a committed object");
            assert_eq!(record.fact(&name), hash(&bytes), "{name}");
        }
    }
}
