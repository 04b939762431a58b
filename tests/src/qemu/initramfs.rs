//! What the guest boots into: programs of the host with their libraries, the kernel's modules, and `/init`.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::tools;

use super::kernel::Kernel;

/// Programs of the host that the scenes use.
const PROGRAMS: [&str; 8] = ["ip", "tc", "nft", "ping", "ethtool", "iperf3", "ss", "wg"];
/// And those that busybox stands for.
const APPLETS: [&str; 5] = ["cat", "mount", "modprobe", "sysctl", "poweroff"];
/// Modules that may be needed, as folders: the kernel asks for those that it wants.
const MODULES: [&str; 5] = ["net", "drivers/net", "crypto", "lib", "arch"];
const FOLDERS: [&str; 7] = ["dev", "proc", "sys", "run", "tmp", "bin", "sbin"];

/// Where flowtrace lies in the guest.
pub const FLOWTRACE: &str = "/bin/flowtrace";
/// Where another kernel program than the built-in one lies, if there is one.
pub const BPF_OBJECT: &str = "/flowtrace.bpf.o";

/// Writes the archive (cpio, "newc", as the kernel unpacks it).
///
/// # Panics
/// When a file cannot be copied or a program fails.
pub fn pack(kernel: &Kernel, guest: &Path, archive: &Path) {
    let stage = tempfile::tempdir().expect("a folder for temporary files");
    let root = stage.path();
    for folder in FOLDERS {
        fs::create_dir(root.join(folder)).expect("the folder is new");
    }
    add_program(root, guest, "/init");
    add_program(root, &tools::flowtrace(), FLOWTRACE);
    if let Some(object) = tools::bpf_object() {
        copy(&object, &inside(root, BPF_OBJECT));
    }
    for program in PROGRAMS {
        add_program(root, &find(program), &format!("/bin/{program}"));
    }
    add_program(root, &find("busybox"), "/bin/busybox");
    for applet in APPLETS {
        // The kernel looks for modprobe in /sbin, users for programs in /bin.
        for folder in ["bin", "sbin"] {
            symlink("/bin/busybox", root.join(folder).join(applet)).expect("the name is free");
        }
    }
    add_modules(root, kernel);
    write(root, archive);
}

fn find(program: &str) -> PathBuf {
    tools::find(program).unwrap_or_else(|| panic!("{program} is not there"))
}

/// The path in the archive of an absolute path in the guest.
fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a file in a folder")).expect("a folder can be made");
    fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// Copies a program without its debugging information, and the libraries that it is linked with.
fn add_program(root: &Path, from: &Path, name: &str) {
    let to = inside(root, name);
    tools::output(tools::command("strip").arg("--strip-debug").arg("-o").arg(&to).arg(from));
    for library in libraries(from) {
        let to = inside(root, &library);
        if !to.exists() {
            copy(library.as_ref(), &to);
        }
    }
}

/// Absolute paths in what ldd says; nothing for a static program.
fn libraries(program: &Path) -> BTreeSet<String> {
    let output = tools::command("ldd").arg(program).output().expect("ldd runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(|word| word.trim_end_matches(':').to_owned())
        .collect()
}

fn add_modules(root: &Path, kernel: &Kernel) {
    let to = root.join("lib/modules").join(&kernel.version);
    for folder in MODULES {
        copy_tree(&kernel.modules.join("kernel").join(folder), &to.join("kernel").join(folder));
    }
    for list in ["modules.order", "modules.builtin"] {
        copy(&kernel.modules.join(list), &to.join(list));
    }
    tools::output(tools::command("depmod").arg("-b").arg(root).arg(&kernel.version));
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("a folder can be read");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("its type is known") {
            kind if kind.is_dir() => copy_tree(&entry.path(), &to),
            _ => copy(&entry.path(), &to),
        }
    }
}

fn write(root: &Path, archive: &Path) {
    let mut names = Vec::new();
    list(root, Path::new(""), &mut names);
    let file = fs::File::create(archive).expect("the archive can be written");
    let mut cpio = tools::command("cpio");
    cpio.args(["--create", "--quiet", "--format=newc", "--owner=0:0"]).current_dir(root);
    let mut cpio = cpio.stdin(Stdio::piped()).stdout(file).spawn().expect("cpio runs");
    let mut input = cpio.stdin.take().expect("piped");
    input.write_all(names.join("\n").as_bytes()).expect("cpio reads");
    drop(input);
    assert!(cpio.wait().expect("a child can be waited for").success(), "cpio failed");
}

/// Names of all that lies below `folder`, each folder before what is in it.
fn list(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder can be read") {
        let entry = entry.expect("a folder can be read");
        let name = folder.join(entry.file_name());
        names.push(name.to_str().expect("a name in UTF-8").to_owned());
        if entry.file_type().expect("its type is known").is_dir() {
            list(root, &name, names);
        }
    }
}
