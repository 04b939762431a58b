//! `flowtrace run` under test, and what it said.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::count::Count;
use crate::files::program;
use crate::netns::Namespace;
use crate::record::Record;
use crate::tools;

/// How long the program may take to begin and to end. An emulated machine takes a while to verify the kernel program.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that is killed when its value goes.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a command.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Its standard input and output, which must have been piped; once.
    ///
    /// # Panics
    /// When they were not.
    pub fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        (self.0.stdin.take().expect("piped"), self.0.stdout.take().expect("piped"))
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone already.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.0.id().cast_signed()), signal).expect("the process is there");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the process {} does not end", self.0.id());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `flowtrace run --output json`.
#[derive(Debug)]
pub struct Watch {
    process: Process,
    records: JoinHandle<Vec<(SystemTime, String)>>,
    said: Receiver<String>,
    heard: Vec<String>,
}

/// All that it said.
#[derive(Debug)]
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its records.
    pub records: Vec<Record>,
    /// When each of them was read, at the latest.
    pub arrived: Vec<SystemTime>,
    /// Lines of standard error.
    pub lines: Vec<String>,
}

impl Watch {
    /// Starts it in a namespace and waits until it watches.
    ///
    /// # Panics
    /// When it ends before.
    pub fn start(namespace: &Namespace, arguments: &[&str]) -> Self {
        Self::start_as("json", namespace, arguments)
    }

    /// The same with another `--output`; no records are read if it is `none`.
    ///
    /// # Panics
    /// When it ends before.
    pub fn start_as(output: &str, namespace: &Namespace, arguments: &[&str]) -> Self {
        let program = program::flowtrace();
        let mut command = namespace.command(program.to_str().expect("a path in UTF-8"));
        command.args(["run", "--output", output]).args(arguments);
        if let Some(object) = tools::bpf_object() {
            command.arg("--bpf-object").arg(object);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process::start(&mut command);
        let records = read_all(process.0.stdout.take().expect("piped"));
        let said = read_lines(process.0.stderr.take().expect("piped"));
        let mut watch = Self { process, records, said, heard: Vec::new() };
        watch.hear("interrupt to stop");
        watch
    }

    /// Waits for a line of standard error that holds `text`.
    ///
    /// # Panics
    /// When none comes.
    pub fn hear(&mut self, text: &str) {
        while !self.heard.last().is_some_and(|line| line.contains(text)) {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) => self.heard.push(line),
                Err(_) => panic!("no word of `{text}`: {:?}", self.heard),
            }
        }
    }

    /// Whether it has said a line of standard error that holds `text`.
    pub fn has_heard(&mut self, text: &str) -> bool {
        self.heard.extend(self.said.try_iter());
        self.heard.iter().any(|line| line.contains(text))
    }

    /// Ids of the kernel programs that it holds, by its open files.
    ///
    /// # Panics
    /// When it is gone.
    pub fn kernel_programs(&self) -> BTreeSet<u64> {
        let folder = format!("/proc/{}/fdinfo", self.process.0.id());
        let files = std::fs::read_dir(folder).expect("the process is there");
        // A file that is closed meanwhile says nothing.
        let texts = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
        texts
            .filter_map(|text| text.lines().find_map(|line| line.strip_prefix("prog_id:")?.trim().parse().ok()))
            .collect()
    }

    /// Interrupts it (SIGINT), and waits for all that it has to say.
    pub fn stop(self) -> Said {
        self.stop_by(Signal::SIGINT)
    }

    /// Ends it by a signal, and waits for all that it has to say.
    ///
    /// # Panics
    /// When it does not end, or writes something that is no record.
    pub fn stop_by(mut self, signal: Signal) -> Said {
        self.process.signal(signal);
        let status = self.process.wait();
        let lines = self.records.join().expect("the reader does not panic");
        self.heard.extend(self.said.iter());
        let records = lines.iter().map(|(_, line)| Record::parse(line)).collect();
        let arrived = lines.into_iter().map(|(time, _)| time).collect();
        Said { status, records, arrived, lines: self.heard }
    }
}

impl Said {
    /// What was seen and not counted for this reason (`not_ip`, `map_full`, …).
    ///
    /// # Panics
    /// When the line cannot be read.
    pub fn lost(&self, reason: &str) -> Count {
        self.summary(&format!("not counted: reason={reason} "))
    }

    /// What was noted, though counted (`seen_elsewhere`, …).
    pub fn noted(&self, reason: &str) -> Count {
        self.summary(&format!("noted: reason={reason} "))
    }

    /// What the summary says was counted.
    pub fn counted(&self) -> Count {
        self.summary("counted: ")
    }

    fn summary(&self, head: &str) -> Count {
        let head = format!("flowtrace: {head}");
        let line = self.lines.iter().find(|line| line.starts_with(&head));
        let number = |line: &str, name: &str| {
            let word = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no {name} in {line:?}"))
        };
        line.map(|line| Count { packets: number(line, "packets"), bytes: number(line, "bytes") }).unwrap_or_default()
    }

    /// Asserts that it ended well and that its summary agrees with its records.
    ///
    /// # Panics
    /// When not.
    pub fn check(&self) {
        assert_eq!(self.status.code(), Some(0), "{:?}", self.lines);
        let sum: Count = self.records.iter().flat_map(|record| record.ways).sum();
        assert_eq!(self.counted(), sum, "summary and records: {:?}", self.lines);
    }
}

fn read_all(from: impl Read + Send + 'static) -> JoinHandle<Vec<(SystemTime, String)>> {
    thread::spawn(move || {
        let lines = BufReader::new(from).lines();
        lines.map(|line| (SystemTime::now(), line.expect("the program writes UTF-8"))).collect()
    })
}

fn read_lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Nobody listens any more when the test has failed.
            let _ = sender.send(line);
        }
    });
    receiver
}
