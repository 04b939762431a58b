//! Small servers in the place of runtimes.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use flowtrace_flow::Container;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tempfile::TempDir;

use super::*;
use crate::cgroup::Identity;

const A: &str = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970";
const B: &str = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d";

/// What a server answers to a path, a namespace and a body: a status of gRPC or HTTP, and a body.
type Rule = fn(&str, &str, &[u8]) -> (u16, Vec<u8>);

/// Serves at a socket, in a thread that ends with the test's process.
fn serve(path: &Path, is_grpc: bool, rule: Rule) {
    let listener = UnixListener::bind(path).unwrap();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(accept(listener, is_grpc, rule));
    });
}

async fn accept(listener: UnixListener, is_grpc: bool, rule: Rule) {
    let listener = tokio::net::UnixListener::from_std(listener).unwrap();
    loop {
        let stream = TokioIo::new(listener.accept().await.unwrap().0);
        let service = service_fn(move |request| respond(request, is_grpc, rule));
        if is_grpc {
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service),
            );
        } else {
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
        }
    }
}

type Body = http_body_util::combinators::BoxBody<Bytes, hyper::Error>;

async fn respond(request: Request<Incoming>, is_grpc: bool, rule: Rule) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let namespace = head.headers.get(containerd::NAMESPACE).map(|value| value.to_str().unwrap()).unwrap_or("");
    let (status, answer) = rule(head.uri.path(), namespace, if is_grpc { &body[5..] } else { &body });
    let full = |bytes: Bytes| Full::new(bytes).map_err(|never| match never {});
    if !is_grpc {
        return Ok(Response::builder().status(status).body(full(answer.into()).boxed()).unwrap());
    }
    assert_eq!(head.headers["te"], "trailers");
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(answer.len() as u32);
    frame.extend_from_slice(&answer);
    let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from(status))]);
    let frame = if status == 0 { frame.freeze() } else { Bytes::new() };
    Ok(Response::new(full(frame).with_trailers(async { Some(Ok(trailers)) }).boxed()))
}

