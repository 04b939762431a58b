//! A receiver in Python, which decodes with Google's protobuf and takes gRPC with grpcio: neither is ours, nor Rust's.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::span::Span;
use super::venv;

/// What is installed: wheels for CPython 3.9 and later.
const PACKAGES: [&str; 3] = ["opentelemetry-proto==1.45.2", "grpcio==1.85.1", "zstandard==0.25.0"];
const SCRIPT: &str = include_str!("receiver.py");

/// A span as the receiver wrote it, and how it came.
pub type Arrived = (String, Span);

/// A running receiver; it ends when dropped.
#[derive(Debug)]
pub struct PythonReceiver {
    process: Child,
    ports: [u16; 2],
    lines: Arc<Mutex<Vec<String>>>,
    errors: Option<JoinHandle<String>>,
}

impl PythonReceiver {
    /// Starts one at free ports of this host.
    ///
    /// # Errors
    /// Why it cannot be had or run.
    pub fn start() -> Result<Self, String> {
        let python = venv::installed("python-receiver", &PACKAGES)?.join("bin/python");
        let mut command = Command::new(&python);
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| format!("cannot run {}: {error}", python.display()))?;
        let (Some(output), Some(errors)) = (process.stdout.take(), process.stderr.take()) else {
            return Err("its output is not piped".to_owned());
        };
        let errors = thread::spawn(|| all_of(errors));
        let mut output = BufReader::new(output);
        let mut first = String::new();
        output.read_line(&mut first).map_err(|error| error.to_string())?;
        let ports: Option<Vec<u16>> = first.split_whitespace().map(|port| port.parse().ok()).collect();
        let Some([grpc, http]) = ports.as_deref() else {
            let _ = process.kill();
            let _ = process.wait();
            return Err(format!("the receiver in Python does not start: {}", errors.join().unwrap_or_default()));
        };
        let (ports, lines) = ([*grpc, *http], Arc::default());
        let shared = Arc::clone(&lines);
        thread::spawn(move || read(output, &shared));
        Ok(Self { process, ports, lines, errors: Some(errors) })
    }

    /// Where it takes OTLP/gRPC.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// Where it takes OTLP/HTTP.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    /// Waits until so many spans are there, for at most `time`; returns all that came.
    ///
    /// # Errors
    /// What cannot be read of its output.
    pub fn wait_for(&self, spans: usize, time: Duration) -> Result<Vec<Arrived>, String> {
        let begin = Instant::now();
        while self.lines.lock().unwrap().len() < spans && begin.elapsed() < time {
            thread::sleep(Duration::from_millis(10));
        }
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        let arrived = lines.iter().map(|line| {
            let (how, span) = line.split_once('\t').ok_or_else(|| format!("no span: {line}"))?;
            Ok((how.to_owned(), Span::parse(span)?))
        });
        arrived.collect()
    }

    /// Ends it; what it complained about.
    pub fn end(mut self) -> String {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }
}

impl Drop for PythonReceiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read(output: BufReader<ChildStdout>, lines: &Mutex<Vec<String>>) {
    for line in output.lines().map_while(Result::ok) {
        lines.lock().unwrap().push(line);
    }
}

fn all_of(mut errors: ChildStderr) -> String {
    let mut text = String::new();
    let _ = errors.read_to_string(&mut text);
    text
}
