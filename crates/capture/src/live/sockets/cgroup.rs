//! The root of the cgroup hierarchy (version 2), to which programs are attached that see all sockets.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, openat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// Opens it. Where it is mounted nowhere (as within `ip netns exec`), it is mounted for this process alone, at no place.
pub fn root() -> io::Result<OwnedFd> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    match mount_point(&mounts) {
        Some(path) => Ok(File::open(path)?.into()),
        None => Ok(detached()?),
    }
}

fn detached() -> rustix::io::Result<OwnedFd> {
    let filesystem = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&filesystem)?;
    let attributes =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = fsmount(&filesystem, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    openat(&mount, ".", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Where the hierarchy's root is mounted, by `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).
fn mount_point(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        (filesystem.split(' ').next() == Some("cgroup2") && root == "/").then(|| unescape(place).into())
    })
}

/// Spaces and the like are written as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    const ESCAPES: [(&str, &str); 4] = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    ESCAPES.iter().fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_among_the_mounts() {
        const OTHERS: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";
        for (line, place) in [
            ("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n", Some("/sys/fs/cgroup/unified")),
            ("35 24 0:29 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n", Some("/sys/fs/cgroup")),
            ("41 31 0:38 / /a\\040b rw - cgroup2 none rw\n", Some("/a b")),
            // Not the whole hierarchy.
            ("41 31 0:38 /system.slice /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", None),
            ("cgroup2\n\n - \n", None),
        ] {
            assert_eq!(mount_point(&format!("{OTHERS}{line}")), place.map(PathBuf::from), "{line}");
        }
    }
}
