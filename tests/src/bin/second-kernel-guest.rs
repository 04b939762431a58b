//! `/init` of the second kernel: plays the scenes, reports over the second serial line, powers off.

use std::fs::OpenOptions;

use flowtrace_tests::qemu::guest;
use flowtrace_tests::qemu::report::Reporter;
use flowtrace_tests::tools::{command, output};

fn main() {
    for (kind, folder) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        // Nothing is redirected: there is no /dev/null before.
        let status = command("mount").args(["-t", kind, kind, folder]).status();
        assert!(status.is_ok_and(|status| status.success()), "{folder} cannot be mounted");
    }
    let line = OpenOptions::new().write(true).open("/dev/ttyS1").expect("the machine has two serial lines");
    guest::play_all(Reporter(line));
    output(command("poweroff").arg("-f"));
}
