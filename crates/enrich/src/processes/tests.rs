//! Processes of trees that are made by hand.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use tempfile::TempDir;

use super::*;

const SECOND: u64 = 1_000_000_000;
const ID: &str = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970";

/// A tree of processes.
struct Hand(TempDir);

impl Hand {
    fn new(namespace: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("self/ns")).unwrap();
        symlink(namespace, folder.path().join("self/ns/pid")).unwrap();
        fs::write(folder.path().join("passwd"), "root:x:0:0::/:\nweb:x:33:33::/:\n").unwrap();
        Self(folder)
    }

    /// A process that started at `start` seconds.
    fn start(&self, pid: u32, comm: &str, exe: &str, start: u64) {
        self.end(pid);
        let folder = self.0.path().join(pid.to_string());
        fs::create_dir(&folder).unwrap();
        let ticks = start * rustix::param::clock_ticks_per_second();
        let stat = format!("{pid} ({comm}) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 0 0\n");
        fs::write(folder.join("stat"), stat).unwrap();
        fs::write(folder.join("status"), format!("Name:\t{comm}\nUid:\t0\t33\t33\t33\n")).unwrap();
        fs::write(folder.join("cmdline"), format!("{comm}\0-x\0é\0\0")).unwrap();
        fs::write(folder.join("cgroup"), format!("0::/docker/{ID}\n")).unwrap();
        symlink(exe, folder.join("exe")).unwrap();
    }

    fn end(&self, pid: u32) {
        let _ = fs::remove_dir_all(self.0.path().join(pid.to_string()));
    }

    fn processes(&self) -> Processes {
        self.with(ProcessSettings::default())
    }

    fn with(&self, settings: ProcessSettings) -> Processes {
        let proc = self.0.path().to_owned();
        let settings = ProcessSettings { passwd: proc.join("passwd"), proc, ..settings };
        Processes::new(&settings, Containers::by_cgroups())
    }
}

fn initial() -> Hand {
    Hand::new("pid:[4026531836]")
}

fn seen(tgid: u32, comm: &str, at: u64) -> Seen {
    let mut bytes = [0; COMM_LENGTH];
    bytes[..comm.len()].copy_from_slice(comm.as_bytes());
    Seen { tgid, comm: bytes, is_main_thread: true, at }
}

/// The path of the executable, or its name where there is none.
fn program(processes: &Processes, tgid: u32, at: u64) -> Option<String> {
    let process = processes.get(tgid, at)?;
    assert_eq!(process.pid, tgid);
    let name = process.executable_path.as_deref().or(process.executable_name.as_deref());
    Some(name.unwrap_or("?").to_owned())
}

#[test]
fn all_of_a_process() {
    let hand = initial();
    hand.start(7, "nginx", "/usr/sbin/nginx (deleted)", 1);
    for has_command_lines in [false, true] {
        let processes = hand.with(ProcessSettings { has_command_lines, ..ProcessSettings::default() });
        processes.note(&seen(7, "nginx", 2 * SECOND));
        let process = processes.get(7, 2 * SECOND).unwrap();
        let command_line = if has_command_lines { Some("nginx -x é".into()) } else { None };
        let container = Containers::by_cgroups().of(&crate::cgroup::Identity {
            id: ID.to_owned(),
            runtime: Some("docker"),
            pod_uid: None,
            is_nested: false,
        });
        let expected = Process {
            pid: 7,
            executable_name: Some("nginx".into()),
            executable_path: Some("/usr/sbin/nginx".into()),
            command_line,
            owner: Some("web".into()),
            container: Some(container),
        };
        assert_eq!(*process, expected);
    }
}

#[test]
fn a_number_that_is_used_again_never_answers_for_another() {
    let hand = initial();
    let processes = hand.processes();
    hand.start(7, "one", "/bin/one", 10);
    processes.note(&seen(7, "one", 11 * SECOND));
    hand.start(7, "two", "/bin/two", 20);
    // Nobody has told of the second; what was seen of the first is still so.
    assert_eq!(program(&processes, 7, 11 * SECOND).unwrap(), "/bin/one");
    assert_eq!(program(&processes, 7, 15 * SECOND), None, "between them, or later");
    assert_eq!(program(&processes, 7, 25 * SECOND), None);
    processes.note(&seen(7, "two", 26 * SECOND));
    for (at, expected) in [
        (9, None),
        (10, Some("/bin/one")),
        (11, Some("/bin/one")),
        (12, Some("/bin/one")),
        (13, None),
        (25, None),
        (26, Some("/bin/two")),
        (27, Some("/bin/two")),
        (90, Some("/bin/two")),
    ] {
        assert_eq!(program(&processes, 7, at * SECOND).as_deref(), expected, "{at}");
    }
    hand.end(7);
    assert_eq!(program(&processes, 7, 90 * SECOND).as_deref(), Some("/bin/two"), "it was there then");
    assert_eq!(program(&processes, 7, 99 * SECOND), None);
    assert_eq!(program(&processes, 7, 26 * SECOND).as_deref(), Some("/bin/two"));
}

