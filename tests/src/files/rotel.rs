//! Rotel, an OpenTelemetry collector that is not ours: had from PyPI, started as a process, and told to pass on what it
//! gets.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::venv;

/// What is installed. Wheels are there for Python 3.11 to 3.13 on x86-64 with glibc 2.34 or later.
const PACKAGE: &str = "rotel==0.0.1a15";
/// How long a start may take.
const LIMIT: Duration = Duration::from_secs(20);

/// A running collector; it ends when dropped.
#[derive(Debug)]
pub struct Rotel {
    process: Child,
    address: SocketAddr,
    http: SocketAddr,
    folder: tempfile::TempDir,
}

impl Rotel {
    /// Starts one that takes OTLP/gRPC and OTLP/HTTP, and sends OTLP/gRPC to `next`.
    ///
    /// # Errors
    /// Why it cannot be had or run.
    pub fn start(next: &str) -> Result<Self, String> {
        let agent = installed()?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (grpc, http) = (free_address()?, free_address()?);
        let mut command = Command::new(&agent);
        command.arg("start");
        for (option, value) in [
            ("--otlp-grpc-endpoint", grpc.to_string()),
            ("--otlp-http-endpoint", http.to_string()),
            ("--pid-file", folder.path().join("pid").display().to_string()),
            ("--log-file", folder.path().join("log").display().to_string()),
            ("--exporter", "otlp".to_owned()),
            ("--otlp-exporter-protocol", "grpc".to_owned()),
            ("--otlp-exporter-endpoint", next.to_owned()),
        ] {
            command.args([option, &value]);
        }
        let log = File::create(folder.path().join("said")).map_err(|error| error.to_string())?;
        let copy = log.try_clone().map_err(|error| error.to_string())?;
        command.stdin(Stdio::null()).stdout(copy).stderr(log);
        let process = command.spawn().map_err(|error| format!("cannot run {}: {error}", agent.display()))?;
        let mut rotel = Self { process, address: grpc, http, folder };
        rotel.wait_until_it_listens()?;
        Ok(rotel)
    }

    /// Where it takes OTLP/gRPC.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it takes OTLP/HTTP.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    fn wait_until_it_listens(&mut self) -> Result<(), String> {
        let begin = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("rotel ended with {status}: {}", self.log()));
            }
            if begin.elapsed() > LIMIT {
                return Err("rotel does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}

/// The collector's program, installed where it is missing.
fn installed() -> Result<PathBuf, String> {
    let folder = venv::installed("rotel-0.0.1a15", &[PACKAGE])?;
    let libraries = std::fs::read_dir(folder.join("lib")).map_err(|error| error.to_string())?;
    let agents = libraries.flatten().map(|library| library.path().join("site-packages/rotel/rotel-agent"));
    agents.into_iter().find(|agent| agent.is_file()).ok_or_else(|| format!("{PACKAGE} has no rotel-agent"))
}
