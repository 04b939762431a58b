//! The file's keys and values → the options that they stand for.

use std::ffi::OsString;

use clap::Arg;
use flowtrace_filter::nearest;

use super::expand::expand;
use super::keys::{self, ENDPOINT, KEYS, Key, Known, RECEIVERS, Shape};
use super::problem::{Place, Problem, brief};
use super::yaml::{Name, Node, Value};
use crate::cli;

/// One option with one value, and the place in the file that says so.
#[derive(Clone, Debug)]
pub struct Word {
    /// Which option.
    pub key: &'static Key,
    /// Its value, as on a command line.
    pub value: String,
    /// Where it stands.
    pub at: Place,
}

impl Word {
    /// As on a command line.
    pub fn on_line(&self) -> OsString {
        format!("--{}={}", self.key.option, self.value).into()
    }
}

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Of the program and of all outputs.
    pub common: Vec<Word>,
    /// Of each receiver.
    pub receivers: Vec<Receiver>,
}

/// A receiver of the file.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// Where it begins.
    pub at: Place,
    /// Its options, [`ENDPOINT`] among them.
    pub words: Vec<Word>,
}

/// What the tree says, and what is wrong with it.
pub fn words(root: Option<Node>, get: &dyn Fn(&str) -> Option<String>) -> (Words, Vec<Problem>) {
    let mut walk = Walk { get, options: cli::run_options(), words: Words::default(), problems: Vec::new() };
    if let Some(root) = root.filter(|root| !root.is_null()) {
        walk.root(root);
    }
    (walk.words, walk.problems)
}

