//! The emulated machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::files::say;
use crate::tools;

use super::initramfs::{BPF_OBJECT, FLOWTRACE};

/// How long all scenes may take. An idle machine takes a fifth of it.
const LIMIT: Duration = Duration::from_secs(600);

/// Boots a kernel with an initramfs and waits until it powers off. Answers what came over its second serial line. What
/// came over both stays in the folder, to be looked at.
///
/// # Errors
/// When it takes too long, or reports nothing; with the end of its console.
pub fn boot(kernel: &Path, initramfs: &Path, folder: &Path) -> Result<String, String> {
    let [console, report] = ["console", "report"].map(|name| folder.join(name));
    let began = Instant::now();
    let mut command = qemu(kernel, initramfs, [&console, &report]);
    let mut machine = command.stdin(Stdio::null()).spawn().expect("qemu runs");
    let status = loop {
        if let Some(status) = machine.try_wait().expect("a child can be waited for") {
            break status;
        }
        if began.elapsed() > LIMIT {
            // It may end just now.
            let _ = machine.kill();
            let _ = machine.wait();
            let reason = format!("the second kernel takes more than {LIMIT:?}; its report: {}", report.display());
            return Err(format!("{reason}\n{}", end_of(&console)));
        }
        thread::sleep(Duration::from_millis(50));
    };
    say(&format!("second kernel: {} s", began.elapsed().as_secs()));
    let text = fs::read(&report).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    if text.is_empty() || !status.success() {
        return Err(format!("the second kernel reports nothing; qemu: {status}\n{}", end_of(&console)));
    }
    Ok(text)
}

/// The first serial line is the kernel's console, the second one is the guest's report.
fn qemu(kernel: &Path, initramfs: &Path, serial: [&Path; 2]) -> Command {
    let mut command = tools::command("qemu-system-x86_64");
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"]);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
    for line in serial {
        command.arg("-serial").arg(format!("file:{}", line.display()));
    }
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(initramfs);
    // What is not an option of the kernel is in the environment of /init.
    let mut words = format!("console=ttyS0 quiet panic=-1 mitigations=off PATH=/bin:/sbin FLOWTRACE_BIN={FLOWTRACE}");
    if tools::bpf_object().is_some() {
        words.push_str(&format!(" FLOWTRACE_BPF_OBJECT={BPF_OBJECT}"));
    }
    command.arg("-append").arg(words);
    command
}

fn end_of(file: &Path) -> String {
    const LINES: usize = 60;
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