#[test]
fn what_started_later_is_another_process() {
    let hand = initial();
    let processes = hand.processes();
    hand.start(7, "two", "/bin/two", 20);
    processes.note(&seen(7, "one", 19 * SECOND));
    processes.note(&seen(7, "two", 19 * SECOND + 1));
    assert_eq!(program(&processes, 7, 19 * SECOND).unwrap(), "one");
    assert_eq!(program(&processes, 7, 19 * SECOND + 1).unwrap(), "two", "the name of a thread that has gone");
    assert!(processes.get(7, 19 * SECOND + 1).unwrap().container.is_none());
}

#[test]
fn a_process_that_has_gone_has_the_name_of_its_thread() {
    let hand = initial();
    let processes = hand.processes();
    let rows = [
        ("curl", true, Some("curl")),
        ("fourteen-bytes", true, Some("fourteen-bytes")),
        ("fifteen-bytes--", true, None),
        ("curl", false, None),
        ("", true, None),
        ("a\u{1b}", true, None),
    ];
    for (number, (comm, is_main_thread, expected)) in (0..).zip(rows) {
        processes.note(&Seen { is_main_thread, ..seen(number, comm, SECOND) });
        let process = processes.get(number, SECOND).unwrap();
        assert_eq!(process.executable_name.as_deref(), expected, "{comm}");
        assert_eq!(
            *process,
            Process { pid: number, executable_name: process.executable_name.clone(), ..Process::default() }
        );
        assert!(processes.get(number, 3 * SECOND).is_none(), "it had gone by then");
    }
}

#[test]
fn a_process_that_is_ending_has_the_name_of_its_thread() {
    let hand = initial();
    hand.start(7, "curl", "/usr/bin/curl", 1);
    let before = hand.processes();
    before.note(&seen(7, "curl", 2 * SECOND));
    fs::remove_file(hand.0.path().join("7/exe")).unwrap();
    let after = hand.processes();
    for processes in [&before, &after] {
        processes.note(&seen(7, "curl", 4 * SECOND));
    }
    // What was known of it before is so still.
    assert_eq!(program(&before, 7, 4 * SECOND).unwrap(), "/usr/bin/curl");
    let process = after.get(7, 4 * SECOND).unwrap();
    assert_eq!((process.executable_name.as_deref(), &process.executable_path), (Some("curl"), &None));
    assert!(process.container.is_some() && process.owner.is_some());
    // A thread of the kernel has no program.
    let stat = fs::read_to_string(hand.0.path().join("7/stat")).unwrap();
    fs::write(hand.0.path().join("7/stat"), stat.replace(" 4194560 ", " 2129984 ")).unwrap();
    let kernel = hand.processes();
    kernel.note(&seen(7, "curl", 4 * SECOND));
    assert_eq!(kernel.get(7, 4 * SECOND).unwrap().executable_name, None);
}

#[test]
fn another_program_of_the_same_process() {
    let hand = initial();
    let processes = hand.processes();
    hand.start(7, "sh", "/bin/sh", 1);
    processes.note(&seen(7, "sh", 2 * SECOND));
    hand.start(7, "curl", "/usr/bin/curl", 1);
    processes.note(&seen(7, "sh", 2 * SECOND + 5));
    processes.note(&seen(7, "curl", 2 * SECOND + 10));
    for (at, expected) in
        [(0, "/bin/sh"), (5, "/bin/sh"), (9, "/bin/sh"), (10, "/usr/bin/curl"), (9 * SECOND, "/usr/bin/curl")]
    {
        assert_eq!(program(&processes, 7, 2 * SECOND + at).unwrap(), expected, "{at}");
    }
    // Told of too late: it runs another program now.
    let late = hand.processes();
    late.note(&seen(7, "sh", 2 * SECOND));
    let process = late.get(7, 2 * SECOND).unwrap();
    assert_eq!((process.executable_name.as_deref(), process.executable_path.as_deref()), (Some("sh"), None));
    assert!(process.container.is_some() && process.owner.is_none());
    // A thread has a name of its own.
    let thread = hand.processes();
    thread.note(&Seen { is_main_thread: false, ..seen(7, "worker", 2 * SECOND) });
    assert_eq!(program(&thread, 7, 2 * SECOND).unwrap(), "/usr/bin/curl");
}