struct Walk<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    options: clap::Command,
    words: Words,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn root(&mut self, root: Node) {
        let Value::Map(entries) = root.value else {
            return self.problem(root.at, "a configuration is made of keys, as `max_flows: 100000`");
        };
        let (receivers, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(name, _)| name.text == RECEIVERS);
        let mut common = Vec::new();
        self.group("", others, false, &mut common);
        self.words.common = common;
        for (_, node) in receivers {
            self.receivers(node);
        }
    }

    fn receivers(&mut self, node: Node) {
        if node.is_null() {
            return;
        }
        let Value::List(items) = node.value else {
            return self
                .problem(node.at, "`otlp` is a list of receivers: begin each with `- endpoint: http://HOST:4317`");
        };
        for item in items {
            let at = item.at;
            let Value::Map(entries) = item.value else {
                self.problem(at, "a receiver is made of keys: write `- endpoint: http://HOST:4317`");
                continue;
            };
            let (known, mut words) = (self.problems.len(), Vec::new());
            self.group("", entries, true, &mut words);
            if self.problems.len() == known && !words.iter().any(|word| word.key.path == ENDPOINT) {
                self.problem(at, "this receiver has no `endpoint`: say where it is, as http://HOST:4317");
            }
            self.words.receivers.push(Receiver { at, words });
        }
    }

    /// Takes the keys below a path.
    fn group(&mut self, path: &str, entries: Vec<(Name, Node)>, receiver: bool, words: &mut Vec<Word>) {
        for (name, node) in entries {
            let path_of_it = keys::join(path, &name.text);
            let is_one_name = !name.text.contains('.');
            let key = KEYS.iter().find(|key| is_one_name && key.is_of(receiver) && key.path == path_of_it);
            if let Some(key) = key {
                self.value(key, node, words);
            } else if is_one_name && keys::is_group(&path_of_it, receiver) {
                match node {
                    node if node.is_null() => {}
                    Node { value: Value::Map(entries), .. } => self.group(&path_of_it, entries, receiver, words),
                    node => {
                        let names = keys::names_below(&path_of_it, receiver).join(", ");
                        let found = node.kind();
                        self.problem(node.at, format!("`{path_of_it}` has keys ({names}), not {found}"));
                    }
                }
            } else {
                let what = unknown(path, &name.text, receiver);
                self.problem(name.at, what);
            }
        }
    }

    /// Takes the value of a key.
    fn value(&mut self, key: &'static Key, node: Node, words: &mut Vec<Word>) {
        let Some(arg) = self.options.get_arguments().find(|arg| arg.get_long() == Some(key.option)).cloned() else {
            return; // A test says that there is one.
        };
        if node.is_null() {
            if matches!(key.shape, Shape::One) && !arg.get_default_values().is_empty() {
                self.problem(node.at, format!("`{}` has no value: write one, or leave the key out", key.path));
            }
            return;
        }
        match (key.shape, node.value) {
            (Shape::One, Value::Scalar { text, is_plain }) => {
                if let Some(value) = self.scalar(key, &arg, &text, is_plain, node.at) {
                    words.push(Word { key, value, at: node.at });
                }
            }
            (Shape::Many, Value::List(items)) if items.is_empty() && !arg.get_default_values().is_empty() => {
                // None at all, which is not the default.
                words.push(Word { key, value: String::new(), at: node.at });
            }
            (Shape::Many, Value::List(items)) => {
                for (value, at) in self.items(key, &arg, items) {
                    words.push(Word { key, value, at });
                }
            }
            (Shape::Joined, Value::List(items)) => {
                let values = self.items(key, &arg, items);
                // Of several, all are wrong together.
                let at = if let [(_, at)] = values[..] { at } else { node.at };
                let values: Vec<_> = values.into_iter().map(|(value, _)| value).collect();
                words.push(Word { key, value: values.join(","), at });
            }
            (Shape::Named(known) | Shape::Lists(known), Value::Map(entries)) => {
                self.named(key, &arg, &known(), entries, words);
            }
            (Shape::Pairs, Value::Map(entries)) => {
                for (name, node) in entries {
                    if name.text.is_empty() || name.text.contains('=') {
                        self.problem(name.at, "a name must not be empty or have a `=`");
                    } else if let Some(value) = self.one(key, &arg, &name.text, node) {
                        words.push(Word { key, value: format!("{}={}", name.text, value.0), at: value.1 });
                    }
                }
            }
            (shape, value) => {
                let found = Node { at: node.at, value }.kind();
                self.problem(node.at, format!("`{}` takes {}, not {found}", key.path, takes(shape)));
            }
        }
    }

    /// Takes names that are known, each with a value or a list.
    fn named(
        &mut self,
        key: &'static Key,
        arg: &Arg,
        known: &[Known],
        entries: Vec<(Name, Node)>,
        words: &mut Vec<Word>,
    ) {
        for (name, node) in entries {
            let Some(of_option) = known.iter().find(|known| known.name == name.text).map(|known| &known.of_option)
            else {
                let names: Vec<_> = known.iter().map(|known| known.name.as_str()).collect();
                let what = no_key(
                    &keys::join(key.path, &brief(&name.text)),
                    nearest(&name.text, names.iter().copied()),
                    &names,
                );
                self.problem(name.at, what);
                continue;
            };
            if let (Shape::Lists(_), Value::List(_)) = (key.shape, &node.value) {
                let Node { at, value: Value::List(items) } = node else { continue };
                let values: Vec<_> = self.items(key, arg, items).into_iter().map(|(value, _)| value).collect();
                words.push(Word { key, value: format!("{of_option}={}", values.join(",")), at });
            } else if matches!(key.shape, Shape::Lists(_)) {
                let found = node.kind();
                self.problem(
                    node.at,
                    format!("`{}.{}` takes a list (as `[4789]`, `[]` for none), not {found}", key.path, name.text),
                );
            } else if let Some((value, at)) = self.one(key, arg, &name.text, node) {
                words.push(Word { key, value: format!("{of_option}={value}"), at });
            }
        }
    }

    /// The values of a list.
    fn items(&mut self, key: &Key, arg: &Arg, items: Vec<Node>) -> Vec<(String, Place)> {
        let mut values = Vec::new();
        for node in items {
            match node.value {
                Value::Scalar { ref text, is_plain } if !node.is_null() => {
                    values.extend(self.scalar(key, arg, text, is_plain, node.at).map(|value| (value, node.at)));
                }
                _ => self.problem(node.at, format!("`{}` is a list of values, this is {}", key.path, node.kind())),
            }
        }
        values
    }

    /// The value of a name below a key.
    fn one(&mut self, key: &Key, arg: &Arg, name: &str, node: Node) -> Option<(String, Place)> {
        match node.value {
            Value::Scalar { ref text, is_plain } if !node.is_null() => {
                self.scalar(key, arg, text, is_plain, node.at).map(|value| (value, node.at))
            }
            _ => {
                self.problem(node.at, format!("`{}.{name}` takes one value, not {}", key.path, node.kind()));
                None
            }
        }
    }

    /// One value, with variables in it replaced.
    fn scalar(&mut self, key: &Key, arg: &Arg, text: &str, is_plain: bool, at: Place) -> Option<String> {
        let expanded = expand(text, self.get).map_err(|what| {
            self.problems.push(Problem::at(at, what).hidden_if(key.is_secret));
        });
        let text = expanded.ok()?;
        if text.contains('\0') {
            self.problem(at, "a value cannot have a NUL");
            return None;
        }
        Some(if is_plain { as_option(arg, text) } else { text })
    }

    fn problem(&mut self, at: Place, what: impl Into<String>) {
        self.problems.push(Problem::at(at, what));
    }
}

