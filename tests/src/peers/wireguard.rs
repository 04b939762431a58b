//! wireguard-go: WireGuard on tun devices.

use std::path::PathBuf;
use std::process::Stdio;

use crate::netns::{Cable, Host};
use crate::peers::wait_for;
use crate::watch::Process;

/// The port of both ends.
pub const PORT: u16 = 51820;
/// Addresses inside the tunnel: the client's, the server's.
pub const INSIDE: [&str; 2] = ["10.82.0.1", "10.82.0.2"];

/// A tunnel between the ends of a cable.
#[derive(Debug)]
pub struct Tunnel {
    _daemons: [Process; 2],
    _keys: tempfile::TempDir,
}

/// Where a daemon listens lies beside where others do: the names must differ.
fn device(number: usize) -> String {
    format!("ft{}wg{number}", std::process::id())
}

/// Where its daemon listens.
fn socket(device: &str) -> PathBuf {
    PathBuf::from(format!("/var/run/wireguard/{device}.sock"))
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // A daemon that is killed leaves it behind.
        for number in 0..2 {
            let _ = std::fs::remove_file(socket(&device(number)));
        }
    }
}

impl Tunnel {
    /// Starts both ends. They say nothing before there is something to carry.
    ///
    /// # Panics
    /// When one does not begin.
    pub fn start(cable: &Cable) -> Self {
        let keys = tempfile::tempdir().expect("a folder");
        let hosts = [&cable.client, &cable.server];
        let daemons = [0, 1].map(|number| start(hosts[number], &device(number)));
        let publics = [0, 1].map(|number| {
            let (host, device) = (hosts[number], device(number));
            let file = keys.path().join(&device);
            std::fs::write(&file, host.run("wg genkey")).expect("a file");
            host.run(&format!("wg set {device} listen-port {PORT} private-key {}", file.display()));
            host.run(&format!("wg show {device} public-key"))
        });
        for (own, far) in [(0, 1), (1, 0)] {
            let (host, device, public) = (hosts[own], device(own), publics[far].trim());
            let endpoint = format!("endpoint {}:{PORT}", hosts[far].addresses[0]);
            host.run(&format!("wg set {device} peer {public} allowed-ips {}/32 {endpoint}", INSIDE[far]));
            // IPv6 would begin to speak by itself.
            host.run("sysctl -q -w net.ipv6.conf.default.disable_ipv6=1");
            host.run(&format!("sysctl -q -w net.ipv6.conf.{device}.disable_ipv6=1"));
            host.run(&format!("ip address add {}/24 dev {device}", INSIDE[own]));
        }
        for (number, host) in hosts.into_iter().enumerate() {
            host.run(&format!("ip link set {} up", device(number)));
        }
        Self { _daemons: daemons, _keys: keys }
    }
}

fn start(host: &Host, device: &str) -> Process {
    let mut daemon = host.namespace.command("wireguard-go");
    let process = Process::start(daemon.args(["-f", device]).stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for(&socket(device));
    process
}
