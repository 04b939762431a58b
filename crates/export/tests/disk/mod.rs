//! A disk that can be filled.
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A small disk in a mount namespace that lives as long as this.
pub struct Disk {
    holder: Child,
    /// What lies on it, as seen from here.
    folder: PathBuf,
}

impl Disk {
    /// One of so many MiB over `folder/spool`; `None`, loudly, where there can be none.
    pub fn mount(folder: &Path, size: u32) -> Option<Self> {
        const SCRIPT: &str = r#"mount -t tmpfs -o size="$2"m tmpfs "$1" && echo ready && exec cat"#;
        let folder = folder.join("spool");
        fs::create_dir(&folder).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", SCRIPT, "sh"]).arg(&folder).arg(size.to_string());
        let holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut ready = [0; 5];
        let holder =
            holder.and_then(|mut holder| holder.stdout.take().unwrap().read_exact(&mut ready).map(|()| holder));
        let Ok(holder) = holder else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI there must be a disk to fill");
            eprintln!("\n*** NOT RUN with a full disk: a small disk is mounted by root only\n");
            return None;
        };
        let root = format!("/proc/{}/root", holder.id());
        let folder = Path::new(&root).join(folder.strip_prefix("/").unwrap());
        Some(Self { holder, folder })
    }

    /// A command that sees the disk; a signal to its process reaches the program itself.
    pub fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--target", &self.holder.id().to_string()]).arg(program);
        command
    }

    /// Leaves no room; what it returns is to be deleted to make some.
    pub fn fill(&self) -> PathBuf {
        let path = self.folder.join("filler");
        let mut file = fs::File::create(&path).unwrap();
        let chunk = vec![1; 1 << 20];
        let error = loop {
            if let Err(error) = file.write_all(&chunk) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