#[test]
fn what_was_read_holds_for_a_second() {
    let hand = initial();
    let processes = hand.processes();
    hand.start(7, "python3", "/usr/bin/python3.11", 1);
    processes.note(&seen(7, "python3", 2 * SECOND));
    hand.start(7, "python3", "/usr/bin/python3.13", 1);
    processes.note(&seen(7, "python3", 2 * SECOND + SECOND / 2));
    assert_eq!(program(&processes, 7, 2 * SECOND + SECOND / 2).unwrap(), "/usr/bin/python3.11");
    processes.note(&seen(7, "python3", 3 * SECOND));
    assert_eq!(program(&processes, 7, 3 * SECOND).unwrap(), "/usr/bin/python3.13");
    // The thread's name is compared with that of the thread only.
    processes.note(&Seen { is_main_thread: false, ..seen(7, "worker", 3 * SECOND + 1) });
    processes.note(&seen(7, "python3", 3 * SECOND + 2));
    assert_eq!(lock(&processes.known).get(&7).unwrap().last().unwrap().read, 3 * SECOND);
}

#[test]
fn a_process_nobody_told_of_is_read_when_it_is_asked_for() {
    let hand = initial();
    let processes = hand.processes();
    hand.start(7, "sshd", "/usr/sbin/sshd", 5);
    assert_eq!(program(&processes, 7, 4 * SECOND), None);
    assert_eq!(program(&processes, 7, 6 * SECOND).unwrap(), "/usr/sbin/sshd");
    assert_eq!(program(&processes, 8, 6 * SECOND), None);
}

#[test]
fn in_another_namespace_nothing_is_read() {
    let hand = Hand::new("pid:[4026532281]");
    hand.start(7, "nginx", "/usr/sbin/nginx", 1);
    let processes = hand.processes();
    assert!(!processes.can_read() && initial().processes().can_read());
    processes.note(&seen(7, "curl", 2 * SECOND));
    assert_eq!(program(&processes, 7, 2 * SECOND).unwrap(), "curl");
    assert_eq!(program(&processes, 8, 2 * SECOND), None);
}

#[test]
fn those_that_have_gone_are_forgotten_and_those_that_run_are_not() {
    let hand = initial();
    let processes = hand.processes();
    for pid in [1, 2, 3] {
        hand.start(pid, "a", "/bin/a", 1);
        processes.note(&seen(pid, "a", 2 * SECOND));
    }
    hand.end(2);
    hand.end(3);
    assert!(processes.get(3, 2 * SECOND).is_some());
    let later = 2 * SECOND + KEPT;
    for number in 0..10 {
        processes.note(&seen(100 + number, "b", later + 2 + u64::from(number)));
        let _ = processes.get(3, later);
    }
    assert!(processes.get(1, 2 * SECOND).is_some() && processes.get(3, 2 * SECOND).is_some());
    assert!(processes.get(2, 2 * SECOND).is_none());
}

#[test]
fn processes_and_programs_are_bounded() {
    let hand = initial();
    let processes = hand.with(ProcessSettings { capacity: 10, ..ProcessSettings::default() });
    for number in 0..100 {
        processes.note(&seen(number, "a", SECOND));
    }
    assert_eq!(lock(&processes.known).len(), 10);
    for number in 0..100 {
        processes.note(&seen(7, "a", SECOND * 3 * number));
    }
    assert!(processes.get(7, 0).is_none() && processes.get(7, 99 * 3 * SECOND).is_some());
}

/// A real process, and one whose id another one has.
#[test]
fn a_real_process() {
    let processes = Processes::new(&ProcessSettings::default(), Containers::by_cgroups());
    if !processes.can_read() {
        return;
    }
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let now = || {
        let time = fs::read_to_string("/proc/uptime").unwrap();
        (time.split_whitespace().next().unwrap().parse::<f64>().unwrap() * 1e9) as u64 + SECOND / 50
    };
    let at = now();
    processes.note(&seen(child.id(), "sleep", at));
    let process = processes.get(child.id(), at).unwrap();
    assert_eq!(process.executable_name.as_deref(), Some("sleep"));
    assert!(process.executable_path.as_deref().is_some_and(|path| path.ends_with("/sleep")), "{process:?}");
    child.kill().unwrap();
    // A zombie has no program, but was this process.
    assert_eq!(processes.get(child.id(), at), Some(process));
    child.wait().unwrap();
    assert!(processes.get(child.id(), at + 5 * SECOND).is_none());
    assert!(processes.get(1, 0).is_none(), "it had not started");
}
