//! The container that a process is in, by its control groups (`/proc/PID/cgroup`, cgroups(7)).
//!
//! Runtimes name a container's group after its id. How, depends on the runtime and on who makes the groups:
//!
//! | | systemd | cgroupfs |
//! |---|---|---|
//! | Docker | `system.slice/docker-ID.scope` | `docker/ID` |
//! | containerd (CRI) | `kubepods-….slice/cri-containerd-ID.scope`, `….slice:cri-containerd:ID` | `kubepods/…/podUID/ID` |
//! | containerd (nerdctl) | `system.slice/nerdctl-ID.scope` | `default/ID` |
//! | CRI-O | `kubepods-….slice/crio-ID.scope` | `kubepods/…/podUID/crio-ID` |
//! | Podman | `machine.slice/libpod-ID.scope` | `libpod_parent/libpod-ID` |
//! | Podman (Quadlet) | `web.service/libpod-payload-ID` | |
//!
//! An id has 64 hexadecimal digits. Scopes with other names (`crio-conmon-ID.scope`, `libpod-conmon-ID.scope`: what
//! watches over a container) are no containers, nor are services and slices.

/// What the names of groups say of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its id: 64 hexadecimal digits in lower case.
    pub id: String,
    /// What runs it, where the name says so.
    pub runtime: Option<&'static str>,
    /// The uid of the Kubernetes pod around it, as the API writes it.
    pub pod_uid: Option<String>,
    /// It lies in another container: what runs it is in there, and its id is whatever is written in there.
    pub is_nested: bool,
}

/// More bytes of the file are not read: a path has 4096 at most, and there are about a dozen hierarchies.
pub(crate) const LIMIT: usize = 1 << 16;

/// Digits of an id.
const ID_LENGTH: usize = 64;

/// What stands before the id, and whose it is.
const PREFIXES: [(&str, &str); 6] = [
    ("docker-", "docker"),
    ("cri-containerd-", "containerd"),
    ("nerdctl-", "containerd"),
    ("crio-", "cri-o"),
    ("libpod-", "podman"),
    ("libpod-payload-", "podman"),
];

/// What stands between colons, and whose it is.
const BETWEEN_COLONS: [(&str, &str); 4] =
    [("docker", "docker"), ("cri-containerd", "containerd"), ("nerdctl", "containerd"), ("crio", "cri-o")];

/// The groups above bare ids, and whose they are.
const PARENTS: [(&str, &str); 1] = [("docker", "docker")];

/// A bare id below this group is a pod's.
const PODS_OF_PODMAN: &str = "libpod_parent";

/// The innermost container that the content of `/proc/PID/cgroup` names. Where hierarchies disagree, the one that goes
/// through most containers says it.
pub fn container(content: &[u8]) -> Option<Identity> {
    let content = String::from_utf8_lossy(&content[..content.len().min(LIMIT)]);
    let mut found: Option<(usize, Identity)> = None;
    for line in content.lines() {
        // Number, controllers, path.
        let Some(path) = line.splitn(3, ':').nth(2) else { continue };
        let Some((depth, identity)) = innermost(path) else { continue };
        if found.as_ref().is_none_or(|(most, _)| depth > *most) {
            found = Some((depth, identity));
        }
    }
    found.map(|(_, identity)| identity)
}

/// The innermost container of a path, and how many there are.
fn innermost(path: &str) -> Option<(usize, Identity)> {
    // The kernel says so behind a group that was removed.
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    let (mut depth, mut last, mut pod_uid, mut parent) = (0, None, None, "");
    for name in path.split('/') {
        pod_uid = pod(name).or(pod_uid);
        if let Some((id, runtime)) = id(name, parent) {
            depth += 1;
            last = Some((id, runtime, pod_uid.clone()));
        }
        parent = name;
    }
    let (id, runtime, pod_uid) = last?;
    Some((depth, Identity { id: id.to_owned(), runtime, pod_uid, is_nested: depth > 1 }))
}

/// The id that a group's name has, and whose it is.
fn id<'a>(name: &'a str, parent: &str) -> Option<(&'a str, Option<&'static str>)> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    if let Some((before, id)) = name.rsplit_once(':') {
        // `kubepods-….slice:cri-containerd:ID`: containerd was told a systemd path, and made a group of that name.
        let runtime = lookup(&BETWEEN_COLONS, before.rsplit(':').next()?)?;
        return is_id(id).then_some((id, Some(runtime)));
    }
    if is_id(name) {
        return (parent != PODS_OF_PODMAN).then(|| (name, lookup(&PARENTS, parent)));
    }
    let mut known = PREFIXES.iter().filter_map(|(prefix, runtime)| Some((name.strip_prefix(prefix)?, *runtime)));
    known.find(|(id, _)| is_id(id)).map(|(id, runtime)| (id, Some(runtime)))
}

fn lookup(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, runtime)| *runtime)
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The uid in the name of a pod's group: `kubepods-burstable-podUID.slice` with underscores for hyphens, or `podUID`.
fn pod(name: &str) -> Option<String> {
    let name = name.split(':').next()?;
    let uid = match name.strip_suffix(".slice") {
        Some(slice) if slice.contains("kubepods") => slice.rsplit_once("-pod")?.1,
        Some(_) => return None,
        None => name.strip_prefix("pod")?,
    };
    let uid = uid.replace('_', "-");
    // A UUID; of static pods a hash of 32 digits.
    let is_uuid = uid.len() == 36 && [8, 13, 18, 23].iter().all(|&place| uid.as_bytes()[place] == b'-');
    let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
    (digits == 32 && (is_uuid || uid.len() == 32)).then_some(uid)
}

#[cfg(test)]
#[path = "cgroup_real.rs"]
mod real;
#[cfg(test)]
#[path = "cgroup_tests.rs"]
mod tests;
