//! `/proc/PID/stat` and `/proc/PID/status` (proc_pid_stat(5), proc_pid_status(5)).

/// `PF_KTHREAD`: a thread of the kernel (include/linux/sched.h).
const KERNEL_THREAD: u64 = 0x0020_0000;
/// Places of fields behind the name: `state` is the third field of the file.
const FLAGS: usize = 9 - 3;
const START: usize = 22 - 3;

/// What is taken of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat<'a> {
    /// The name of the main thread, at most 15 bytes.
    pub comm: &'a [u8],
    /// It is a thread of the kernel.
    pub is_kernel: bool,
    /// When it started, in ticks since boot.
    pub start: u64,
}

impl<'a> Stat<'a> {
    /// Reads the file's content. The name may have parentheses of its own.
    pub fn parse(content: &'a [u8]) -> Option<Self> {
        let begin = content.iter().position(|&byte| byte == b'(')? + 1;
        let end = content.iter().rposition(|&byte| byte == b')')?;
        let comm = content.get(begin..end)?;
        let mut fields = std::str::from_utf8(content.get(end + 1..)?).ok()?.split_ascii_whitespace();
        let flags: u64 = fields.nth(FLAGS)?.parse().ok()?;
        let start = fields.nth(START - FLAGS - 1)?.parse().ok()?;
        Some(Self { comm, is_kernel: flags & KERNEL_THREAD != 0, start })
    }
}

/// The effective user of `/proc/PID/status`: whose rights the process has.
pub fn effective_uid(status: &[u8]) -> Option<u32> {
    let mut lines = status.split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(b"Uid:"))?;
    // Real, effective, saved, of file systems.
    std::str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = "S 1 2 2 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 15300 2949120 400 18446744073709551615";

    #[test]
    fn names_may_have_anything() {
        for name in ["nginx", "a b", "a) S 1", "((", "", "\n"] {
            let content = format!("812 ({name}) {FIELDS}\n");
            let expected = Stat { comm: name.as_bytes(), is_kernel: false, start: 15300 };
            assert_eq!(Stat::parse(content.as_bytes()), Some(expected), "{name:?}");
        }
        let kernel = "12 (kworker/0:1) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 31 0 0";
        assert!(Stat::parse(kernel.as_bytes()).is_some_and(|stat| stat.is_kernel && stat.start == 31));
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        let content = format!("812 (nginx) {FIELDS}");
        let end = content.find(" 15300").unwrap();
        for length in 0..=end {
            assert_eq!(Stat::parse(&content.as_bytes()[..length]), None, "{length}");
        }
        assert_eq!(Stat::parse(b")("), None);
        assert_eq!(Stat::parse(b"1 (a) S 1 2 3 4 5 x 7 8 9 10 11 12 13 14 15 16 17 18 19 20"), None);
    }

    #[test]
    fn the_effective_user() {
        assert_eq!(effective_uid(b"Name:\tsu\nUid:\t1000\t0\t0\t0\nGid:\t5\t6\t7\t8\n"), Some(0));
        for wrong in [&b""[..], b"Uid:", b"Uid:\t1", b"Uid:\t1\tx", b"Uid:\t1\t-1", b"Uid:\t1\t4294967296"] {
            assert_eq!(effective_uid(wrong), None);
        }
    }
}