/// A value without quotes as the option has it: YAML's words for truth where the option knows `on` or `true`, and a
/// whole number that a template engine wrote as `1e+06`.
fn as_option(arg: &Arg, text: String) -> String {
    const YES: [&str; 5] = ["true", "True", "TRUE", "yes", "on"];
    const NO: [&str; 5] = ["false", "False", "FALSE", "no", "off"];
    let possible = arg.get_possible_values();
    let is_possible = |name: &str| possible.iter().any(|value| value.matches(name, false));
    for (words, own) in [(YES, ["on", "true"]), (NO, ["off", "false"])] {
        if words.contains(&text.as_str()) && !is_possible(&text) {
            return own.into_iter().find(|name| is_possible(name)).map_or(text, str::to_owned);
        }
    }
    let is_exponent = text.contains(['e', 'E']) && text.starts_with(|letter: char| letter.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(number) if is_exponent && takes_number(arg) && number.fract() == 0.0 && number < 1e15 => {
            format!("{number:.0}")
        }
        _ => text,
    }
}

/// Whether an option takes a whole number.
pub fn takes_number(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.as_str() == "N"))
}

fn takes(shape: Shape) -> &'static str {
    match shape {
        Shape::One => "one value",
        Shape::Many | Shape::Joined => "a list (as `[a, b]`)",
        Shape::Named(_) | Shape::Lists(_) | Shape::Pairs => "names with values (as `{name: value}`)",
    }
}

/// What is said of a key that nobody knows.
fn unknown(path: &str, name: &str, receiver: bool) -> String {
    let full = keys::join(path, &brief(name));
    if let Some((group, rest)) = name.split_once('.')
        && KEYS.iter().any(|key| key.is_of(receiver) && key.path == keys::join(path, name))
    {
        return format!("there is no key `{full}`; write it as two: `{group}: {{{rest}: ...}}`");
    }
    let siblings = keys::names_below(path, receiver);
    let own = nearest(name, siblings.iter().copied()).map(|sibling| keys::join(path, sibling));
    // Or it stands elsewhere, or is an option's name.
    let elsewhere = || {
        let dashed = name.replace('_', "-");
        let is_it = |key: &&Key| key.option == dashed || key.path.rsplit('.').next() == Some(name);
        KEYS.iter().find(is_it).map(Key::shown_path)
    };
    no_key(&full, own.or_else(elsewhere).as_deref(), &siblings)
}

fn no_key(full: &str, instead: Option<&str>, siblings: &[&str]) -> String {
    match instead {
        Some(instead) => format!("there is no key `{full}`; did you mean `{instead}`?"),
        None => format!("there is no key `{full}`; the keys here are {}", siblings.join(", ")),
    }
}
