//! A real containerd, with a container of its own and one of Kubernetes' interface.
#![allow(clippy::print_stderr, reason = "a test that cannot run says so")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flowtrace_flow::Process;
use prost::Message;
use tempfile::TempDir;

use super::*;
use crate::processes::{COMM_LENGTH, ProcessSettings, Processes, Seen};

const PROGRAMS: [&str; 4] = ["containerd", "ctr", "runc", "busybox"];
const PACKAGES: &str = "containerd runc busybox-static";
const IMAGE: &str = "example.org/flowtrace/test:1";
const UID: &str = "ac04f3f2-1f2c-11e9-b015-1ebee232acfa";
const ID: &str = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970";

/// Above all groups of this test.
const GROUPS: &str = "flowtrace-containers";

const SERVICE: &str = "runtime.v1.RuntimeService";
/// `NamespaceMode`: that of the node.
const NODE: i32 = 2;

/// `PodSandboxConfig`.
#[derive(Clone, PartialEq, Message)]
struct PodConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<PodMetadata>,
    #[prost(string, tag = "3")]
    log_directory: String,
    #[prost(message, optional, tag = "8")]
    linux: Option<PodLinux>,
}

/// `PodSandboxMetadata`.
#[derive(Clone, PartialEq, Message)]
struct PodMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

/// `LinuxPodSandboxConfig`.
#[derive(Clone, PartialEq, Message)]
struct PodLinux {
    #[prost(string, tag = "1")]
    cgroup_parent: String,
    #[prost(message, optional, tag = "2")]
    security: Option<Security>,
}

/// `LinuxSandboxSecurityContext` and `LinuxContainerSecurityContext`, as far as they are the same.
#[derive(Clone, PartialEq, Message)]
struct Security {
    #[prost(message, optional, tag = "1")]
    namespaces: Option<Namespaces>,
}

/// `NamespaceOption`.
#[derive(Clone, PartialEq, Message)]
struct Namespaces {
    #[prost(int32, tag = "1")]
    network: i32,
}

/// `ContainerConfig`.
#[derive(Clone, PartialEq, Message)]
struct ContainerConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<cri::Metadata>,
    #[prost(message, optional, tag = "2")]
    image: Option<cri::ImageSpec>,
    #[prost(string, repeated, tag = "3")]
    command: Vec<String>,
    #[prost(string, tag = "11")]
    log_path: String,
}

/// `RunPodSandboxRequest`.
#[derive(Clone, PartialEq, Message)]
struct RunPod {
    #[prost(message, optional, tag = "1")]
    config: Option<PodConfig>,
}

/// `CreateContainerRequest`.
#[derive(Clone, PartialEq, Message)]
struct CreateContainer {
    #[prost(string, tag = "1")]
    pod: String,
    #[prost(message, optional, tag = "2")]
    config: Option<ContainerConfig>,
    #[prost(message, optional, tag = "3")]
    pod_config: Option<PodConfig>,
}

/// Requests and responses of an id alone.
#[derive(Clone, PartialEq, Message)]
struct OnlyId {
    #[prost(string, tag = "1")]
    id: String,
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).any(|folder| folder.join(program).exists())
}

fn can_run() -> bool {
    let is_root = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0;
    let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| !is_there(program)).collect();
    if is_root && missing.is_empty() {
        return true;
    }
    let reason = if is_root { format!("apt-get install --yes {PACKAGES}") } else { "it needs root".to_owned() };
    assert!(std::env::var("CI").as_deref() != Ok("true"), "must run in CI: {reason}");
    eprintln!("\n*** NOT RUN: containerd: {reason}\n");
    false
}

/// A containerd with a folder of its own.
struct Containerd {
    folder: TempDir,
    server: Child,
    runtime: tokio::runtime::Runtime,
    pods: Vec<String>,
}

