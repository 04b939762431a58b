//! Files that mean no good.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::Configuration;
use super::{default_files, wrong};

#[test]
fn much_of_little_is_refused() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, of) in ('b'..='z').zip('a'..='y') {
        writeln!(bomb, "{name}: &{name} [*{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}]").expect("a string");
    }
    let blocks = (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth % 50))).collect::<String>();
    let rows = [
        (bomb, "anchors (`&name`) are not taken"),
        ("interfaces: *x".to_owned(), "this is no YAML"),
        ("[".repeat(200_000), "this is no YAML"),
        ("{a: ".repeat(60_000), "this is no YAML"),
        ("- ".repeat(100_000), "this is no YAML"),
        (format!("interfaces: [{}]", "a,".repeat(100_000)), "one too many"),
        (blocks, "this is no YAML"),
        (format!("? {}", "a".repeat(200_000)), "there is no key"),
        (format!("filter: \"{}", "\\u0041".repeat(40_000)), "this is no YAML"),
    ];
    for (text, message) in rows {
        let began = Instant::now();
        let told = wrong(&text);
        assert!(told.contains(message), "{}: {}", &text[..50], &told[..told.len().min(300)]);
        assert!(told.len() < 20_000, "{}: {}", &text[..50], told.len());
        assert!(began.elapsed() < Duration::from_secs(10), "{}: {:?}", &text[..50], began.elapsed());
    }
}

#[test]
fn files_that_are_no_text_are_refused() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("x.yaml");
    for (bytes, message) in [
        (vec![b'#'; 300_000], "is longer than 256 KiB"),
        (b"max_flows: 1\n# \xff\n".to_vec(), "is no UTF-8 text: see line 2"),
        (vec![0; 100], "this is no YAML"),
    ] {
        std::fs::write(&path, bytes).expect("a file");
        let problems = Configuration::load(&path, &|_| None).err().expect("wrong").to_string();
        assert!(problems.contains(message), "{problems}");
    }
    for (path, message) in [(folder.path(), "s a directory"), (Path::new("/dev/zero"), "is longer")] {
        let problems = Configuration::load(path, &|_| None).err().expect("wrong").to_string();
        assert!(problems.contains(message), "{problems}");
    }
    let missing = Configuration::load(&folder.path().join("no"), &|_| None).err().expect("wrong").to_string();
    assert!(missing.contains("cannot be read: No such file"), "{missing}");
}

/// Whatever becomes of the file with all keys, there is an answer.
#[test]
fn damage_is_answered() {
    let [_, file] = default_files();
    let file: Vec<char> = file
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.chars().chain(['\n']))
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    const LETTERS: &[char] = &[
        '\t', ' ', '\n', ':', '-', '[', '{', '}', '"', '\'', '&', '*', '!', '|', '>', '%', '@', '$', '0', 'ü',
        '\u{feff}', '\0',
    ];
    for _ in 0..60 {
        let mut text = file.clone();
        for _ in 0..=random(4) {
            let at = random(text.len());
            match random(3) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, LETTERS[random(LETTERS.len())]),
                _ => text[at] = LETTERS[random(LETTERS.len())],
            }
        }
        let _ = wrong(&text.into_iter().collect::<String>());
    }
}
