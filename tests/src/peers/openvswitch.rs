//! Open vSwitch with its datapath in userland (`datapath_type=netdev`).

use std::fs::File;
use std::path::Path;

use crate::netns::Host;
use crate::peers::wait_for;
use crate::tools::{command, output};
use crate::watch::Process;

/// The switch of a host: database and daemon, with all files in a folder of their own.
#[derive(Debug)]
pub struct Switch {
    _daemon: Process,
    _database: Process,
    folder: tempfile::TempDir,
}

impl Switch {
    /// Starts one.
    ///
    /// # Panics
    /// When it does not begin.
    pub fn start(host: &Host) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, socket) = (folder.path().join("db"), folder.path().join("db.sock"));
        output(command("ovsdb-tool").arg("create").arg(&data).arg("/usr/share/openvswitch/vswitch.ovsschema"));
        let remote = format!("unix:{}", socket.display());
        let database = [data.display().to_string(), format!("--remote=p{remote}")];
        let database = start(host, folder.path(), "ovsdb-server", &database);
        wait_for(&socket);
        output(command("ovs-vsctl").arg(format!("--db={remote}")).args(["--no-wait", "init"]));
        let daemon = start(host, folder.path(), "ovs-vswitchd", &[remote]);
        Self { _daemon: daemon, _database: database, folder }
    }

    /// Runs a command of `ovs-vsctl`, which waits until the switch has done it.
    pub fn configure(&self, line: &str) {
        let database = format!("--db=unix:{}", self.folder.path().join("db.sock").display());
        output(command("ovs-vsctl").arg(database).arg("--timeout=20").args(line.split_whitespace()));
    }
}

fn start(host: &Host, folder: &Path, program: &str, arguments: &[String]) -> Process {
    let control = folder.join(program).with_extension("control");
    let log = File::create(folder.join(program)).expect("a log file");
    let mut daemon = host.namespace.command(program);
    daemon.env("OVS_RUNDIR", folder).env("OVS_LOGDIR", folder).args(arguments);
    daemon.arg(format!("--unixctl={}", control.display()));
    let process = Process::start(daemon.stdout(log.try_clone().expect("a file")).stderr(log));
    wait_for(&control);
    process
}
