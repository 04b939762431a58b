//! What is told of each key: its explanation, what it takes, its default; and the file with all of them.

use clap::Arg;

use super::keys::{self, ENDPOINT, KEYS, Key, Known, Place, RECEIVERS, Shape};
use crate::cli;

/// The longest line of the file, in characters.
const WIDTH: usize = 100;
/// The receiver of the example.
pub const EXAMPLE: &str = "http://localhost:4317";

/// How the file begins.
const HEAD: &str = "\
# The configuration of flowtrace, every key with its default: `flowtrace config default` prints it.
#
# Each key is an option of the command line. A FLOWTRACE_* variable goes above the file, the command
# line above both. In values, ${NAME} is an environment variable, and ${NAME:-x} is x where that is
# not set. Durations are written as 500ms, 60s or 5m, sizes as 100MB or 1GiB. `flowtrace config
# check FILE` says whether a file is right.
";

/// How the receivers are introduced.
const RECEIVERS_HELP: &str = "OTLP receivers, to which records are sent. Each of them has these keys; of what is left \
    out of the first one, the OTEL_EXPORTER_OTLP_* variables are asked. Without any receiver, that of \
    OTEL_EXPORTER_OTLP_ENDPOINT, if it is set.";

/// The keys with their options.
pub struct Keys {
    options: clap::Command,
}

impl Keys {
    /// As the command line has them.
    pub fn new() -> Self {
        Self { options: cli::run_options() }
    }

    /// The option of a key.
    pub fn option(&self, key: &Key) -> Option<&Arg> {
        self.options.get_arguments().find(|arg| arg.get_long() == Some(key.option))
    }

    /// What a key is for, in sentences.
    pub fn help(&self, key: &Key) -> String {
        let of_option = || {
            let help = self.option(key).and_then(|arg| arg.get_long_help().or_else(|| arg.get_help()));
            help.map(ToString::to_string).unwrap_or_default()
        };
        let mut help = as_keys(&key.help.map_or_else(of_option, str::to_owned).replace('\n', " "));
        if !help.ends_with(['.', '?', '!']) {
            help.push('.');
        }
        help
    }

    /// The values of which it takes one, if it does not take any.
    pub fn possible(&self, key: &Key) -> Vec<String> {
        let Some(arg) = self.option(key) else { return Vec::new() };
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
    }

    /// The default of a key that takes one value.
    pub fn default(&self, key: &Key) -> Option<String> {
        if key.path == ENDPOINT {
            return Some(EXAMPLE.to_owned());
        }
        self.option(key)?.get_default_values().first().map(|value| value.to_string_lossy().into_owned())
    }

    /// The default as it is written in the file.
    pub fn shown_default(&self, key: &Key) -> String {
        match key.shape {
            Shape::One => self.default(key).map_or_else(|| "null".to_owned(), |value| self.scalar(key, &value)),
            Shape::Many => format!("[{}]", self.list(key).join(", ")),
            Shape::Joined => "[]".to_owned(),
            Shape::Named(_) | Shape::Lists(_) | Shape::Pairs => "{}".to_owned(),
        }
    }

    /// The default of a key that takes a list, as each value is written.
    fn list(&self, key: &Key) -> Vec<String> {
        let defaults = self.option(key).map_or(&[][..], |arg| arg.get_default_values());
        // The option has them between commas.
        let values = defaults.iter().flat_map(|values| {
            let values = values.to_string_lossy().into_owned();
            values.split(',').map(|value| self.scalar(key, value)).collect::<Vec<_>>()
        });
        values.collect()
    }

    /// A value, in quotes where other readers of YAML would take it for no text.
    fn scalar(&self, key: &Key, value: &str) -> String {
        let is_number = self.option(key).is_some_and(super::words::takes_number);
        let is_word = value.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        let is_taken_for_else =
            !is_word || matches!(value, "on" | "off") || (!is_number && value.parse::<f64>().is_ok());
        if is_taken_for_else { format!("\"{value}\"") } else { value.to_owned() }
    }

    /// The file in which every key has its default.
    pub fn file(&self) -> String {
        let mut out = HEAD.to_owned();
        for name in keys::names_below("", false) {
            out.push('\n');
            if name != RECEIVERS {
                self.entry("", name, false, 0, &mut out);
            }
        }
        comment(RECEIVERS_HELP, 0, &mut out);
        out.push_str("otlp: []\n");
        let mut receiver = String::new();
        for name in keys::names_below("", true) {
            self.entry("", name, true, 4, &mut receiver);
        }
        let receiver = receiver.replacen("    endpoint", "  - endpoint", 1);
        for line in receiver.lines() {
            out.push('#');
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// A name with its explanation and value, or with what is below it.
    fn entry(&self, path: &str, name: &str, receiver: bool, indent: usize, out: &mut String) {
        let path = keys::join(path, name);
        let margin = " ".repeat(indent);
        let Some(key) = KEYS.iter().find(|key| key.is_of(receiver) && key.path == path) else {
            out.push_str(&format!("{margin}{name}:\n"));
            for name in keys::names_below(&path, receiver) {
                self.entry(&path, name, receiver, indent + 2, out);
            }
            return;
        };
        if receiver && key.place == Place::Output {
            comment(&format!("As `{name}` above, for this receiver."), indent, out);
            out.push_str(&format!("{margin}{name}: {}\n", self.shown_default(key)));
            return;
        }
        comment(&self.help(key), indent, out);
        let possible = self.possible(key);
        if !possible.is_empty() {
            let of = if matches!(key.shape, Shape::One) { "One of" } else { "Of" };
            comment(&format!("{of}: {}.", possible.join(", ")), indent, out);
        }
        match key.shape {
            Shape::Named(known) => {
                out.push_str(&format!("{margin}{name}:\n"));
                for Known { name, default, .. } in known() {
                    out.push_str(&format!("{margin}  {name}: {}\n", self.scalar(key, &default.concat())));
                }
            }
            Shape::Lists(known) => {
                out.push_str(&format!("{margin}{name}:\n"));
                for Known { name, default, .. } in known() {
                    out.push_str(&format!("{margin}  {name}: [{}]\n", default.join(", ")));
                }
            }
            _ => out.push_str(&format!("{margin}{name}: {}\n", self.shown_default(key))),
        }
    }
}

/// A text that names options, with keys in their place.
pub fn as_keys(text: &str) -> String {
    let mut named = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("--") {
        let (before, from) = rest.split_at(at);
        let end = from[2..].find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
        let end = end.map_or(from.len(), |end| end + 2);
        let quote = if before.ends_with('`') { "" } else { "`" };
        named.push_str(before);
        match keys::of_option(&from[2..end]) {
            Some(key) => named.push_str(&format!("{quote}{}{quote}", key.shown_path())),
            None => named.push_str(&from[..end]),
        }
        rest = &from[end..];
    }
    named.push_str(rest);
    named
}

/// A text as comment, wrapped.
fn comment(text: &str, indent: usize, out: &mut String) {
    let start = format!("{}#", " ".repeat(indent));
    let mut line = start.clone();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line != start {
            out.push_str(&line);
            out.push('\n');
            line.clone_from(&start);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}
