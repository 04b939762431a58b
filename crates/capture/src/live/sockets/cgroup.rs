//! The root of the cgroup hierarchy (version 2), to which programs are attached that see all sockets.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Mode, OFlags, openat, statat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// A file that every group has but the hierarchy's root (Documentation/admin-guide/cgroup-v2.rst, "Core Interface Files").
const NOT_IN_THE_ROOT: &str = "cgroup.type";

/// Opens it. Where it is mounted nowhere (as within `ip netns exec`), it is mounted for this process alone, at no place.
///
/// In a namespace of control groups, as containers have, what can be mounted is a group like any other: its sockets are
/// those of the container alone. There the whole hierarchy must be among the mounts, as Kubernetes' host paths are.
pub fn root() -> io::Result<OwnedFd> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    let whole = mount_points(&mounts).find(|path| !path.join(NOT_IN_THE_ROOT).exists());
    match whole {
        Some(path) => Ok(File::open(path)?.into()),
        None => detached(),
    }
}

fn detached() -> io::Result<OwnedFd> {
    let filesystem = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&filesystem)?;
    let attributes =
        MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = fsmount(&filesystem, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    let root = openat(&mount, ".", OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    if statat(&root, NOT_IN_THE_ROOT, AtFlags::empty()).is_ok() {
        return Err(io::Error::other("the host's is not among the mounts of this container"));
    }
    Ok(root)
}

/// Where the hierarchy's root may be mounted, by `/proc/PID/mountinfo` (proc_pid_mountinfo(5)). Paths there begin at the
/// root of the reader's namespace: `/` may be any group, and `/..` is above it.
fn mount_points(mounts: &str) -> impl Iterator<Item = PathBuf> {
    mounts.lines().filter_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        let may_be_root = root == "/" || root.split('/').skip(1).all(|part| part == "..");
        (filesystem.split(' ').next() == Some("cgroup2") && may_be_root).then(|| unescape(place).into())
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
            // In a namespace of control groups.
            ("41 31 0:38 /../../.. /host/cgroup ro - cgroup2 cgroup2 rw\n", Some("/host/cgroup")),
            // Not the whole hierarchy.
            ("41 31 0:38 /../other /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", None),
            ("41 31 0:38 /system.slice /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", None),
            ("cgroup2\n\n - \n", None),
        ] {
            let places: Vec<_> = mount_points(&format!("{OTHERS}{line}")).collect();
            assert_eq!(places, place.map(PathBuf::from).into_iter().collect::<Vec<_>>(), "{line}");
        }
    }
}
