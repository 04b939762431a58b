//! The program's endpoint of metrics and health, as its clients see it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::netns::Namespace;
use crate::tools::command;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The endpoint of a program in a namespace.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    namespace: &'a Namespace,
    address: SocketAddr,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status and headers.
    pub head: String,
    /// What follows.
    pub body: String,
}

impl Answer {
    /// The status.
    ///
    /// # Panics
    /// When there is none.
    pub fn status(&self) -> u16 {
        let status = self.head.split(' ').nth(1).and_then(|word| word.parse().ok());
        status.unwrap_or_else(|| panic!("no status: {self:?}"))
    }
}

impl<'a> Endpoint<'a> {
    /// At an address in a namespace.
    pub fn new(namespace: &'a Namespace, address: SocketAddr) -> Self {
        Self { namespace, address }
    }

    /// A connection to it.
    ///
    /// # Panics
    /// When there is none to be had.
    pub fn connect(&self) -> TcpStream {
        let stream = self.namespace.enter(|| TcpStream::connect(self.address)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        stream.set_write_timeout(Some(PATIENCE)).expect("an option");
        stream
    }

    /// A page in the format that is asked for.
    ///
    /// # Panics
    /// When there is no answer in time.
    pub fn get_as(&self, path: &str, accept: &str) -> Answer {
        let mut stream = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: {accept}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).expect("it takes requests");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("it answers and closes");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        Answer { head: head.to_owned(), body: body.to_owned() }
    }

    /// A page.
    pub fn get(&self, path: &str) -> Answer {
        self.get_as(path, "*/*")
    }

    /// The metrics.
    pub fn metrics(&self) -> Metrics {
        Metrics::parse(&self.get("/metrics").body)
    }

    /// The metrics, as soon as they are as they should be.
    ///
    /// # Panics
    /// When they are not within some time.
    pub fn metrics_when(&self, what: &str, is_right: impl Fn(&Metrics) -> bool) -> Metrics {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let metrics = self.metrics();
            if is_right(&metrics) {
                return metrics;
            }
            assert!(Instant::now() < deadline, "not {what}: {metrics:#?}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A page of metrics: series to values.
#[derive(Clone, Debug)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads the text format.
    ///
    /// # Panics
    /// When it is none, or a series comes twice.
    pub fn parse(text: &str) -> Self {
        let mut all = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(all.insert(series.to_owned(), value).is_none(), "twice: {series}");
        }
        Self(all)
    }

    /// The sum over all series of a metric that have these labels, as `stage="kernel"`.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let is_wanted = |series: &str| {
            let (found, rest) = series.split_once('{').unwrap_or((series, ""));
            found == name && labels.iter().all(|label| rest.contains(label))
        };
        self.0.iter().filter(|(series, _)| is_wanted(series)).map(|(_, value)| value).sum()
    }

    /// Whether there is a series of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.keys().any(|series| series.split('{').next() == Some(name))
    }
}

/// What promtool has against a page in Prometheus' format.
///
/// # Errors
/// What it says.
///
/// # Panics
/// When it cannot be run.
pub fn promtool(text: &str) -> Result<(), String> {
    check(command("promtool").args(["check", "metrics"]), text)
}

/// What the parser of Prometheus' client for Python has against a page in OpenMetrics' format.
///
/// # Errors
/// What it says.
///
/// # Panics
/// When it cannot be run.
pub fn open_metrics(text: &str) -> Result<(), String> {
    const SCRIPT: &str = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
        print(len(list(parse(sys.stdin.read()))), 'families')";
    check(command("/usr/bin/python3").args(["-c", SCRIPT]), text)
}

fn check(checker: &mut std::process::Command, text: &str) -> Result<(), String> {
    let checker = checker.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = checker.spawn().unwrap_or_else(|error| panic!("{checker:?}: {error}"));
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}
