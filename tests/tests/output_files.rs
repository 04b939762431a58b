//! Records in files: `--output-file` and its rotation.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flowtrace_tests::files::frames::{many_flows, pcap};
use flowtrace_tests::files::program::{Ended, read, run};
use flowtrace_tests::files::span::Span;
use flowtrace_tests::netns::Cable;
use flowtrace_tests::tools::require_live;
use flowtrace_tests::watch::Watch;
use nix::sys::signal::Signal;
use tempfile::TempDir;

/// A folder with a capture of so many flows.
fn capture(flows: u32) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("capture.pcap");
    fs::write(&path, pcap(&many_flows(flows))).unwrap();
    (folder, path)
}

/// The files of a folder whose names begin with `flows`, sorted by name; that which is written to, `flows.EXT`, last.
fn outputs(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("flows")).collect();
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

/// A number of the summary's line of the file.
fn number(lines: &str, name: &str) -> usize {
    let line = lines.lines().find(|line| line.starts_with("flowtrace: file: ")).unwrap_or_else(|| panic!("{lines}"));
    let word = line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no {name} in {line}"))
}

/// What stands before the resource, which says what run it was.
fn without_resource(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split("\"resource\":").next().unwrap()).collect()
}

/// The file has what standard output would have, which has nothing; a second run appends.
#[test]
fn records_go_to_the_file_alone() {
    let (folder, capture) = capture(5);
    let path = folder.path().join("flows");
    let file = path.to_str().unwrap();
    for (name, options) in [("json", &[][..]), ("json", &["--output", "json"]), ("text", &["--output", "text"])] {
        let there = read(&["--output", name], &capture);
        for runs in 1..=2 {
            let ended = read(&[&["--output-file", file], options].concat(), &capture);
            assert_eq!((ended.code, ended.text()), (0, ""), "{options:?}: {}", ended.stderr);
            assert_eq!(number(&ended.stderr, "written"), 5);
            let expected = there.text().repeat(runs);
            assert_eq!(without_resource(&text(&path)), without_resource(&expected), "{options:?}");
        }
        fs::remove_file(&path).unwrap();
    }
    let ended = read(&["--output", "otlp-json", "--output-file", file], &capture);
    assert_eq!((ended.code, ended.text()), (0, ""), "{}", ended.stderr);
    assert!(text(&path).lines().count() == 5 && text(&path).starts_with("{\"resourceSpans\":"), "{}", text(&path));
}

/// All records are in the files, in order, and no line is torn.
#[test]
fn rotation_tears_no_line_and_loses_no_record() {
    let flows = 5_000;
    let (folder, capture) = capture(flows);
    let file = folder.path().join("flows.json");
    let options = ["--output-file", file.to_str().unwrap(), "--rotate-size", "100KiB", "--rotate-keep", "9999"];
    let ended = read(&options, &capture);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let files = outputs(folder.path());
    assert!(files.len() > 20 && files.len() == number(&ended.stderr, "rotated") + 1, "{}", ended.stderr);
    let mut all = String::new();
    for path in &files {
        let content = text(path);
        let spans = Span::parse_all(&content).unwrap();
        let longest = spans.iter().map(|span| span.line.len()).max().unwrap_or_default();
        assert!(content.len() <= (100 << 10) + longest && (content.is_empty() || content.ends_with('\n')), "{path:?}");
        all.push_str(&content);
    }
    let there = read(&["--output", "json"], &capture);
    assert_eq!(without_resource(&all).len(), flows as usize);
    assert_eq!(without_resource(&all), without_resource(there.text()));
}

#[test]
fn so_many_full_files_are_kept() {
    let (folder, capture) = capture(2_000);
    let file = folder.path().join("flows.json");
    let options = ["--output-file", file.to_str().unwrap(), "--rotate-size", "100KiB", "--rotate-keep", "3"];
    let ended = read(&options, &capture);
    let (rotated, deleted) = (number(&ended.stderr, "rotated"), number(&ended.stderr, "deleted"));
    assert_eq!((ended.code, outputs(folder.path()).len(), rotated - deleted), (0, 4, 3), "{}", ended.stderr);
}

/// Every file of text begins with the names of the columns.
#[test]
fn every_file_of_text_has_the_names_of_the_columns() {
    let (folder, capture) = capture(2_000);
    let file = folder.path().join("flows.txt");
    let ended = read(&["--output", "text", "--output-file", file.to_str().unwrap(), "--rotate-size", "20KB"], &capture);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let files = outputs(folder.path());
    assert_eq!(files.len(), 11);
    for path in &files {
        let content = text(path);
        let heads = content.lines().filter(|line| line.starts_with("TIME ")).count();
        assert!(content.is_empty() || (heads == 1 && content.starts_with("TIME ")), "{path:?}: {content}");
    }
}

