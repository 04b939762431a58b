//! What the documents say of files, options and commands is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flowtrace_tests::tools;
use flowtrace_wire::link::FileLink;
use flowtrace_wire::{DEFAULT_DEPTH, STEPS, Service, Tunnel};

/// The repository's root.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// All files of the repository but those that are built, found by a fuzzer, or another program's.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    const PASSED_OVER: [&str; 5] = ["target", ".git", "corpus", "artifacts", "coverage"];
    for entry in fs::read_dir(folder).expect("a folder that can be read") {
        let entry = entry.expect("an entry of it");
        let kind = entry.file_type().expect("the kind of an entry");
        if PASSED_OVER.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_file() {
            found.push(entry.path());
        } else if kind.is_dir() {
            files(&entry.path(), found);
        }
    }
}

fn all_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(root(), &mut found);
    assert!(found.len() > 100, "the repository has more files than {}", found.len());
    found
}

/// Every document with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let documents = all_files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.map(|path| (path.clone(), fs::read_to_string(&path).expect("a document is text"))).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines outside blocks of code, or those inside, with the block's language.
fn lines(text: &str, inside: bool) -> impl Iterator<Item = (&str, &str)> {
    let mut language = None;
    text.lines().filter_map(move |line| {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            language = if language.is_some() { None } else { Some(fence) };
            return None;
        }
        (language.is_some() == inside).then_some((language.unwrap_or(""), line))
    })
}

/// What stands between backquotes in a line.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Targets of the links in a line that lead to a file.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// The anchors of a document's headings, as they are shown on the web.
fn anchors(text: &str) -> Vec<String> {
    let headings = lines(text, false).filter(|(_, line)| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let kept = heading.to_lowercase().replace(' ', "-");
        kept.chars().filter(|&letter| letter.is_alphanumeric() || letter == '-' || letter == '_').collect()
    };
    headings.map(|(_, line)| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut checked = 0;
    for (path, text) in documents() {
        for target in lines(&text, false).flat_map(|(_, line)| links(line)) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            assert!(file.exists(), "{}: there is no {target}", path.display());
            if !anchor.is_empty() {
                let there = anchors(&fs::read_to_string(&file).expect("a document is text"));
                assert!(there.iter().any(|known| known == anchor), "{}: no heading {target}", path.display());
            }
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} links were found");
}

/// The option that a word is: `--output`, `-o`; without the value behind `=` and without punctuation.
fn option(word: &str) -> Option<&str> {
    let word = word.split(['=', '[']).next().unwrap_or(word).trim_end_matches([',', '.', ';', ')']);
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-').filter(|name| name.len() == 1))?;
    name.starts_with(|letter: char| letter.is_ascii_alphabetic()).then_some(word)
}

/// The options that the help of a subcommand lists.
fn options_of(subcommand: &str) -> BTreeSet<String> {
    let help = tools::output(Command::new(tools::flowtrace()).args([subcommand, "--help"]));
    let lines = help.lines().filter(|line| line.trim_start().starts_with('-'));
    let options: BTreeSet<_> = lines.flat_map(str::split_whitespace).filter_map(option).map(str::to_owned).collect();
    assert!(options.contains("--output") && options.contains("-o"), "{help}");
    options
}

/// The words of a command line behind `flowtrace SUBCOMMAND`, up to a pipe or a comment.
fn arguments<'a>(line: &'a str, subcommand: &str) -> Option<impl Iterator<Item = &'a str>> {
    let (_, rest) = line.split_once(&format!("flowtrace {subcommand} "))?;
    Some(rest.split(['|', '#']).next().unwrap_or("").split_whitespace())
}

