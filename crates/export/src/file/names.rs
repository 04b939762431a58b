//! Names of full files: `flows.json` becomes `flows-20261121T220500.123Z.json`. Sorted by name they are sorted by time.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, io};

/// The form of the time: 0 stands for any digit.
const FORM: &[u8; 20] = b"00000000T000000.000Z";

/// How many files may have become full in the same millisecond.
const TRIES: u32 = 1000;

/// A name that no file has, for what became full at this time.
pub(super) fn free(path: &Path, time: SystemTime) -> io::Result<PathBuf> {
    for later in 0..TRIES {
        let full = at(path, time + Duration::from_millis(u64::from(later)));
        if !full.try_exists()? {
            return Ok(full);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// All full files of this one, the oldest first.
pub(super) fn full(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (begin, end) = parts(path);
    let mut found = Vec::new();
    for entry in fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let entry = entry?;
        if is_full(entry.file_name().as_encoded_bytes(), begin.as_encoded_bytes(), end.as_encoded_bytes()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn at(path: &Path, time: SystemTime) -> PathBuf {
    let (mut name, end) = parts(path);
    name.push(humantime::format_rfc3339_millis(time).to_string().replace(['-', ':'], ""));
    name.push(end);
    path.with_file_name(name)
}

/// What stands before and behind the time.
fn parts(path: &Path) -> (OsString, OsString) {
    let mut begin = path.file_stem().unwrap_or_default().to_owned();
    begin.push("-");
    let dot = |end: &OsStr| [OsStr::new("."), end].into_iter().collect();
    (begin, path.extension().map(dot).unwrap_or_default())
}

fn is_full(name: &[u8], begin: &[u8], end: &[u8]) -> bool {
    let time = name.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    time.is_some_and(|time| time.len() == FORM.len() && time.iter().zip(FORM).all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_time_before_the_ending() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_298_700_123);
        for (path, full) in [
            ("d/flows.json", "d/flows-20261121T220500.123Z.json"),
            ("d/flows", "d/flows-20261121T220500.123Z"),
            ("d/a.b.txt", "d/a.b-20261121T220500.123Z.txt"),
            ("d/.hidden", "d/.hidden-20261121T220500.123Z"),
        ] {
            assert_eq!(at(Path::new(path), time), Path::new(full));
        }
    }

    #[test]
    fn only_names_of_this_form_are_full_files() {
        for (name, expected) in [
            ("flows-20261121T220500.123Z.json", true),
            ("flows-20261121T220500.123Z.json.gz", false),
            ("flows-20261121T220500.123.json", false),
            ("flows-2026112xT220500.123Z.json", false),
            ("flows-old.json", false),
            ("flows.json", false),
            ("other-20261121T220500.123Z.json", false),
            ("flows-.json", false),
        ] {
            assert_eq!(is_full(name.as_bytes(), b"flows-", b".json"), expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_not_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flows.json");
        let time = SystemTime::UNIX_EPOCH;
        for count in 1..=3 {
            fs::write(free(&path, time).unwrap(), "").unwrap();
            assert_eq!(full(&path).unwrap().len(), count);
        }
        let last = folder.path().join("flows-19700101T000000.002Z.json");
        assert_eq!(full(&path).unwrap().last(), Some(&last));
    }
}
