//! What the kernel says of this process (proc_pid_stat(5)).

use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// What the kernel says of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Time on a CPU, in seconds.
    pub cpu: f64,
    /// Threads.
    pub threads: u64,
    /// Bytes that it holds.
    pub resident: u64,
    /// Bytes of addresses.
    pub virtual_memory: u64,
    /// When it started, in seconds since the Unix epoch.
    pub started: Option<f64>,
    /// Open descriptors.
    pub open_fds: Option<u64>,
    /// Descriptors that may be open; absent where there is no limit.
    pub max_fds: Option<u64>,
}

impl Process {
    /// This one, now.
    pub fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok();
        let boot =
            boot.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("btime ")?.parse().ok()));
        // Without that of the directory itself.
        let open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| (entries.count() as u64).saturating_sub(1));
        let max_fds = getrlimit(Resource::Nofile).current;
        Some(Self { open_fds, max_fds, ..parse(&stat, boot, clock_ticks_per_second(), page_size() as u64)? })
    }
}

/// Reads `/proc/PID/stat`. `boot`: when the machine started, in seconds since the Unix epoch.
fn parse(stat: &str, boot: Option<f64>, ticks: u64, page: u64) -> Option<Process> {
    // The name may hold anything, parentheses among it.
    let (_, rest) = stat.rsplit_once(')')?;
    // The fields from the third on, by their numbers in the manual.
    let fields: Vec<u64> = rest.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let field = |number: usize| fields.get(number - 3).copied();
    let seconds = |count: u64| count as f64 / ticks.max(1) as f64;
    Some(Process {
        cpu: seconds(field(14)? + field(15)?),
        threads: field(20)?,
        started: boot.zip(field(22)).map(|(boot, start)| boot + seconds(start)),
        virtual_memory: field(23)?,
        resident: field(24)?.saturating_mul(page),
        ..Process::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name() {
        let stat = "42 (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 7 0 300 4096000 25 18446744073709551615 1 1";
        let process = parse(stat, Some(1000.0), 100, 4096).expect("it is whole");
        let expected = Process {
            cpu: 2.0,
            threads: 7,
            resident: 25 * 4096,
            virtual_memory: 4_096_000,
            started: Some(1003.0),
            ..Process::default()
        };
        assert_eq!(process, expected);
        assert_eq!(parse("42 (a S 1", None, 100, 4096), None);
    }

    #[test]
    fn this_process_is_there() {
        let process = Process::read().expect("it runs");
        assert!(process.resident > 1 << 20 && process.threads > 0 && process.open_fds > Some(2), "{process:?}");
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64();
        assert!(process.started.is_some_and(|started| now - started < 3600.0 && started < now + 2.0), "{process:?}");
    }
}
