//! What `/proc` says of a process (proc(5)).

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open, readlinkat};

use super::stat::{Stat, effective_uid};
use crate::cgroup::{self, Identity};
use crate::text;

/// The initial namespace of process ids: `PROC_PID_INIT_INO` (include/linux/proc_ns.h), 0xEFFFFFFC.
const INITIAL_NAMESPACE: &str = "pid:[4026531836]";
/// More bytes of `stat` and `status` are not read: they have a few hundred, and two thousand.
const LIMIT: usize = 1 << 14;
/// More bytes of a command line are not kept.
const MAX_COMMAND_LINE: usize = 4096;
/// What the kernel adds to the path of a file that has gone.
const DELETED: &[u8] = b" (deleted)";

/// A tree such as `/proc`.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    /// Its numbers are those of the initial namespace, as the kernel's hooks say them.
    is_initial: bool,
    /// Length of a tick, in nanoseconds.
    tick: u64,
    has_command_lines: bool,
}

/// What was read of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// When it started, in nanoseconds since boot: up to a tick (10 ms) early.
    pub start: u64,
    /// It is a thread of the kernel.
    pub is_kernel: bool,
    /// Name of the main thread.
    pub comm: Vec<u8>,
    /// Path of the executable.
    pub path: Option<String>,
    /// Arguments.
    pub command_line: Option<String>,
    /// Effective user.
    pub uid: Option<u32>,
    /// Innermost container.
    pub container: Option<Identity>,
}

impl Tree {
    /// The tree at `root`, which is read if it shows the initial namespace of process ids.
    pub fn new(root: &Path, has_command_lines: bool) -> Self {
        let namespace = fs::read_link(root.join("self/ns/pid"));
        let is_initial = namespace.is_ok_and(|link| link.as_os_str() == INITIAL_NAMESPACE);
        let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        Self { root: root.to_owned(), is_initial, tick, has_command_lines }
    }

    /// Whether it is read at all.
    pub const fn is_initial(&self) -> bool {
        self.is_initial
    }

    /// When the process with this number started, in nanoseconds since boot; `None` if there is none.
    pub fn start(&self, pid: u32) -> Option<u64> {
        let content = text::read_at(&self.open(pid)?, "stat", LIMIT)?;
        Some(Stat::parse(&content)?.start.saturating_mul(self.tick))
    }

    /// All of a process. A process that ends meanwhile is told as far as it was read; its number is not confused with
    /// that of another one, because its directory stays open.
    pub fn read(&self, pid: u32) -> Option<Image> {
        let folder = self.open(pid)?;
        let content = text::read_at(&folder, "stat", LIMIT)?;
        let stat = Stat::parse(&content)?;
        let path = if stat.is_kernel { None } else { executable(&folder) };
        let container = text::read_at(&folder, "cgroup", cgroup::LIMIT).and_then(|groups| cgroup::container(&groups));
        let uid = text::read_at(&folder, "status", LIMIT).and_then(|status| effective_uid(&status));
        let command_line = if self.has_command_lines { command_line(&folder) } else { None };
        // The name of now, that a change of programs since `stat` was read is seen.
        let latest = text::read_at(&folder, "stat", LIMIT);
        let comm = latest.as_deref().and_then(Stat::parse).map_or(stat.comm, |latest| latest.comm).to_vec();
        let (start, is_kernel) = (stat.start.saturating_mul(self.tick), stat.is_kernel);
        Some(Image { start, is_kernel, comm, path, command_line, uid, container })
    }

    fn open(&self, pid: u32) -> Option<OwnedFd> {
        if !self.is_initial {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(self.root.join(pid.to_string()), flags, Mode::empty()).ok()
    }
}

/// The executable's path, as the process sees it. Of a script it is the interpreter's. Absent of what has ended.
fn executable(folder: &OwnedFd) -> Option<String> {
    let link = readlinkat(folder, "exe", Vec::new()).ok()?;
    let path = link.as_bytes();
    let path = path.strip_suffix(DELETED).unwrap_or(path);
    (!path.is_empty()).then(|| text::printable(path))
}

/// The arguments with spaces between them. A process may write what it likes there.
fn command_line(folder: &OwnedFd) -> Option<String> {
    let content = text::read_at(folder, "cmdline", MAX_COMMAND_LINE)?;
    let end = content.iter().rposition(|&byte| byte != 0)? + 1;
    let spaced: Vec<u8> = content[..end].iter().map(|&byte| if byte == 0 { b' ' } else { byte }).collect();
    Some(text::printable(&spaced))
}

/// The last part of a path.
pub fn file_name(path: &str) -> Option<&str> {
    Path::new(path).file_name().map(OsStrExt::as_bytes).and_then(|name| std::str::from_utf8(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process() {
        let tree = Tree::new(Path::new("/proc"), true);
        if !tree.is_initial() {
            return; // Run in a container: nothing is read, as `processes` tests with a tree made by hand.
        }
        let image = tree.read(std::process::id()).unwrap();
        let own = std::env::current_exe().unwrap();
        assert_eq!(image.path.as_deref(), own.to_str());
        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
        assert_eq!(image.uid, Some(owner));
        let arguments: Vec<String> = std::env::args().collect();
        assert_eq!(image.command_line.unwrap(), arguments.join(" "));
        assert_eq!(tree.start(std::process::id()), Some(image.start));
        assert!(tree.read(u32::MAX).is_none());
        // PID 2 is the kernel's.
        assert!(tree.read(2).is_none_or(|image| image.path.is_none() && image.command_line.is_none()));
    }

    #[test]
    fn file_names() {
        for (path, name) in [("/usr/sbin/nginx", Some("nginx")), ("memfd:x", Some("memfd:x")), ("/", None), ("", None)]
        {
            assert_eq!(file_name(path), name);
        }
    }
}
