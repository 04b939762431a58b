//! Hosts with names of their own, as flowtrace sees them.

use std::fs;
use std::path::PathBuf;

use crate::netns::Namespace;

/// A machine id that programs in a namespace find. (`ip netns exec` puts what is in `/etc/netns/NAME` over `/etc`.) It
/// goes with this value.
#[derive(Debug)]
pub struct MachineId {
    folder: PathBuf,
}

impl MachineId {
    /// Gives the namespace one of which every digit is the same.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn give(namespace: &Namespace, digit: char) -> Self {
        let folder = PathBuf::from("/etc/netns").join(namespace.name());
        fs::create_dir_all(&folder).expect("root may");
        fs::write(folder.join("machine-id"), [digit; 32].iter().collect::<String>() + "\n").expect("root may");
        Self { folder }
    }
}

impl Drop for MachineId {
    fn drop(&mut self) {
        // Whether it worked cannot matter any more. The folder above stays if others have something in it.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_dir("/etc/netns");
    }
}
