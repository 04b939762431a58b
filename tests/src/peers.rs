//! Programs at the other end: Open vSwitch, WireGuard and strongSwan, all in userland, so that their packets are real
//! where the kernel has no such device.

pub mod openvswitch;
pub mod strongswan;
pub mod wireguard;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to begin.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a file is there: a socket on which a program listens.
fn wait_for(file: &Path) {
    let deadline = Instant::now() + PATIENCE;
    while !file.exists() {
        assert!(Instant::now() < deadline, "waited for in vain: {}", file.display());
        thread::sleep(Duration::from_millis(20));
    }
}
