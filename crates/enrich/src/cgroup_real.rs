//! Processes in real control groups, of all layouts, below a group of this test's own.
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::tests::{ROWS, expected, fill};
use super::*;
use crate::containers::Containers;
use crate::processes::{COMM_LENGTH, ProcessSettings, Processes, Seen};

/// A group above all others of a test, and a process that goes from group to group.
struct Groups {
    top: PathBuf,
    process: Child,
}

impl Groups {
    fn new(mount: &Path, test: &str) -> Self {
        Self { top: mount.join(test), process: Command::new("sleep").arg("600").spawn().unwrap() }
    }

    /// Puts the process into a group.
    fn enter(&self, path: &str) {
        let folder = self.top.join(path.trim_start_matches('/'));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("cgroup.procs"), self.process.id().to_string()).unwrap();
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        remove(&self.top);
    }
}

/// Groups are folders without files that could be removed.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// Hierarchies in which groups can be made: the second version's, and one of the first's that controls nothing.
fn hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (path, kind, options) = (words.nth(1)?, words.next()?, words.next()?);
        let is_wanted = kind == "cgroup2" || kind == "cgroup" && options.contains("name=systemd");
        is_wanted.then(|| PathBuf::from(path))
    });
    let can_make = |mount: &PathBuf| {
        let probe = mount.join(format!("flowtrace-probe-{:?}", std::thread::current().id()));
        fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)).is_ok()
    };
    mounts.filter(can_make).collect()
}

fn now() -> u64 {
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    // The tick in which a process starts may be the next one.
    (uptime.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1e9) as u64 + 20_000_000
}

/// Whether the test can run; else it says why not.
fn can_run(hierarchies: &[PathBuf]) -> bool {
    let processes = Processes::new(&ProcessSettings::default(), Containers::by_cgroups());
    if processes.can_read() && !hierarchies.is_empty() {
        return true;
    }
    eprintln!("\n*** NOT RUN: control groups can be made by root only, in the initial namespaces\n");
    false
}

#[test]
fn processes_in_real_groups() {
    let hierarchies = hierarchies();
    if !can_run(&hierarchies) {
        return;
    }
    for mount in hierarchies {
        let groups = Groups::new(&mount, "flowtrace-layouts");
        let mut count = 0;
        for (what, content, container) in ROWS {
            let content = fill(content);
            let Some(path) = content.strip_prefix("0::").filter(|path| is_plain(path)) else { continue };
            groups.enter(path);
            let processes = Processes::new(&ProcessSettings::default(), Containers::by_cgroups());
            let (tgid, at) = (groups.process.id(), now());
            processes.note(&Seen { tgid, comm: [0; COMM_LENGTH], is_main_thread: false, at });
            let found = processes.get(tgid, at).unwrap().container.clone();
            let found = found.map(|found| (found.id.to_string(), found.runtime.clone(), found.pod_uid.clone()));
            let expected = expected(*container);
            let expected = expected.map(|is| (is.id, is.runtime.map(Into::into), is.pod_uid.map(Into::into)));
            assert_eq!(found, expected, "{what} in {}", groups.top.display());
            count += 1;
        }
        assert!(count > 30, "only {count} layouts");
    }
}

/// A path that can be made: of one line, and without what the kernel adds.
fn is_plain(path: &str) -> bool {
    !path.contains('\n') && !path.contains("..") && !path.contains("(deleted)") && path.len() > 1
}

/// As an agent sees it that is in a namespace of groups, beside the other's group.
#[test]
fn beside_a_namespace_of_groups() {
    let hierarchies = hierarchies();
    if !can_run(&hierarchies) {
        return;
    }
    for mount in hierarchies {
        let groups = Groups::new(&mount, "flowtrace-beside");
        let agent = groups.top.join("kubepods/burstable/podother/agent");
        fs::create_dir_all(&agent).unwrap();
        groups.enter(&fill("/kubepods/besteffort/pod<U>/<A>"));
        let script = format!(
            "echo $$ > {}/cgroup.procs && exec unshare --cgroup cat /proc/{}/cgroup",
            agent.display(),
            groups.process.id()
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        let content = String::from_utf8(output.stdout).unwrap();
        assert!(content.contains(":/../../../besteffort/pod"), "{content} {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(container(content.as_bytes()), expected(Some(("A", None, Some("U")))));
    }
}
