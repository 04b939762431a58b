//! What others see on an interface: tcpdump writes it down, tshark reads it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::files::program;
use crate::netns::Namespace;
use crate::record::Record;
use crate::tools::{command, output};
use crate::watch::Process;

/// A running tcpdump.
#[derive(Debug)]
pub struct Sniffer {
    process: Process,
    file: PathBuf,
    folder: tempfile::TempDir,
}

/// What it captured.
#[derive(Debug)]
pub struct Capture {
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Sniffer {
    /// Captures from now on.
    ///
    /// # Panics
    /// When it does not begin.
    pub fn start(namespace: &Namespace, device: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("capture.pcap");
        let mut tcpdump = namespace.command("tcpdump");
        // As root: another user could not write into the folder. Room (in KiB) for some hundred packets of this length.
        tcpdump.args(["-Z", "root", "--immediate-mode", "-U", "-n", "-s", "65535", "-B", "32768"]);
        tcpdump.args(["-i", device, "-w"]).arg(&file);
        let process = Process::start(tcpdump.stdout(Stdio::null()).stderr(Stdio::null()));
        let deadline = Instant::now() + Duration::from_secs(10);
        // The file's header is written once the socket captures.
        while std::fs::metadata(&file).map_or(0, |file| file.len()) < 24 {
            assert!(Instant::now() < deadline, "tcpdump does not begin");
            thread::sleep(Duration::from_millis(10));
        }
        Self { process, file, folder }
    }

    /// Ends it, when nothing has come for a while: what it has not read by then it drops.
    pub fn stop(mut self) -> Capture {
        const SILENT: Duration = Duration::from_millis(300);
        let length = || std::fs::metadata(&self.file).map_or(0, |file| file.len());
        let mut last = 0;
        while last != length() {
            last = length();
            thread::sleep(SILENT);
        }
        self.process.signal(Signal::SIGINT);
        self.process.wait();
        Capture { file: self.file, _folder: self.folder }
    }
}

impl Capture {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// For each packet that matches the display filter, the values of these fields as tshark says them.
    pub fn tshark(&self, filter: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let mut tshark = command("tshark");
        tshark.arg("-r").arg(&self.file).args(["-n", "-T", "fields", "-Y", filter]);
        tshark.args(fields.iter().flat_map(|field| ["-e", *field]));
        let text = output(&mut tshark);
        text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Its flows, as `flowtrace read` with these options finds them.
    ///
    /// # Panics
    /// When it fails.
    pub fn flows(&self, options: &[&str]) -> Vec<Record> {
        let options = [&["--output", "json"], options].concat();
        let ended = program::read(&options, &self.file);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.text().lines().map(Record::parse).collect()
    }
}
