//! Compiles and links the kernel programs so that the bytes depend on the sources and the tools alone.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::tools::{Compiler, TARGET, Tools, command};
use super::{Object, PROGRAMS, root, strip, target};

/// Cargo calls this instead of the compiler. The number by which cargo tells crates apart has the path of the checkout in
/// it, and ends up in symbol names and in the order of functions; name and version are as good here.
const WRAPPER: &str = r#"#!/bin/sh
for argument; do
    shift
    case $argument in metadata=*) argument="metadata=$CARGO_PKG_NAME-$CARGO_PKG_VERSION" ;; esac
    set -- "$@" "$argument"
done
exec "$@"
"#;

/// What stands for a folder of this machine in the object. It must not exist: the linker would copy lines from it.
const NOWHERE: &str = "/_";

/// Builds all programs and leaves them in target/ebpf, too.
pub fn run(tools: &Tools) -> Result<Vec<Object>> {
    let folder = target().join("ebpf");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    compile(tools, &folder)?;
    let mut objects = Vec::new();
    for program in PROGRAMS {
        let linked = folder.join(TARGET).join("release").join(program);
        let bytes = fs::read(&linked).with_context(|| format!("reading {}", linked.display()))?;
        let object = Object { name: format!("{program}.bpf.o"), bytes: strip::run(&bytes)? };
        fs::write(folder.join(&object.name), &object.bytes)?;
        objects.push(object);
    }
    Ok(objects)
}

fn compile(tools: &Tools, folder: &Path) -> Result<()> {
    let wrapper = folder.join("rustc-by-name.sh");
    if !fs::read_to_string(&wrapper).is_ok_and(|there| there == WRAPPER) {
        fs::write(&wrapper, WRAPPER)?;
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    }
    let mut cargo = command(&tools.compiler.cargo);
    cargo.current_dir(root().join("crates/ebpf"));
    cargo.args(["build", "--quiet", "--release", "--locked", "--target", TARGET, "--target-dir"]).arg(folder);
    if tools.compiler.core_sources.is_some() {
        cargo.arg("-Zbuild-std=core");
    }
    cargo.env("RUSTC", &tools.compiler.rustc).env("RUSTC_WRAPPER", wrapper);
    // The target is one that only unstable features reach, `asm!` for BPF among them.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(tools)?);
    if !cargo.status().context("running cargo")?.success() {
        bail!("the kernel programs do not build (see above)");
    }
    Ok(())
}

/// The compiler's flags, as cargo wants them: separated by 0x1f.
fn flags(tools: &Tools) -> Result<OsString> {
    let mut flags = OsString::from("-Clinker=");
    flags.push(&tools.linker.path);
    // v3: 32-bit registers and jumps, since Linux 5.1.
    flags.push("\u{1f}-Ctarget-cpu=v3\u{1f}-Clink-arg=--btf");
    // All kernels that we load into allow it, and without it each header field is read byte by byte. The linker makes
    // the code, so it is enough (and free of warnings) to tell it alone.
    flags.push("\u{1f}-Clink-arg=--cpu-features=+allows-misaligned-mem-access");
    for (folder, name) in folders(&tools.compiler)? {
        flags.push("\u{1f}--remap-path-prefix=");
        flags.push(folder);
        flags.push(format!("={NOWHERE}/{name}"));
    }
    Ok(flags)
}

/// Every folder with sources, and what to call it: wherever cargo keeps them, the name is the same.
fn folders(compiler: &Compiler) -> Result<Vec<(PathBuf, String)>> {
    let mut cargo = command(&compiler.cargo);
    cargo.current_dir(root().join("crates/ebpf")).env("RUSTC", &compiler.rustc);
    cargo.args(["metadata", "--quiet", "--format-version", "1", "--locked"]);
    let output = cargo.output().context("running cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let text = |package: &serde_json::Value, field: &str| package[field].as_str().map(str::to_owned);
    let mut folders = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata without packages")? {
        let manifest = text(package, "manifest_path").context("a package without manifest")?;
        let name = text(package, "name").context("a package without name")?;
        let version = text(package, "version").context("a package without version")?;
        let folder = Path::new(&manifest).parent().context("a manifest without folder")?;
        folders.push((folder.to_path_buf(), format!("{name}-{version}")));
    }
    folders.extend(compiler.core_sources.clone().map(|sources| (sources, "rust".to_owned())));
    Ok(folders)
}
