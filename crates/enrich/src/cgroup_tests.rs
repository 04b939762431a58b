//! Groups as runtimes make them, by their documentation.

use super::*;

const A: &str = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970";
const B: &str = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d";
const UID: &str = "ac04f3f2-1f2c-11e9-b015-1ebee232acfa";
const STATIC_UID: &str = "f9aa0ed6c6d9c5b3d7dd3a9c6f2b1e0d";

/// A container by letter (A or B), runtime, pod; of a nested one with `+`.
pub type Expected = Option<(&'static str, Option<&'static str>, Option<&'static str>)>;

/// Content with `A`, `B`, `U` (uid), `V` (uid with underscores) and `S` (uid of a static pod) between angle brackets.
pub const ROWS: &[(&str, &str, Expected)] = &[
    ("Docker, v2, systemd", "0::/system.slice/docker-<A>.scope", Some(("A", Some("docker"), None))),
    ("Docker, v2, systemd inside", "0::/system.slice/docker-<A>.scope/init.scope", Some(("A", Some("docker"), None))),
    ("Docker, v2, cgroupfs", "0::/docker/<A>", Some(("A", Some("docker"), None))),
    (
        "Docker, rootless",
        "0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-<A>.scope",
        Some(("A", Some("docker"), None)),
    ),
    (
        "Docker, v1, cgroupfs",
        "11:pids:/docker/<A>\n10:cpu,cpuacct:/docker/<A>\n1:name=systemd:/docker/<A>\n0::/system.slice/containerd.service",
        Some(("A", Some("docker"), None)),
    ),
    (
        "Docker, v1, systemd",
        "9:perf_event:/system.slice/docker-<A>.scope\n1:name=systemd:/system.slice/docker-<A>.scope",
        Some(("A", Some("docker"), None)),
    ),
    (
        "Docker, v1, some hierarchies only",
        "3:cpuset:/\n2:net_cls,net_prio:/docker/<A>\n1:name=systemd:/",
        Some(("A", Some("docker"), None)),
    ),
    ("Docker, a parent group of one's own", "0::/actions_job/<A>", Some(("A", None, None))),
    ("ECS", "9:memory:/ecs/0e7a2b9e-8c1c-4b6e-9a0c-4a7c2e1f9d11/<A>", Some(("A", None, None))),
    ("a root of its own", "10:net_prio:/<A>\n9:perf_event:/<A>", Some(("A", None, None))),
    ("containerd, nerdctl, systemd", "0::/system.slice/nerdctl-<A>.scope", Some(("A", Some("containerd"), None))),
    ("containerd, nerdctl, cgroupfs", "0::/default/<A>", Some(("A", None, None))),
    ("Podman, systemd", "0::/machine.slice/libpod-<A>.scope", Some(("A", Some("podman"), None))),
    ("Podman, crun's own group", "0::/machine.slice/libpod-<A>.scope/container", Some(("A", Some("podman"), None))),
    (
        "Podman, rootless",
        "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-<A>.scope/container",
        Some(("A", Some("podman"), None)),
    ),
    ("Podman, cgroupfs", "4:devices:/libpod_parent/libpod-<A>", Some(("A", Some("podman"), None))),
    (
        "Podman, a pod",
        "0::/machine.slice/machine-libpod_pod_<B>.slice/libpod-<A>.scope",
        Some(("A", Some("podman"), None)),
    ),
    ("Podman, a pod, cgroupfs", "4:devices:/libpod_parent/<B>/libpod-<A>", Some(("A", Some("podman"), None))),
    ("Podman, what watches", "0::/machine.slice/libpod-conmon-<A>.scope", None),
    ("Podman, what watches in a pod", "4:devices:/libpod_parent/<B>/conmon", None),
    ("Podman, a service", "0::/system.slice/web.service/libpod-payload-<A>", Some(("A", Some("podman"), None))),
    ("Podman, what watches a service", "0::/system.slice/web.service/supervisor", None),
    (
        "Kubernetes, containerd, systemd, burstable",
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<V>.slice/cri-containerd-<A>.scope",
        Some(("A", Some("containerd"), Some("U"))),
    ),
    (
        "Kubernetes, containerd, systemd, best effort",
        "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod<V>.slice/cri-containerd-<A>.scope",
        Some(("A", Some("containerd"), Some("U"))),
    ),
    (
        "Kubernetes, containerd, systemd, guaranteed",
        "0::/kubepods.slice/kubepods-pod<V>.slice/cri-containerd-<A>.scope",
        Some(("A", Some("containerd"), Some("U"))),
    ),
    (
        "Kubernetes, containerd, systemd, v1",
        "11:blkio:/kubepods.slice/kubepods-pod<V>.slice/cri-containerd-<A>.scope\n0::/",
        Some(("A", Some("containerd"), Some("U"))),
    ),
    ("Kubernetes, containerd, cgroupfs", "0::/kubepods/besteffort/pod<U>/<A>", Some(("A", None, Some("U")))),
    ("Kubernetes, containerd, cgroupfs, guaranteed", "5:memory:/kubepods/pod<U>/<A>", Some(("A", None, Some("U")))),
    (
        "Kubernetes, drivers disagree",
        "0::/system.slice/containerd.service/kubepods-burstable-pod<V>.slice:cri-containerd:<A>",
        Some(("A", Some("containerd"), Some("U"))),
    ),
    (
        "Kubernetes, a static pod",
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<S>.slice/cri-containerd-<A>.scope",
        Some(("A", Some("containerd"), Some("S"))),
    ),
    (
        "Kubernetes, CRI-O, systemd",
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<V>.slice/crio-<A>.scope",
        Some(("A", Some("cri-o"), Some("U"))),
    ),
    (
        "Kubernetes, CRI-O, crun's own group",
        "0::/kubepods.slice/kubepods-pod<V>.slice/crio-<A>.scope/container",
        Some(("A", Some("cri-o"), Some("U"))),
    ),
    ("Kubernetes, CRI-O, cgroupfs", "0::/kubepods/burstable/pod<U>/crio-<A>", Some(("A", Some("cri-o"), Some("U")))),
    ("Kubernetes, CRI-O, what watches", "0::/kubepods.slice/kubepods-pod<V>.slice/crio-conmon-<A>.scope", None),
    (
        "Kubernetes, Docker, systemd",
        "0::/kubepods.slice/kubepods-pod<V>.slice/docker-<A>.scope",
        Some(("A", Some("docker"), Some("U"))),
    ),
    ("Kubernetes, the pod itself", "0::/kubepods/burstable/pod<U>", None),
    ("Kubernetes, the kubelet", "0::/system.slice/kubelet.service", None),
    ("nested: Docker in Docker", "4:memory:/docker/<B>/docker/<A>", Some(("A+", Some("docker"), None))),
    ("nested: kind, v1", "4:memory:/docker/<B>/kubelet/kubepods/burstable/pod<U>/<A>", Some(("A+", None, Some("U")))),
    (
        "nested: kind, v2",
        "0::/system.slice/docker-<B>.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod<V>.slice/cri-containerd-<A>.scope",
        Some(("A+", Some("containerd"), Some("U"))),
    ),
    ("nested: Docker in a pod", "0::/kubepods/pod<U>/<B>/docker/<A>", Some(("A+", Some("docker"), Some("U")))),
    (
        "nested: the hierarchy that knows most",
        "2:cpu:/docker/<B>\n1:name=systemd:/docker/<B>/docker/<A>\n0::/",
        Some(("A+", Some("docker"), None)),
    ),
    (
        "nested: what watches inside",
        "0::/docker/<A>/machine.slice/libpod-conmon-<B>.scope",
        Some(("A", Some("docker"), None)),
    ),
    ("a group namespace: beside us", "0::/../cri-containerd-<A>.scope", Some(("A", Some("containerd"), None))),
    (
        "a group namespace: another pod, systemd",
        "0::/../../kubepods-besteffort-pod<V>.slice/cri-containerd-<A>.scope",
        Some(("A", Some("containerd"), Some("U"))),
    ),
    ("a group namespace: another pod, cgroupfs", "0::/../../pod<U>/<A>", Some(("A", None, Some("U")))),
    ("a group namespace: Docker", "0::/../<A>", Some(("A", None, None))),
    ("a group namespace: ourselves", "0::/", None),
    ("a group that was removed", "0::/docker/<A> (deleted)", Some(("A", Some("docker"), None))),
    ("a path with colons", "0::/system.slice/a:b/docker-<A>.scope", Some(("A", Some("docker"), None))),
    ("a service", "0::/system.slice/nginx.service", None),
    ("a session", "0::/user.slice/user-1000.slice/session-3.scope", None),
    (
        "an application of a session",
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-2413.scope",
        None,
    ),
    ("a transient unit", "0::/system.slice/run-r0123456789abcdef0123456789abcdef.scope", None),
    ("a virtual machine", "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator", None),
    ("an id in capitals", "0::/docker/4F797C539E6C745DE61A93CA3FF892358ECBCACCD8414D5DB545C38428142970", None),
    ("an id that is short", "0::/docker/4f797c539e6c", None),
    ("an id with a letter more", "0::/system.slice/docker-<A>0.scope", None),
    ("another scope of an id", "0::/system.slice/unknown-<A>.scope", None),
    ("a pod with a strange uid", "0::/kubepods/pod../<A>", Some(("A", None, None))),
    ("nothing", "", None),
    ("no lines", "\n\n::\n0:\n", None),
];

pub fn fill(text: &str) -> String {
    let text = text.replace("<A>", A).replace("<B>", B).replace("<U>", UID).replace("<S>", STATIC_UID);
    text.replace("<V>", &UID.replace('-', "_"))
}

/// What is expected, with the ids in full.
pub fn expected(expected: Expected) -> Option<Identity> {
    expected.map(|(id, runtime, pod)| Identity {
        id: if id.starts_with('A') { A } else { B }.to_owned(),
        runtime,
        pod_uid: pod.map(|pod| if pod == "U" { UID } else { STATIC_UID }.to_owned()),
        is_nested: id.ends_with('+'),
    })
}

#[test]
fn layouts() {
    for (what, content, found) in ROWS {
        let expected = expected(*found);
        assert_eq!(container(fill(content).as_bytes()), expected, "{what}");
        // As the kernel writes it.
        assert_eq!(container(format!("{}\n", fill(content)).as_bytes()), expected, "{what}");
    }
}

#[test]
fn what_is_no_text_is_read_as_well() {
    let mut content = b"3:\xff:/\xff\n0::/docker/".to_vec();
    content.extend_from_slice(A.as_bytes());
    assert_eq!(container(&content).map(|found| found.id), Some(A.to_owned()));
}
