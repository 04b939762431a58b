//! A cable on which packets take a while. (This kernel has no device for that, so a script carries them.)

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::{ChildStdin, Stdio};

use crate::netns::{Cable, Host, Namespace};
use crate::watch::Process;

/// Runs as `python3 -c SCRIPT DEVICE OTHER SECONDS`.
const SCRIPT: &str = include_str!("delay.py");

/// Two hosts with tun devices, and the script between them.
#[derive(Debug)]
pub struct SlowCable {
    /// The hosts.
    pub cable: Cable,
    _process: Process,
    _input: ChildStdin,
}

impl SlowCable {
    /// Each packet is under way for so many milliseconds.
    ///
    /// # Panics
    /// When the script does not begin.
    pub fn new(milliseconds: u32) -> Self {
        let host = |number: u8, interface| Host {
            namespace: Namespace::new(),
            interface,
            addresses: [
                Ipv4Addr::new(10, 77, 1, number).into(),
                Ipv6Addr::new(0xfd77, 1, 0, 0, 0, 0, 0, number.into()).into(),
            ],
        };
        let cable = Cable { client: host(1, "slow-a"), server: host(2, "slow-b") };
        let (a, b) = (&cable.client, &cable.server);
        let mut command = a.namespace.command("python3");
        let seconds = f64::from(milliseconds) / 1000.0;
        command.args(["-c", SCRIPT, a.interface, b.interface, &seconds.to_string()]);
        let mut process = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (input, output) = process.pipes();
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("the script writes text");
        assert_eq!(line.trim_end(), "ready");
        // The file stays the script's.
        a.run(&format!("ip link set {} netns {}", b.interface, b.namespace.name()));
        for host in [a, b] {
            host.run("ip link set lo up");
            host.run(&format!("ip address add {}/24 dev DEV", host.addresses[0]));
            host.run(&format!("ip address add {}/64 dev DEV nodad", host.addresses[1]));
            host.run("ip link set DEV up");
        }
        Self { cable, _process: process, _input: input }
    }
}