#[test]
fn commands_have_options_that_exist() {
    let mut checked = 0;
    for subcommand in ["run", "read"] {
        let known = options_of(subcommand);
        for (path, text) in documents() {
            let blocks = lines(&text, true).map(|(_, line)| line);
            let commands = blocks.chain(lines(&text, false).flat_map(|(_, line)| code(line)));
            for word in commands.filter_map(|line| arguments(line, subcommand)).flatten().filter_map(option) {
                assert!(known.contains(word), "{}: flowtrace {subcommand} has no {word}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} options were found");
}

/// Options that are named by themselves, in what is written for users.
#[test]
fn options_that_are_named_exist() {
    let known = &options_of("run") | &options_of("read");
    let for_users = |path: &Path| {
        let path = path.strip_prefix(root()).unwrap_or(path);
        let pages = ["README.md", "docs/concepts.md", "docs/troubleshooting.md"];
        pages.iter().any(|page| path == Path::new(page)) || path.starts_with("docs/how-to")
    };
    let mut checked = 0;
    for (_, text) in documents().iter().filter(|(path, _)| for_users(path)) {
        let spans = lines(text, false).flat_map(|(_, line)| code(line));
        for option in spans.filter_map(|span| option(span.split_whitespace().next()?)) {
            assert!(known.contains(option), "there is no option {option}");
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} options were found");
}

/// The cells of a table's row.
fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// The numbers in a list: `4789, 8472`.
fn numbers(list: &str) -> Vec<u16> {
    list.split(", ").map_while(|number| number.parse().ok()).collect()
}

/// The rows of the tables below a heading.
fn rows<'a>(text: &'a str, heading: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let section = section.split("\n## ").next().unwrap_or(section);
    section.lines().filter(|line| line.starts_with('|')).map(cells)
}

#[test]
fn the_page_of_protocols_is_that_of_the_code() {
    let page = read("docs/reference/protocols.md");
    let mut links: Vec<_> = rows(&page, "Links of capture files").flat_map(|row| numbers(row[1])).collect();
    links.sort_unstable();
    assert_eq!(links, FileLink::numbers().collect::<Vec<_>>());
    for page in ["README.md", "docs/how-to/read-captures.md"] {
        assert!(read(page).contains(&format!("{} link types", links.len())), "{page}: how many link types");
    }

    let tunnels: Vec<_> = rows(&page, "Tunnels").collect();
    for service in Service::ALL {
        let name = format!("`{}`", service.name());
        let row = tunnels.iter().find(|row| row[1] == name).unwrap_or_else(|| panic!("no ports of {name}"));
        assert_eq!(numbers(row[2]), service.default_ports(), "{name}");
    }
    for tunnel in (1..=u8::MAX).map(Tunnel::of).filter(|tunnel| !matches!(tunnel, Tunnel::None | Tunnel::IpInIp)) {
        let name = format!("`{}`", tunnel.name());
        assert!(tunnels.iter().any(|row| row.contains(&name.as_str())), "no tunnel {name}");
    }

    let limit = |what: &str| rows(&page, "Limits").find(|row| row[0].starts_with(what)).map(|row| row[1].to_owned());
    assert!(limit("Steps").is_some_and(|text| text.starts_with(&format!("{STEPS}."))));
    assert!(limit("Tunnels").is_some_and(|text| text.contains(&format!(": {DEFAULT_DEPTH},"))));
}

/// The first two commands of the README run the program and all tests, as CI does.
#[test]
fn the_first_two_commands_are_what_they_say() {
    let readme = read("README.md");
    let shell = lines(&readme, true).filter(|(language, _)| *language == "sh");
    let commands: Vec<_> = shell.map(|(_, line)| line).collect();
    assert_eq!(commands[..2], ["cargo run --release -- run", "cargo xtask ci"]);
    assert!(read("Cargo.toml").contains("\ndefault-members = [\"crates/flowtrace\"]\n"), "cargo run is the program");
    assert!(read(".cargo/config.toml").contains("\nxtask = "), "cargo xtask is an alias");
    let ci = read(".ci/run");
    assert_eq!(ci.lines().last(), Some("exec cargo xtask ci"), "CI runs the README's command");
}

/// Nothing in the repository tells where it was made. The words stand here in pieces, so that this file has none.
#[test]
fn no_file_names_a_machine() {
    let words = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/ho", "me/"],
        ["/tm", "p/"],
        ["../.lib", "rary"],
        ["iss", "ues show"],
        ["re", "gistry+http://"],
        ["registry = ", "\"http"],
        ["sparse+", "http"],
    ]
    .map(|pieces| pieces.concat().into_bytes());
    for path in all_files() {
        let bytes = fs::read(&path).expect("a file that can be read");
        for word in &words {
            let found = bytes.windows(word.len()).any(|window| window == word);
            assert!(!found, "{} has {}", path.display(), String::from_utf8_lossy(word));
        }
    }
}
