//! The table and the options are one; the file, the environment and the command line mean the same.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::check::parse;
use super::defaults::{EXAMPLE, Keys};
use super::keys::{KEYS, Place, RECEIVERS};
use super::{Configuration, layers, page, schema};
use crate::cli::{Arguments, Command, RunOptions};
use crate::settings;

mod bad;
mod hostile;
mod same;

/// What a text says is wrong with it; nothing if it is right.
fn wrong(text: &str) -> String {
    let get = |name: &str| (name == "HOST").then(|| "a.example".to_owned());
    match Configuration::parse(Path::new("flowtrace.yaml"), text.to_owned(), &get) {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

/// The options that file, environment and command line make together.
fn arguments(file: &str, variables: &[(&str, &str)], line: &[&str]) -> Result<Arguments, String> {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("flowtrace.yaml");
    fs::write(&path, file).expect("a file");
    let get = |name: &str| match name {
        "FLOWTRACE_CONFIG" => Some(path.display().to_string()),
        _ => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
    };
    let line = ["flowtrace"].iter().chain(line).map(OsString::from).collect();
    layers::arguments(line, &get).map_err(|error| error.to_string())
}

/// The options of `run`.
fn run(file: &str, variables: &[(&str, &str)], line: &[&str]) -> RunOptions {
    let line = [&["run"], line].concat();
    match arguments(file, variables, &line).unwrap_or_else(|error| panic!("{error}")).command {
        Command::Run(options) => options,
        _ => unreachable!("it says run"),
    }
}

#[test]
fn every_option_has_a_key_and_every_key_an_option() {
    // What names the file, asks for help, or is for developers is no option in the file.
    let options = crate::cli::run_options();
    let is_in_file = |arg: &&clap::Arg| !arg.is_hide_set() && !["config", "help"].contains(&arg.get_id().as_str());
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for key in KEYS {
        *rows.entry(key.option).or_default() += 1;
    }
    let mut checked = 0;
    for arg in options.get_arguments().filter(is_in_file) {
        let name = arg.get_long().expect("options of run have long names");
        assert_eq!(rows.remove(name), Some(1), "--{name} needs one row in config/keys.rs");
        checked += 1;
    }
    assert!(checked > 30 && rows.is_empty(), "there is no option for {rows:?}");
}

#[test]
fn what_an_option_needs_is_what_the_table_says() {
    for key in KEYS {
        let sample = same::samples().into_iter().find(|sample| sample.path == key.shown_path());
        let sample = sample.unwrap_or_else(|| panic!("{}: no sample in tests/same.rs", key.shown_path()));
        let line = [OsString::from(format!("--{}={}", key.option, sample.words[0]))];
        let missing = parse(line).err().map(|error| error.kind());
        let expected = key.needs.map(|_| clap::error::ErrorKind::MissingRequiredArgument);
        assert_eq!(missing, expected, "{}", key.option);
    }
}

#[test]
fn paths_are_unique_and_groups_hold_no_values() {
    for (at, key) in KEYS.iter().enumerate() {
        assert!(key.path.chars().all(|letter| letter.is_ascii_lowercase() || "._".contains(letter)), "{}", key.path);
        for other in &KEYS[at + 1..] {
            let is_apart = (key.place == Place::Top && other.place == Place::Receiver)
                || (key.place == Place::Receiver && other.place == Place::Top);
            assert!(is_apart || key.path != other.path, "{} stands twice", key.path);
            assert!(is_apart || !other.path.starts_with(&format!("{}.", key.path)), "{} is a group", key.path);
        }
        assert!(key.place != Place::Top || key.path.split('.').next() != Some(RECEIVERS), "{}", key.path);
    }
}

/// The file with all defaults, and with the receiver that it shows.
fn default_files() -> [String; 2] {
    let file = Keys::new().file();
    let (head, receiver) = file.split_once("otlp: []\n").expect("no receiver");
    let receiver: Vec<_> = receiver.lines().map(|line| line.strip_prefix('#').expect("a comment")).collect();
    let with = format!("{head}otlp:\n{}\n", receiver.join("\n"));
    [file, with]
}

/// The options, without what has another form in the file, and that in the form in which it is used.
fn compared(mut options: RunOptions) -> String {
    let settings = settings::flow_settings(&options.common).expect("good");
    let ports = settings::dissection(&options.common).expect("good").ports;
    options.common.timeouts.clear();
    options.common.udp_ports.clear();
    options.common.kubernetes.name_forms.clear();
    let ports: Vec<_> = ports.0.iter().enumerate().filter(|(_, service)| **service != 0).collect();
    format!("{options:#?}\n{settings:#?}\n{ports:?}")
}

#[test]
fn the_default_file_says_what_no_file_says() {
    let [file, with] = default_files();
    let plain = parse([]).expect("no options");
    assert_eq!(compared(run(&file, &[], &[])), compared(plain));
    let mut options = run(&with, &[], &[]);
    let plain = parse([format!("--otlp={EXAMPLE}").into()]).expect("a receiver");
    options.common.config = None;
    assert_eq!(compared(options), compared(plain));
}

#[test]
fn every_key_is_in_the_default_file_with_a_comment_above() {
    let [_, file] = default_files();
    for key in KEYS {
        let name = key.path.rsplit('.').next().expect("a name");
        let lines: Vec<_> = file.lines().collect();
        let is_it = |line: &&str| line.trim_start().trim_start_matches("- ").starts_with(&format!("{name}:"));
        let at = lines.iter().position(is_it).unwrap_or_else(|| panic!("{name} is not there"));
        assert!(lines[at - 1].trim_start().starts_with("# "), "{name}: {}", lines[at - 1]);
    }
    let long = file.lines().find(|line| line.chars().count() > 101);
    assert_eq!(long, None, "a line is too long");
    assert!(!file.contains(" --"), "it names no option");
}

fn judge() -> jsonschema::Validator {
    let schema = schema::schema();
    jsonschema::meta::validate(&schema).expect("a schema");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// As another reader of YAML reads it.
fn as_json(text: &str) -> serde_json::Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_schema_takes_what_the_program_takes() {
    let judge = judge();
    let samples = same::samples();
    let mut files: Vec<_> = default_files().to_vec();
    files.extend(samples.iter().map(same::Sample::file));
    for file in files {
        let value = as_json(&file);
        let errors: Vec<_> = judge.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}: {file}");
    }
    for bad in [
        "max_flow: 1",
        "flow: {sources: local}",
        "otlp: [{endpoint: a, bearer: x, port: 1}]",
        "otlp: [{protocol: grpc}]",
        "flow: {source: remote}",
        "max_flows: {}",
        "interfaces: eth0",
        "timeouts: {upd: 1s}",
        "udp_ports: {vxlan: 4789}",
        "max_flows: null",
    ] {
        assert!(!judge.is_valid(&as_json(bad)), "{bad}");
        assert_ne!(wrong(bad), "", "{bad}");
    }
}

/// What is generated lies in the repository, and is written anew where it is stale.
#[test]
fn the_reference_is_that_of_the_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference");
    let mut stale = String::new();
    for (name, text) in [
        ("configuration.md", page::page()),
        ("configuration.schema.json", format!("{:#}\n", schema::schema())),
        ("flowtrace.yaml", Keys::new().file()),
    ] {
        let path = folder.join(name);
        if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            fs::write(&path, text).expect("the page can be written");
            write!(stale, " {name}").expect("a string");
        }
    }
    assert!(stale.is_empty(), "docs/reference:{stale} was stale, and is written anew: commit it");
}
