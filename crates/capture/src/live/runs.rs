//! How often the kernel programs ran, and for how long: the kernel counts it where `kernel.bpf_stats_enabled` is 1.

use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::time::Duration;

use aya::Ebpf;

/// What the kernel counted of a program since it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramRuns {
    /// The program's name in the kernel object.
    pub name: String,
    /// How often it ran.
    pub count: u64,
    /// How long it ran.
    pub time: Duration,
}

/// Whether the kernel counts.
pub(super) fn are_counted() -> bool {
    fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").is_ok_and(|text| text.trim() != "0")
}

/// Of the programs of an object that are loaded. `/proc/PID/fdinfo` says it since Linux 5.12.
pub(super) fn of(object: &Ebpf) -> impl Iterator<Item = ProgramRuns> {
    object.programs().filter_map(|(name, program)| {
        let descriptor = program.fd().ok()?.as_fd().as_raw_fd();
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).ok()?;
        let (count, time) = parse(&text)?;
        Some(ProgramRuns { name: name.to_owned(), count, time })
    })
}

fn parse(text: &str) -> Option<(u64, Duration)> {
    let number = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Some((number("run_cnt:")?, Duration::from_nanos(number("run_time_ns:")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        let text = "pos:\t0\nprog_type:\t3\nprog_id:\t42\nrun_time_ns:\t1500\nrun_cnt:\t7\nrecursion_misses:\t0\n";
        assert_eq!(parse(text), Some((7, Duration::from_nanos(1500))));
        assert_eq!(parse("prog_id:\t42\n"), None, "before Linux 5.12");
    }
}