impl Containerd {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "version = 2\nroot = '{}'\nstate = '{}'\n[grpc]\naddress = '{}'\n[ttrpc]\naddress = '{}'\n\
             [plugins.'io.containerd.grpc.v1.cri']\nsandbox_image = '{IMAGE}'\nrestrict_oom_score_adj = true\n\
             [plugins.'io.containerd.grpc.v1.cri'.containerd]\nsnapshotter = 'native'\n",
            path("root"),
            path("state"),
            path("socket"),
            path("ttrpc")
        );
        fs::write(path("config.toml"), config).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let server = Command::new("containerd").args(["-c", &path("config.toml")]).stderr(log).spawn().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let containerd = Self { folder, server, runtime, pods: Vec::new() };
        let until = Instant::now() + Duration::from_secs(60);
        while !containerd.ctr("default").arg("version").output().is_ok_and(|output| output.status.success()) {
            assert!(Instant::now() < until, "{}", fs::read_to_string(containerd.path("log")).unwrap());
            thread::sleep(Duration::from_millis(100));
        }
        containerd
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ctr(&self, namespace: &str) -> Command {
        let mut command = Command::new("ctr");
        command.arg("--address").arg(self.path("socket")).args(["--namespace", namespace]);
        command.stdin(Stdio::null());
        command
    }

    fn call<T: Message + Default>(&self, method: &str, message: &impl Message) -> T {
        let (socket, method) = (self.path("socket"), format!("{SERVICE}/{method}"));
        let answer = self.runtime.block_on(grpc::call(&socket, &method, &[], message));
        answer.unwrap_or_else(|_| panic!("{method}: {}", fs::read_to_string(self.path("log")).unwrap()))
    }

    /// An image with busybox.
    fn import(&self) {
        let root = self.rootfs();
        let folder = self.path("image");
        fs::create_dir(&folder).unwrap();
        run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(folder.join("layer.tar")).arg("."));
        let digest = run(Command::new("sha256sum").arg(folder.join("layer.tar")));
        let digest = digest.split_whitespace().next().unwrap();
        let config = format!(
            r#"{{"architecture":"{}","os":"linux","config":{{"Cmd":["/bin/sleep","1000"]}},"rootfs":{{"type":"layers","diff_ids":["sha256:{digest}"]}}}}"#,
            if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
        );
        fs::write(folder.join("config.json"), config).unwrap();
        let manifest = format!(r#"[{{"Config":"config.json","RepoTags":["{IMAGE}"],"Layers":["layer.tar"]}}]"#);
        fs::write(folder.join("manifest.json"), manifest).unwrap();
        let archive = self.path("image.tar");
        run(Command::new("tar").arg("-C").arg(&folder).arg("-cf").arg(&archive).args([
            "manifest.json",
            "config.json",
            "layer.tar",
        ]));
        run(self.ctr("k8s.io").args(["images", "import", "--snapshotter", "native"]).arg(&archive));
    }

    fn rootfs(&self) -> PathBuf {
        let root = self.path("rootfs");
        if !root.exists() {
            fs::create_dir_all(root.join("bin")).unwrap();
            fs::copy(which("busybox"), root.join("bin/busybox")).unwrap();
            symlink("busybox", root.join("bin/sleep")).unwrap();
        }
        root
    }

    /// A pod of the host's network with one container. Answers the container's id.
    fn pod(&mut self) -> String {
        let metadata = PodMetadata { name: "api-0".into(), uid: UID.into(), namespace: "shop".into() };
        let security = Security { namespaces: Some(Namespaces { network: NODE }) };
        let linux = PodLinux { cgroup_parent: format!("/{GROUPS}/pod{UID}"), security: Some(security) };
        let log_directory = self.path("logs").display().to_string();
        let config = PodConfig { metadata: Some(metadata), log_directory, linux: Some(linux) };
        let pod: OnlyId = self.call("RunPodSandbox", &RunPod { config: Some(config.clone()) });
        self.pods.push(pod.id.clone());
        let container = ContainerConfig {
            metadata: Some(cri::Metadata { name: "api".into() }),
            image: Some(cri::ImageSpec { image: IMAGE.into(), ..Default::default() }),
            command: vec!["/bin/sleep".into(), "1000".into()],
            log_path: "api.log".into(),
        };
        let create = CreateContainer { pod: pod.id, config: Some(container), pod_config: Some(config) };
        let container: OnlyId = self.call("CreateContainer", &create);
        let _: OnlyId = self.call("StartContainer", &container);
        container.id
    }

    /// The number of a container's process.
    fn pid(&self, namespace: &str, id: &str) -> u32 {
        let list = run(self.ctr(namespace).args(["task", "list"]));
        let line = list.lines().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{list}"));
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let socket = self.path("socket");
        for pod in std::mem::take(&mut self.pods) {
            let pod = OnlyId { id: pod };
            for method in ["StopPodSandbox", "RemovePodSandbox"] {
                let method = format!("{SERVICE}/{method}");
                let call = grpc::call::<OnlyId>(&socket, &method, &[], &pod);
                let _ = self.runtime.block_on(call);
            }
        }
        let _ = self.ctr("default").args(["task", "rm", "--force", ID]).output();
        let _ = self.ctr("default").args(["container", "rm", ID]).output();
        let _ = self.server.kill();
        let _ = self.server.wait();
        // The runtime removes a container's groups, and leaves those above.
        for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            for root in [hierarchy.path(), "/sys/fs/cgroup".into()] {
                let _ = fs::remove_dir(root.join(GROUPS).join(format!("pod{UID}")));
                let _ = fs::remove_dir(root.join(GROUPS));
            }
        }
    }
}

