use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

/// Ten bytes each.
const LINE: &[u8] = b"123456789\n";

fn rotation(size: u64, keep: usize) -> Rotation {
    Rotation { size: Some(size), age: None, keep }
}

const NEVER: Rotation = Rotation { size: None, age: None, keep: 1 };

fn push(file: &mut LineFile, lines: usize) {
    for _ in 0..lines {
        file.buffer().extend_from_slice(LINE);
        let _ = file.written().unwrap();
    }
}

/// The bytes of all files, the oldest first, that which is written to last.
fn sizes(path: &Path) -> Vec<u64> {
    let files = names::full(path).unwrap();
    files.iter().map(PathBuf::as_path).chain([path]).map(|file| fs::metadata(file).unwrap().len()).collect()
}

#[test]
fn a_file_is_made_for_its_owner_and_group_and_appended_to() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.json");
    for run in 1..=2 {
        let mut file = LineFile::open(&path, NEVER).unwrap();
        push(&mut file, 3);
        file.close().unwrap();
        assert_eq!(file.report(), FileReport { written: 3, ..FileReport::default() });
        assert_eq!(sizes(&path), [30 * run]);
    }
    // Whatever this process masks, nobody else may.
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
}

#[test]
fn a_line_without_end_is_ended_first() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.json");
    fs::write(&path, "{\"torn").unwrap();
    let mut file = LineFile::open(&path, NEVER).unwrap();
    push(&mut file, 1);
    file.close().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"torn\n123456789\n");
}

#[test]
fn files_are_rotated_by_size_between_lines_and_the_oldest_deleted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.json");
    let other = folder.path().join("flows-kept.json");
    fs::write(&other, "").unwrap();
    let mut file = LineFile::open(&path, rotation(95, 3)).unwrap();
    push(&mut file, 57);
    file.close().unwrap();
    assert_eq!(file.report(), FileReport { written: 57, rotated: 5, deleted: 2, ..FileReport::default() });
    assert_eq!(sizes(&path), [100, 100, 100, 70]);
    assert!(other.exists());
}

#[test]
fn a_file_that_is_full_at_the_start_is_rotated() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.json");
    fs::write(&path, LINE.repeat(10)).unwrap();
    let mut file = LineFile::open(&path, rotation(100, 3)).unwrap();
    assert_eq!(file.flush().unwrap(), NextLine::NewFile);
    push(&mut file, 1);
    file.close().unwrap();
    assert_eq!(sizes(&path), [100, 10]);
}

#[test]
fn files_are_rotated_by_age_unless_empty() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.json");
    let age = Duration::from_secs(60);
    let mut file = LineFile::open(&path, Rotation { size: None, age: Some(age), keep: 3 }).unwrap();
    let begin = SystemTime::now();
    assert_eq!(file.rotate_when_due(begin + age), NextLine::SameFile, "it is empty");
    push(&mut file, 1);
    assert_eq!(file.flush().unwrap(), NextLine::SameFile);
    // An empty file's age begins with the time at which it was looked at.
    assert_eq!(file.rotate_when_due(begin + age * 3 / 2), NextLine::SameFile);
    assert_eq!(file.rotate_when_due(begin + age * 2), NextLine::NewFile);
    assert_eq!(file.rotate_when_due(begin + age * 4), NextLine::SameFile);
    assert_eq!(sizes(&path), [10, 0]);
}

#[test]
fn the_target_of_a_link_is_rotated() {
    let folder = TempDir::new().unwrap();
    let (path, link) = (folder.path().join("flows.json"), folder.path().join("link"));
    symlink(&path, &link).unwrap();
    let mut file = LineFile::open(&link, rotation(10, 3)).unwrap();
    push(&mut file, 2);
    assert_eq!((sizes(&path), fs::canonicalize(&link).unwrap()), (vec![10, 10, 0], fs::canonicalize(&path).unwrap()));
}

#[test]
fn no_new_file_means_the_old_one_is_used_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.json");
    let mut file = LineFile::open(&path, rotation(10, 3)).unwrap();
    // As if somebody had moved the file away.
    let moved = folder.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    push(&mut file, 3);
    assert_eq!((file.report().rotated, file.report().written), (0, 3));
    fs::rename(&moved, &path).unwrap();
    push(&mut file, 1);
    assert_eq!(sizes(&path), [40, 0]);
}

#[test]
fn what_is_wrong_is_said_at_the_start() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("flows.json");
    let _first = LineFile::open(&path, NEVER).unwrap();
    for (path, message) in [
        (path, "another process writes to it"),
        (folder.path().join("no/flows.json"), "make its directory first"),
        (folder.path().to_owned(), "s a directory"),
        (PathBuf::from("/dev/null"), "it is no regular file"),
    ] {
        let error = LineFile::open(&path, NEVER).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains(path.to_str().unwrap()), "{error}");
    }
}