fn docker_rule(path: &str, _: &str, _: &[u8]) -> (u16, Vec<u8>) {
    if path == format!("/containers/{A}/json") {
        return (200, br#"{"Name":"/web","Config":{"Image":"nginx:1.21"}}"#.to_vec());
    }
    (404, br#"{"message":"No such container"}"#.to_vec())
}

fn cri_rule(path: &str, _: &str, body: &[u8]) -> (u16, Vec<u8>) {
    if path != format!("/{}", cri::METHODS[0]) {
        return (12, Vec::new());
    }
    old_cri_rule(&format!("/{}", cri::METHODS[1]), "", body)
}

/// A runtime that has the older version only.
fn old_cri_rule(path: &str, _: &str, body: &[u8]) -> (u16, Vec<u8>) {
    if path != format!("/{}", cri::METHODS[1]) {
        return (12, Vec::new());
    }
    let request = cri::StatusRequest::decode(body).unwrap();
    if request.container_id != A {
        return (5, Vec::new());
    }
    let status = cri::Status {
        id: A.to_owned(),
        metadata: Some(cri::Metadata { name: "api".to_owned() }),
        image: Some(cri::ImageSpec { image: "quay.io/api:2".to_owned(), ..Default::default() }),
    };
    (0, cri::StatusResponse { status: Some(status) }.encode_to_vec())
}

fn containerd_rule(path: &str, namespace: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let namespaces = ["moby", "k8s.io", "default"].map(|name| containerd::Namespace { name: name.to_owned() });
    if path == format!("/{}", containerd::LIST) {
        return (0, containerd::ListResponse { namespaces: namespaces.to_vec() }.encode_to_vec());
    }
    if path != format!("/{}", containerd::GET) {
        return cri_rule(path, namespace, body);
    }
    let request = containerd::GetRequest::decode(body).unwrap();
    assert_ne!(namespace, "moby", "Docker's are not asked for here");
    if namespace != "default" || request.id != B {
        return (5, Vec::new());
    }
    let labels = HashMap::from([("nerdctl/name".to_owned(), "tool".to_owned())]);
    let container = containerd::Container { id: B.to_owned(), labels, image: "docker.io/library/tool:1".to_owned() };
    (0, containerd::GetResponse { container: Some(container) }.encode_to_vec())
}

fn nothing(_: &str, _: &str, _: &[u8]) -> (u16, Vec<u8>) {
    (200, b"\xff\xff\xff\xff".to_vec())
}

fn too_much(_: &str, _: &str, _: &[u8]) -> (u16, Vec<u8>) {
    (200, format!(r#"{{"Name":"/web","x":"{}"}}"#, "x".repeat(5 << 20)).into_bytes())
}

/// What is known of a container after its runtime was asked; `None` as name where it does not answer within the time.
fn ask(settings: RuntimeSettings, id: &str, runtime: Option<&'static str>, wait: Duration) -> Arc<Container> {
    let containers = Containers::start(settings).unwrap();
    let identity = Identity { id: id.to_owned(), runtime, pod_uid: None, is_nested: false };
    let first = containers.of(&identity);
    assert_eq!((first.name.as_ref(), first.image.as_ref()), (None, None), "nobody waits");
    let until = Instant::now() + wait;
    while Instant::now() < until {
        if let Some(newer) = containers.newer(&first) {
            return newer;
        }
        thread::sleep(Duration::from_millis(5));
    }
    first
}

fn settings(folder: &TempDir, sockets: &[(SocketKind, bool, Rule)]) -> RuntimeSettings {
    let sockets = sockets.iter().enumerate().map(|(number, &(kind, is_grpc, rule))| {
        let path = folder.path().join(number.to_string());
        serve(&path, is_grpc, rule);
        Socket { kind, path }
    });
    let mut sockets: Vec<Socket> = sockets.collect();
    // One that is not there.
    sockets.insert(0, Socket { kind: SocketKind::Docker, path: folder.path().join("none") });
    RuntimeSettings { sockets, storage: Some(folder.path().join("containers.json")) }
}

/// A server, the runtime it is of, the container that is asked for, its name and image.
type Row = (SocketKind, bool, Rule, &'static str, &'static str, [Option<&'static str>; 2]);

#[test]
fn runtimes_name_their_containers() {
    use SocketKind::{Containerd, CriO, Docker, Podman};
    let rows: [Row; 8] = [
        (Docker, false, docker_rule, "docker", A, [Some("web"), Some("nginx:1.21")]),
        (Podman, false, docker_rule, "podman", A, [Some("web"), Some("nginx:1.21")]),
        (CriO, true, cri_rule, "cri-o", A, [Some("api"), Some("quay.io/api:2")]),
        (Containerd, true, old_cri_rule, "containerd", A, [Some("api"), Some("quay.io/api:2")]),
        (Containerd, true, containerd_rule, "containerd", A, [Some("api"), Some("quay.io/api:2")]),
        (Containerd, true, containerd_rule, "containerd", B, [Some("tool"), Some("docker.io/library/tool:1")]),
        (CriO, true, containerd_rule, "cri-o", B, [None, None]),
        (Docker, false, docker_rule, "docker", B, [None, None]),
    ];
    for (kind, is_grpc, rule, runtime, id, [name, image]) in rows {
        for told in [Some(runtime), None] {
            let folder = tempfile::tempdir().unwrap();
            let wait = Duration::from_millis(if name.is_some() { 20_000 } else { 300 });
            let found = ask(settings(&folder, &[(kind, is_grpc, rule)]), id, told, wait);
            assert_eq!([found.name.as_deref(), found.image.as_deref()], [name, image], "{kind:?} {told:?}");
            let expected = if name.is_some() { Some(runtime) } else { told };
            assert_eq!(found.runtime.as_deref(), expected);
        }
    }
}

#[test]
fn only_the_runtime_that_the_group_names_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, &[(SocketKind::Docker, false, docker_rule)]);
    let found = ask(settings, A, Some("podman"), Duration::from_millis(300));
    assert_eq!(found.name, None);
}

#[test]
fn strange_answers_are_none() {
    for (is_grpc, rule) in [(false, nothing as Rule), (true, nothing), (false, too_much)] {
        let folder = tempfile::tempdir().unwrap();
        let kind = if is_grpc { SocketKind::Containerd } else { SocketKind::Docker };
        let found = ask(settings(&folder, &[(kind, is_grpc, rule)]), A, None, Duration::from_millis(500));
        assert_eq!((&found.name, &found.image), (&None, &None));
    }
}

#[test]
fn a_socket_that_does_not_answer_delays_others_once() {
    let folder = tempfile::tempdir().unwrap();
    let silent = folder.path().join("silent");
    let _listener = UnixListener::bind(&silent).unwrap();
    let mut settings = settings(&folder, &[(SocketKind::Docker, false, docker_rule)]);
    settings.sockets.insert(0, Socket { kind: SocketKind::Containerd, path: silent });
    let containers = Containers::start(settings).unwrap();
    let of = |id: &str| containers.of(&Identity { id: id.to_owned(), runtime: None, pod_uid: None, is_nested: false });
    let begin = Instant::now();
    for number in 0..20 {
        of(&format!("{number:064x}"));
    }
    while of(A).name.is_none() {
        assert!(begin.elapsed() < Duration::from_secs(20), "each question waits for the silent socket");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(begin.elapsed() > Duration::from_secs(1));
}

#[test]
fn the_list_is_read_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder, &[(SocketKind::Podman, false, docker_rule)]);
    let list = format!(r#"[{{"id":"{A}","names":["stored"],"metadata":"{{\"image-name\":\"docker.io/a:1\"}}"}}]"#);
    std::fs::write(settings.storage.as_ref().unwrap(), list).unwrap();
    let found = ask(settings, A, Some("podman"), Duration::from_secs(20));
    assert_eq!((found.name.as_deref(), found.image.as_deref()), (Some("stored"), Some("docker.io/a:1")));
}