fn which(program: &str) -> PathBuf {
    ["/usr/bin", "/bin", "/usr/sbin"]
        .iter()
        .map(|folder| Path::new(folder).join(program))
        .find(|path| path.exists())
        .unwrap()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The process once its container has a name or an image.
fn wait(processes: &Processes, pid: u32) -> Arc<Process> {
    let uptime = fs::read_to_string("/proc/uptime").unwrap();
    let at = (uptime.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1e9) as u64 + 20_000_000;
    processes.note(&Seen { tgid: pid, comm: [0; COMM_LENGTH], is_main_thread: false, at });
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let process = processes.get(pid, at).unwrap();
        if process.container.as_ref().is_some_and(|container| container.image.is_some() || container.name.is_some()) {
            return process;
        }
        assert!(Instant::now() < until, "{process:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn containers_of_containerd() {
    if !can_run() {
        return;
    }
    let mut containerd = Containerd::start();
    containerd.import();
    let root = containerd.rootfs();
    let label = ["--label", "nerdctl/name=tool", "--cgroup", &format!("/{GROUPS}/{ID}")];
    run(containerd
        .ctr("default")
        .args(["run", "--detach", "--net-host"])
        .args(label)
        .arg("--rootfs")
        .arg(&root)
        .args([ID, "/bin/sleep", "1000"]));
    let api = containerd.pod();

    let sockets = vec![Socket { kind: SocketKind::Containerd, path: containerd.path("socket") }];
    let containers = Containers::start(RuntimeSettings { sockets, storage: None }).unwrap();
    let processes = Processes::new(&ProcessSettings::default(), containers);
    if !processes.can_read() {
        return;
    }
    let rows = [("default", ID, Some("tool"), None, None), ("k8s.io", &api, Some("api"), Some(IMAGE), Some(UID))];
    for (namespace, id, name, image, pod) in rows {
        let process = wait(&processes, containerd.pid(namespace, id));
        assert_eq!(process.executable_path.as_deref(), Some("/bin/busybox"));
        let container = process.container.as_ref().unwrap();
        assert_eq!((&*container.id, container.runtime.as_deref()), (id, Some("containerd")));
        assert_eq!(
            (container.name.as_deref(), container.image.as_deref(), container.pod_uid.as_deref()),
            (name, image, pod)
        );
    }
}
