//! A second, older kernel: Debian's 6.1 cloud kernel under QEMU, by software emulation. It has no tcx, so programs are
//! attached by filters of a clsact qdisc, and it has real devices for nearly every tunnel.
//!
//! The host packs an initramfs ([`initramfs`]) whose `/init` is this package's `second-kernel-guest`, boots it once
//! ([`machine`]) and reads what it reports ([`report`]). The guest plays the scenes of a table ([`scene`], [`scenes`]):
//! two namespaces, a cable, a tunnel of known traffic, and flowtrace on the cable.

pub mod bond;
pub mod expect;
pub mod guest;
pub mod initramfs;
pub mod kernel;
pub mod machine;
pub mod report;
pub mod scene;
pub mod scenes;

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::files::{is_ci, program, say};
use crate::tools;

use report::Report;

/// Boots the second kernel, once in a process, and answers what the guest reported. `None`, with the reason on standard
/// error, where that is not possible.
///
/// # Panics
/// Where it is not possible and the environment says `CI=true`; when the guest does not come to its end.
pub fn report(guest: &str) -> Option<&'static Report> {
    static REPORT: OnceLock<Option<Result<Report, String>>> = OnceLock::new();
    let report = REPORT.get_or_init(|| match prepare() {
        Ok(kernel) => Some(boot(&kernel, guest)),
        Err(reason) => {
            assert!(!is_ci(), "the second kernel must be tested in CI, but {reason}");
            say(&format!("\n*** NOT RUN: {reason}\n"));
            None
        }
    });
    report.as_ref().map(|report| report.as_ref().unwrap_or_else(|reason| panic!("{reason}")))
}

fn prepare() -> Result<kernel::Kernel, String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("the guest runs programs of the host, on an emulated x86-64".to_owned());
    }
    tools::require_tools("emulation")?;
    kernel::get(&cache())
}

fn boot(kernel: &kernel::Kernel, guest: &str) -> Result<Report, String> {
    // It takes both CPUs for a while: tests that measure wait.
    let _alone = tools::alone();
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let image = folder.path().join("initramfs.cpio");
    initramfs::pack(kernel, guest.as_ref(), &image);
    Report::parse(&machine::boot(&kernel.image, &image, &cache())?)
}

/// Where the kernel is kept from one run to the next: in the folder of all builds (`target`).
fn cache() -> PathBuf {
    let build = program::build_folder();
    build.parent().expect("target/PROFILE").join("second-kernel")
}
