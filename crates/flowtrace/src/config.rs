//! The configuration file: the options of the command line, as keys in YAML.
//!
//! A file is read into a tree that knows where everything stands ([`yaml`]), and that into options ([`words`], by the
//! table in [`keys`]), which are then what stands on a command line: one code says which values are right and what they
//! mean ([`check`]). Over the file go environment variables, over these the command line ([`layers`]).

mod check;
pub mod command;
mod defaults;
mod expand;
mod keys;
pub mod layers;
mod names;
mod page;
mod problem;
mod schema;
#[cfg(test)]
mod tests;
mod words;
mod yaml;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use problem::{Problem, Problems};
use words::Words;

/// The longest file that is read, in bytes: all keys with their explanations take a tenth of it.
const LIMIT: u64 = 256 << 10;

/// Environment variables, by their names.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The option without which another one says nothing.
pub fn needed(option: &str) -> Option<&'static str> {
    keys::of_option(option)?.needs
}

/// What a file says: all of it is right by itself.
struct Configuration {
    words: Words,
    /// For what is found wrong later.
    problems: Problems,
}

impl Configuration {
    /// Reads and checks a file.
    fn load(path: &Path, get: Variables<'_>) -> Result<Self, Problems> {
        let failed =
            |what: String| Problems { path: path.to_owned(), text: String::new(), list: vec![Problem::whole(what)] };
        let mut bytes = Vec::new();
        let file = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
        file.map_err(|error| failed(format!("cannot be read: {error}")))?;
        if bytes.len() as u64 > LIMIT {
            return Err(failed(format!("is longer than {} KiB: this is no configuration", LIMIT >> 10)));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            failed(format!("is no UTF-8 text: see line {line}"))
        })?;
        Self::parse(path, text, get)
    }

    /// Checks what is in a file.
    fn parse(path: &Path, text: String, get: Variables<'_>) -> Result<Self, Problems> {
        let (words, mut list) = match yaml::read(&text) {
            Ok(root) => words::words(root, get),
            Err(problem) => (Words::default(), vec![problem]),
        };
        list.extend(check::problems(&words, list.is_empty()));
        list.sort_by_key(|problem| problem.at.map(|at| (at.line, at.column)));
        let is_good = list.is_empty();
        let problems = Problems { path: path.to_owned(), text, list };
        if is_good { Ok(Self { words, problems }) } else { Err(problems) }
    }

    /// The file's name and text with what is wrong with it.
    fn wrong(self, list: Vec<Problem>) -> Problems {
        Problems { list, ..self.problems }
    }
}
