//! A real API server and its etcd, where `KUBEBUILDER_ASSETS` names the folder of their binaries, as envtest has it
//! (<https://book.kubebuilder.io/reference/envtest>).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::files::say;
use crate::tools::output;
use crate::watch::Process;

/// How long both may take to begin.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the tests' client says it is.
const TOKEN: &str = "flowtrace-tests";

/// Both, while the value lives.
#[derive(Debug)]
pub struct RealServer {
    // In the order in which they are ended.
    _server: Process,
    _etcd: Process,
    folder: TempDir,
    url: String,
}

impl RealServer {
    /// Starts them; none where there are no binaries, which is said.
    ///
    /// # Panics
    /// When there are, and they do not begin.
    pub fn start() -> Option<Self> {
        let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) else {
            say(
                "*** NOT TESTED with a real API server: KUBEBUILDER_ASSETS is not set; recorded traffic is replayed ***",
            );
            return None;
        };
        say(&format!("testing with the API server in {}", assets.display()));
        let folder = tempfile::tempdir().unwrap();
        let (etcd, client) = start_etcd(&assets, folder.path());
        let port = free_port();
        let server = start_server(&assets, folder.path(), &client, port);
        let started = Self { _server: server, _etcd: etcd, folder, url: format!("https://127.0.0.1:{port}") };
        let end = Instant::now() + PATIENCE;
        while started.try_ask("GET", "/readyz", None).is_none() {
            assert!(Instant::now() < end, "the API server does not become ready");
            std::thread::sleep(Duration::from_millis(200));
        }
        Some(started)
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bearer token that it takes.
    pub const fn token(&self) -> &'static str {
        TOKEN
    }

    /// Asks, and answers the object that came.
    ///
    /// # Panics
    /// When it is refused.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let answer = self.try_ask(method, path, body).unwrap_or_else(|| panic!("{method} {path} is refused"));
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    fn try_ask(&self, method: &str, path: &str, body: Option<&Value>) -> Option<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", "--insecure", "--max-time", "20", "--request", method]);
        curl.args(["--header", &format!("Authorization: Bearer {TOKEN}"), &format!("{}{path}", self.url)]);
        if let Some(body) = body {
            let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
            let file = self.folder.path().join("body.json");
            std::fs::write(&file, body.to_string()).unwrap();
            curl.args(["--header", &format!("Content-Type: {kind}"), "--data", &format!("@{}", file.display())]);
        }
        let said = curl.stderr(Stdio::null()).output().unwrap();
        said.status.success().then(|| String::from_utf8(said.stdout).unwrap())
    }

    /// Makes an object, with the status that it has.
    ///
    /// # Panics
    /// When it is refused.
    pub fn make(&self, path: &str, object: &Value) {
        let mut made = object.clone();
        made["apiVersion"] = json!("v1");
        self.ask("POST", path, Some(&made));
        if object["status"].is_object() {
            let name = object["metadata"]["name"].as_str().unwrap();
            self.ask("PATCH", &format!("{path}/{name}/status"), Some(&json!({ "status": object["status"] })));
        }
    }
}

/// etcd, and the URL at which it takes requests.
fn start_etcd(assets: &Path, folder: &Path) -> (Process, String) {
    let [client, peer] = [(); 2].map(|()| format!("http://127.0.0.1:{}", free_port()));
    let mut etcd = Command::new(assets.join("etcd"));
    etcd.arg("--data-dir").arg(folder.join("etcd")).args(["--unsafe-no-fsync", "--name", "default"]);
    etcd.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
    etcd.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
    etcd.args(["--initial-cluster", &format!("default={peer}")]);
    (Process::start(etcd.stdout(Stdio::null()).stderr(Stdio::null())), client)
}

fn start_server(assets: &Path, folder: &Path, etcd: &str, port: u16) -> Process {
    let [key, tokens] = ["account.key", "tokens.csv"].map(|name| folder.join(name));
    output(Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048"));
    std::fs::write(&tokens, format!("{TOKEN},tests,1,system:masters\n")).unwrap();
    let mut server = Command::new(assets.join("kube-apiserver"));
    server.args(["--etcd-servers", etcd, "--secure-port", &port.to_string(), "--bind-address", "127.0.0.1"]);
    server.arg("--cert-dir").arg(folder.join("certificates")).arg("--token-auth-file").arg(&tokens);
    server.arg("--service-account-key-file").arg(&key).arg("--service-account-signing-key-file").arg(&key);
    server.args(["--service-account-issuer", "https://127.0.0.1", "--service-cluster-ip-range", "10.96.0.0/16"]);
    server.args(["--authorization-mode", "RBAC", "--allow-privileged=true"]);
    // Pods are made without their service accounts, and nobody takes nodes' taints away.
    server.args(["--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition"]);
    Process::start(server.stdout(Stdio::null()).stderr(Stdio::null()))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
