//! Frames and packets put on an interface as they stand. The sockets and devices that this takes are opened by a script:
//! in Rust they need unsafe code.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};

use crate::count::Count;
use crate::craft::pdu::Pdu;
use crate::netns::Namespace;
use crate::watch::Process;

/// Runs as `python3 -c SCRIPT packet|tun DEVICE`.
const SCRIPT: &str = include_str!("inject.py");

/// Where packets can be put.
#[derive(Debug)]
pub struct Injector {
    process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Injector {
    /// Ethernet frames that leave by an interface.
    pub fn frames(namespace: &Namespace, device: &str) -> Self {
        Self::start(namespace, "packet", device)
    }

    /// A new tun device: what is put here arrives at it. It goes with this value.
    pub fn tun(namespace: &Namespace, device: &str) -> Self {
        Self::start(namespace, "tun", device)
    }

    fn start(namespace: &Namespace, kind: &str, device: &str) -> Self {
        let mut command = namespace.command("python3");
        command.args(["-c", SCRIPT, kind, device]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let (input, output) = process.pipes();
        let mut injector = Self { process, input, output: BufReader::new(output) };
        assert_eq!(injector.line(), "ready");
        injector
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the script writes text");
        line.trim_end().to_owned()
    }

    /// Puts one there, and waits until it was taken.
    ///
    /// # Panics
    /// When it was not.
    pub fn send(&mut self, packet: &Pdu) {
        let mut line: String = packet.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        line.push('\n');
        self.input.write_all(line.as_bytes()).expect("the script reads");
        assert_eq!(self.line(), "sent", "{line}");
    }

    /// Puts each there.
    pub fn send_all<'a>(&mut self, packets: impl IntoIterator<Item = &'a Pdu>) {
        packets.into_iter().for_each(|packet| self.send(packet));
    }

    /// Ends it. What the tun device has given back until now.
    ///
    /// # Panics
    /// When the script failed.
    pub fn finish(self) -> Count {
        let Self { mut process, input, mut output } = self;
        drop(input);
        let mut line = String::new();
        output.read_line(&mut line).expect("the script writes text");
        assert!(process.wait().success());
        let mut numbers = line.split_whitespace().map(|word| word.parse().expect("a number"));
        let mut number = || numbers.next().expect("two numbers");
        Count { packets: number(), bytes: number() }
    }
}