/// What cannot be written to is said before anything is read.
#[test]
fn failures_say_what_and_what_to_do() {
    let (folder, capture) = capture(1);
    let folder_name = folder.path().to_str().unwrap();
    let nowhere = folder.path().join("no/flows.json");
    let rows: [(&[&str], i32, &str); 8] = [
        (
            &["--output-file", nowhere.to_str().unwrap()],
            1,
            "No such file or directory (os error 2); make its directory",
        ),
        (&["--output-file", folder_name], 1, "Is a directory"),
        (&["--output-file", "/dev/null"], 1, "it is no regular file"),
        (&["--output-file", "x", "--output", "none"], 1, "--output-file: with --output none nothing is written"),
        (&["--rotate-size", "1MiB"], 2, "--output-file <PATH>"),
        (&["--output-file", "x", "--rotate-size", "1KiB"], 2, "it must be 4KiB or more"),
        (&["--output-file", "x", "--rotate-age", "0s"], 2, "it must be longer than 0"),
        (&["--output-file", "x", "--rotate-keep", "0"], 2, "0 is not in 1.."),
    ];
    for (options, code, message) in rows {
        let ended = read(options, &capture);
        assert_eq!((ended.code, ended.text()), (code, ""), "{options:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{options:?}: {}", ended.stderr);
    }
}

/// A disk with room for so many KiB.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(kib: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(folder.path());
        assert!(mount.status().unwrap().success());
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// In a capture file nothing is lost by waiting: a full disk ends the reading; what is there are whole lines.
#[test]
fn a_full_disk_ends_the_reading_of_a_file() {
    let Some(_alone) = require_live() else { return };
    let (_folder, capture) = capture(1_000);
    let disk = SmallDisk::new(256);
    let file = disk.0.path().join("flows.json");
    let Ended { code, stderr, .. } = read(&["--output-file", file.to_str().unwrap()], &capture);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains(&format!("cannot write to {}: No space left on device", file.display())), "{stderr}");
    let content = text(&file);
    assert!(content.ends_with('\n') && !Span::parse_all(&content).unwrap().is_empty());
}

/// Live traffic does not wait: records are lost and counted while the disk is full, and written when it has room.
#[test]
fn a_full_disk_does_not_end_the_watching() {
    let Some(_alone) = require_live() else { return };
    let cable = Cable::new();
    let disk = SmallDisk::new(256);
    let (file, ballast) = (disk.0.path().join("flows.json"), disk.0.path().join("ballast"));
    let options = ["--output-file", file.to_str().unwrap(), "--scan-interval", "100ms", "-t", "icmp=200ms"];
    let mut watch = Watch::start(&cable.server.namespace, &[&["-i", cable.server.interface][..], &options].concat());
    let ping = || cable.client.run(&format!("ping -q -c 1 {}", cable.server.addresses[0]));
    let is_written = |count: usize| text(&file).lines().count() >= count;
    let wait = |what: &str, holds: &dyn Fn() -> bool| {
        let found = (0..500).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            holds()
        });
        assert!(found, "{what}");
    };
    ping();
    wait("a first record", &|| is_written(1));
    // Full to the last page, and a bit of the file's last page is left: no record fits there for long.
    let _ = fs::write(&ballast, vec![0; 1 << 20]);
    let before = text(&file).len();
    while text(&file).len() < before + 4096 && !watch.has_heard("records cannot be written and are lost") {
        ping();
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    fs::remove_file(&ballast).unwrap();
    ping();
    watch.hear("records can be written again");
    ping();
    let said = watch.stop_by(Signal::SIGINT);
    let lines = said.lines.join("\n");
    assert_eq!(said.status.code(), Some(4), "{lines}");
    let content = text(&file);
    let (written, lost) = (number(&lines, "written"), number(&lines, "disk_full"));
    assert!(lost > 0 && content.ends_with('\n'), "{lines}");
    assert_eq!(Span::parse_all(&content).unwrap().len(), written, "{lines}");
    assert!(lines.contains(&format!(" records={}", written + lost)), "{lines}");
    assert_eq!(lines.matches("cannot be written").count(), 1, "said once: {lines}");
}

/// The file of a running program is its own.
#[test]
fn a_file_is_written_by_one_process_at_a_time() {
    let (folder, capture) = capture(1);
    let path = folder.path().join("flows.json");
    let held = fs::File::create(&path).unwrap();
    held.lock().unwrap();
    let options = ["read", "--output-file", path.to_str().unwrap(), capture.to_str().unwrap()];
    let ended = run(&options);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("another process writes to it"), "{}", ended.stderr);
    drop(held);
    assert_eq!(run(&options).code, 0);
}
