//! The compiler and the linker of the kernel programs: where they are, or what to install.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The target triple.
pub const TARGET: &str = "bpfel-unknown-none";

/// What turns sources into an object.
pub struct Tools {
    pub compiler: Compiler,
    pub linker: Linker,
}

/// A rustc that knows BPF, and its cargo.
pub struct Compiler {
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    /// `core` is not there for the target and is built from these sources.
    pub core_sources: Option<PathBuf>,
    /// With what makes a difference to the bytes.
    pub version: String,
}

/// bpf-linker.
pub struct Linker {
    pub path: PathBuf,
    pub version: String,
}

impl Tools {
    /// The tools of this machine, or a sentence about each that is missing.
    pub fn find() -> Result<Self> {
        match (Compiler::find()?, Linker::find()?) {
            (Some(compiler), Some(linker)) => Ok(Self { compiler, linker }),
            (compiler, linker) => bail!(missing(compiler.is_none(), linker.is_none())),
        }
    }
}

fn missing(compiler: bool, linker: bool) -> String {
    let mut text = String::new();
    if compiler {
        text += "No compiler for the kernel program: neither Debian's (/usr/bin/rustc and /usr/bin/cargo with package \
                 libstd-rust-web-dev-bpf) nor a nightly of rustup with its component rust-src.\n";
    }
    if linker {
        text += "No bpf-linker on PATH, in ~/.cargo/bin, /opt/bpf-linker/bin or target/tools/bin.\n";
    }
    text += "On Debian, run as root: cargo xtask ebpf --install-tools\nElsewhere:";
    if compiler {
        text += " rustup toolchain install nightly --component rust-src;";
    }
    if linker {
        text += " cargo install bpf-linker;";
    }
    text + "\n`cargo build` needs neither: it uses the committed object."
}

impl Compiler {
    /// Debian's compiler, else a nightly of rustup.
    pub fn find() -> Result<Option<Self>> {
        Ok(match Self::find_debian()? {
            Some(compiler) => Some(compiler),
            None => Self::find_nightly()?,
        })
    }

    /// Debian builds `core` for the target (package libstd-rust-web-dev-bpf).
    pub fn find_debian() -> Result<Option<Self>> {
        let (rustc, cargo) = (PathBuf::from("/usr/bin/rustc"), PathBuf::from("/usr/bin/cargo"));
        if !rustc.is_file() || !cargo.is_file() {
            return Ok(None);
        }
        let Ok(sysroot) = output(&rustc, &["--print", "sysroot"]) else { return Ok(None) };
        if !Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib").is_dir() {
            return Ok(None);
        }
        let version = version(&rustc)?;
        Ok(Some(Self { rustc, cargo, core_sources: None, version }))
    }

    fn find_nightly() -> Result<Option<Self>> {
        let Some(rustup) = on_path("rustup") else { return Ok(None) };
        let which = |tool| output(&rustup, &["which", "--toolchain", "nightly", tool]);
        let (Ok(rustc), Ok(cargo)) = (which("rustc"), which("cargo")) else { return Ok(None) };
        let (rustc, cargo) = (PathBuf::from(rustc.trim()), PathBuf::from(cargo.trim()));
        let sysroot = PathBuf::from(output(&rustc, &["--print", "sysroot"])?.trim());
        let sources = sysroot.join("lib/rustlib/src/rust");
        if !sources.join("library/core").is_dir() {
            return Ok(None);
        }
        let version = version(&rustc)?;
        Ok(Some(Self { rustc, cargo, core_sources: Some(sources), version }))
    }
}

/// `rustc 1.96.0 (..), LLVM 22.1.8`. The linker copies lines of the standard library's sources into the object where it
/// finds them, so their presence is part of the version.
fn version(rustc: &Path) -> Result<String> {
    let text = output(rustc, &["-vV"])?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown").to_owned();
    let sources = PathBuf::from(format!("/usr/src/rustc-{}", field("release: ")));
    let with_sources = if sources.is_dir() { ", with its sources in /usr/src" } else { "" };
    Ok(format!("{}, LLVM {}{with_sources}", text.lines().next().unwrap_or("rustc"), field("LLVM version: ")))
}

impl Linker {
    /// The first bpf-linker that runs.
    pub fn find() -> Result<Option<Self>> {
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")));
        let places = [
            on_path("bpf-linker"),
            home.map(|home| home.join("bin/bpf-linker")),
            Some(PathBuf::from("/opt/bpf-linker/bin/bpf-linker")),
            Some(installed_linker()),
        ];
        for path in places.into_iter().flatten().filter(|path| path.is_file()) {
            if let Ok(version) = output(&path, &["--version"]) {
                return Ok(Some(Self { version: with_llvm(&path, version.trim())?, path }));
            }
        }
        Ok(None)
    }
}

/// Where `--install-tools` puts the linker.
pub fn installed_linker() -> PathBuf {
    super::root().join("target/tools/bin/bpf-linker")
}

/// The linker does not tell its LLVM; where it uses Debian's, that one does.
fn with_llvm(linker: &Path, version: &str) -> Result<String> {
    let bytes = std::fs::read(linker).with_context(|| format!("reading {}", linker.display()))?;
    let config = Path::new("/usr/lib/llvm-22/bin/llvm-config");
    if bytes.windows(12).any(|name| name == b"libLLVM.so.2") && config.is_file() {
        return Ok(format!("{version}, LLVM {}", output(config, &["--version"])?.trim()));
    }
    Ok(format!("{version}, its own LLVM"))
}

/// A program by the name of its file.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A command that does not inherit what `cargo xtask` and its user set up for another compiler.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    const FOREIGN: [&str; 8] = [
        "CARGO_PROFILE_",
        "CARGO_BUILD_",
        "CARGO_TARGET_",
        "CARGO_ENCODED_",
        "CARGO_INCREMENTAL",
        "RUSTC",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
    ];
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if FOREIGN.iter().any(|foreign| name.starts_with(foreign)) || name == "CARGO" || name == "LD_LIBRARY_PATH" {
            command.env_remove(name.as_ref());
        }
    }
    command.env("RUSTUP_AUTO_INSTALL", "0");
    command
}

/// What a command writes to standard output; an error when it fails.
pub fn output(program: &Path, arguments: &[&str]) -> Result<String> {
    let name = || format!("{} {}", program.display(), arguments.join(" "));
    let result = command(program).args(arguments).output().with_context(name)?;
    if !result.status.success() {
        bail!("{} failed: {}", name(), String::from_utf8_lossy(&result.stderr).trim());
    }
    String::from_utf8(result.stdout).with_context(name)
}
