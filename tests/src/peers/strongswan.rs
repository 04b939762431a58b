//! strongSwan with IPsec in userland (kernel-libipsec): ESP in UDP, always.

use std::fs::File;
use std::path::Path;

use crate::netns::{Cable, Host};
use crate::peers::wait_for;
use crate::tools::output;
use crate::watch::Process;

/// Addresses inside: the client's, the server's.
pub const INSIDE: [&str; 2] = ["10.83.1.1", "10.83.2.1"];

/// Two ends of a cable that can protect what they say to each other.
#[derive(Debug)]
pub struct Pair {
    _daemons: [Process; 2],
    folder: tempfile::TempDir,
}

impl Pair {
    /// Starts both; they say nothing yet.
    ///
    /// # Panics
    /// When one does not begin.
    pub fn start(cable: &Cable) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = [&cable.client, &cable.server];
        let daemons = [0, 1].map(|own| {
            let own_folder = folder.path().join(own.to_string());
            std::fs::create_dir(&own_folder).expect("a folder");
            write_settings(&own_folder, hosts.map(|host| host.addresses[0].to_string()), own);
            start(hosts[own], &own_folder, INSIDE[own])
        });
        let pair = Self { _daemons: daemons, folder };
        for (number, host) in hosts.into_iter().enumerate() {
            let file = pair.folder.path().join(format!("{number}/swanctl.conf"));
            pair.control(host, number, &["--load-all", "--file", &file.display().to_string()]);
        }
        pair
    }

    /// The client asks for the security association.
    pub fn initiate(&self, cable: &Cable) {
        self.control(&cable.client, 0, &["--initiate", "--child", "inside", "--timeout", "15"]);
    }

    /// The client's SPIs, for what arrives and for what leaves, as strongSwan says them.
    ///
    /// # Panics
    /// When there are none.
    pub fn client_spis(&self, cable: &Cable) -> [u32; 2] {
        let text = self.control(&cable.client, 0, &["--list-sas", "--raw"]);
        ["spi-in=", "spi-out="].map(|name| {
            let word = text.split_whitespace().find_map(|word| word.strip_prefix(name));
            word.and_then(|spi| u32::from_str_radix(spi, 16).ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
        })
    }

    fn control(&self, host: &Host, number: usize, arguments: &[&str]) -> String {
        let folder = self.folder.path().join(number.to_string());
        let mut swanctl = host.namespace.command("swanctl");
        swanctl.env("STRONGSWAN_CONF", folder.join("strongswan.conf")).args(arguments);
        output(swanctl.arg("--uri").arg(format!("unix://{}", folder.join("vici").display())))
    }
}

fn start(host: &Host, folder: &Path, inside: &str) -> Process {
    // IPv6 on the tun device would begin to speak by itself.
    host.run("sysctl -q -w net.ipv6.conf.default.disable_ipv6=1");
    host.run(&format!("ip address add {inside}/32 dev lo"));
    let log = File::create(folder.join("log")).expect("a file");
    let mut daemon = host.namespace.command("charon-systemd");
    daemon.env("STRONGSWAN_CONF", folder.join("strongswan.conf"));
    let process = Process::start(daemon.stdout(log.try_clone().expect("a file")).stderr(log));
    wait_for(&folder.join("vici"));
    process
}

fn write_settings(folder: &Path, addresses: [String; 2], own: usize) {
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("a file");
    let socket = folder.join("vici");
    write(
        "strongswan.conf",
        format!(
            "charon-systemd {{\n load = nonce openssl random kdf hmac sha2 aes kernel-libipsec kernel-netlink \
             socket-default vici\n plugins {{ vici {{ socket = unix://{} }} }}\n}}\nswanctl {{ load = openssl random }}\n",
            socket.display()
        ),
    );
    let (far, [own_end, far_end]) = (1 - own, [&addresses[own], &addresses[1 - own]]);
    let (here, there) = (INSIDE[own], INSIDE[far]);
    write(
        "swanctl.conf",
        format!(
            "connections {{ pair {{\n version = 2\n local_addrs = {own_end}\n remote_addrs = {far_end}\n local {{\n auth = psk\n id = \
             {own_end}\n }}\n remote {{\n auth = psk\n id = {far_end}\n }}\n children {{ inside {{\n local_ts = {here}/32\n \
             remote_ts = {there}/32\n esp_proposals = aes128-sha256\n }} }}\n}} }}\nsecrets {{ ike {{\n secret = \"flowtrace\"\n \
             }} }}\n"
        ),
    );
}
