//! File, environment, command line: who says last what an option is.
//!
//! The higher layer's value replaces the lower one's, also where it is a list; names with values (`timeouts`, headers)
//! are joined, and only those of the same name replaced. All of it is put into the words of one command line, which is
//! then read as always.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

use super::check::{self, is_met};
use super::keys::{self, ENDPOINT, FILE_VARIABLE, KEYS, Key, RECEIVERS, Shape};
use super::problem::{Problem, Problems};
use super::words::{Receiver, Word};
use super::{Configuration, Variables};
use crate::cli::Arguments;
use crate::cli::outputs::{self, Below};

/// Why there are no options.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line; or it asks for help.
    #[error(transparent)]
    Line(#[from] clap::Error),
    /// The file.
    #[error("{0}")]
    File(Problems),
    /// An environment variable.
    #[error("{variable}: {what}")]
    Variable {
        /// Which.
        variable: String,
        /// What is wrong with it.
        what: String,
    },
    /// Each is right by itself.
    #[error("the command line does not fit to {with}: {what}")]
    Together {
        /// The file, the environment, or both.
        with: String,
        /// What is wrong.
        what: String,
    },
}

/// The options of a command line, and of what lies below it.
pub fn arguments(line: Vec<OsString>, get: Variables<'_>) -> Result<Arguments, Error> {
    // What is wrong is told when the whole is read.
    let lenient = outputs::repeatable(Arguments::command()).ignore_errors(true);
    let seen = lenient.try_get_matches_from(&line)?;
    let (Some((name @ ("run" | "read"), of_command)), Some(at)) = (seen.subcommand(), command_at(&line, &seen)) else {
        return Ok(Arguments::read(line)?);
    };
    let path = of_command.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    let path = path.or_else(|| get(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from));
    let file = path.map(|path| Configuration::load(&path, get)).transpose().map_err(Error::File)?;
    let environment = environment(name, get)?;
    let with = match (&file, environment.first()) {
        (None, None) => return Ok(Arguments::read(line)?),
        (Some(file), None) => file.problems.path.display().to_string(),
        (Some(file), Some(_)) => format!("{} and the environment", file.problems.path.display()),
        (None, Some(_)) => "the environment".to_owned(),
    };
    let layers = Layers { command: name, line: of_command, environment };
    let (common, receivers) = layers.file(file).map_err(Error::File)?;
    let below = layers.below(&common, &receivers);
    let mut whole = line[..=at].to_vec();
    whole.extend(layers.words(&common, &receivers));
    whole.extend_from_slice(&line[at + 1..]);
    Arguments::layered(&whole, of_command, &below).map_err(|error| match Arguments::read(&line) {
        Err(own) => Error::Line(own),
        Ok(_) => Error::Together { with, what: check::reason(&error) },
    })
}

/// Where the word of the command stands: before it are options without values.
fn command_at(line: &[OsString], seen: &ArgMatches) -> Option<usize> {
    let name = seen.subcommand_name()?;
    line.iter().skip(1).position(|word| word == name).map(|at| at + 1)
}

/// An option of the environment.
struct Variable {
    key: &'static Key,
    value: String,
}

impl Variable {
    fn on_line(&self) -> OsString {
        format!("--{}={}", self.key.option, self.value).into()
    }
}

/// The options that the environment has for a command.
fn environment(command: &str, get: Variables<'_>) -> Result<Vec<Variable>, Error> {
    let mut found = Vec::new();
    for key in KEYS.iter().filter(|key| has_option(command, key)) {
        let variable = key.variable();
        let Some(text) = get(&variable).filter(|text| !text.trim().is_empty()) else { continue };
        let is_list = matches!(key.shape, Shape::Many) || key.is_by_name() || key.option == RECEIVERS;
        let values: Vec<_> = if is_list { text.split_whitespace().collect() } else { vec![text.trim()] };
        for value in values {
            let given = Variable { key, value: value.to_owned() };
            let error = check::parse([given.on_line()]).err();
            // What it needs may be on the command line.
            let error = error.filter(|error| error.kind() != clap::error::ErrorKind::MissingRequiredArgument);
            if let Some(error) = error {
                let what = check::of_option(key.option, &check::reason(&error));
                return Err(Error::Variable { variable, what });
            }
            found.push(given);
        }
    }
    Ok(found)
}

/// Whether a command has the option of a key.
fn has_option(command: &str, key: &Key) -> bool {
    let all = Arguments::command();
    let command = all.find_subcommand(command);
    command.is_some_and(|command| command.get_arguments().any(|arg| arg.get_long() == Some(key.option)))
}

struct Layers<'a> {
    command: &'a str,
    /// What the command line alone says.
    line: &'a ArgMatches,
    environment: Vec<Variable>,
}

impl Layers<'_> {
    /// Under which name the command line's values of an option are kept.
    fn id(&self, option: &str) -> Option<clap::Id> {
        let all = Arguments::command();
        let command = all.find_subcommand(self.command)?;
        command.get_arguments().find(|arg| arg.get_long() == Some(option)).map(|arg| arg.get_id().clone())
    }

    /// Whether the command line has an option.
    fn is_on_line(&self, option: &str) -> bool {
        self.id(option).is_some_and(|id| self.line.value_source(id.as_str()) == Some(ValueSource::CommandLine))
    }

    /// Whether a layer above the file has an option.
    fn is_above(&self, option: &str) -> bool {
        self.is_on_line(option) || self.environment.iter().any(|variable| variable.key.option == option)
    }

    /// What counts of the file: the words of the program, and the receivers.
    fn file(&self, file: Option<Configuration>) -> Result<(Vec<Word>, Vec<Receiver>), Problems> {
        let Some(file) = file else { return Ok((Vec::new(), Vec::new())) };
        let mut problems = Vec::new();
        let common = self.counting(&file.words.common, &mut problems);
        let mut receivers = Vec::new();
        if !self.is_above(RECEIVERS) {
            for Receiver { at, words } in &file.words.receivers {
                receivers.push(Receiver { at: *at, words: self.counting(words, &mut problems) });
            }
        }
        if problems.is_empty() { Ok((common, receivers)) } else { Err(file.wrong(problems)) }
    }

    /// Of these words those that say something here and are not said above. What lacks the option that it is about is
    /// wrong, unless it says what would be so anyway.
    fn counting(&self, words: &[Word], problems: &mut Vec<Problem>) -> Vec<Word> {
        let mut counting = Vec::new();
        let options = crate::cli::run_options();
        for word in words {
            let Key { option, needs, .. } = *word.key;
            let is_met = is_met(word, words) || needs.is_some_and(|needed| self.is_above(needed));
            if !is_met {
                let default = options.get_arguments().find(|arg| arg.get_long() == Some(option));
                let is_default =
                    default.is_some_and(|arg| arg.get_default_values().iter().any(|value| *value == *word.value));
                if !is_default {
                    let needed = needs.and_then(keys::of_option).map(|key| key.path).unwrap_or_default();
                    let what = format!("`{}` says nothing without `{needed}`", word.key.path);
                    problems.push(Problem::at(word.at, what));
                }
                continue;
            }
            let is_for_command = has_option(self.command, word.key) && !(word.key.of_run && self.command != "run");
            let is_replaced = match word.key.shape {
                Shape::Pairs => self.has_name(option, &word.value),
                _ => !word.key.is_by_name() && self.is_above(option),
            };
            if is_for_command && !is_replaced {
                counting.push(word.clone());
            }
        }
        counting
    }

    /// Whether a layer above the file has this option with the same name before `=`.
    fn has_name(&self, option: &str, pair: &str) -> bool {
        let name = |pair: &str| pair.split('=').next().unwrap_or(pair).trim().to_ascii_lowercase();
        let own = name(pair);
        let of_environment = self.environment.iter().filter(|variable| variable.key.option == option);
        let of_line = self.id(option).and_then(|id| self.line.try_get_many::<String>(id.as_str()).ok().flatten());
        of_environment.map(|variable| &variable.value).any(|value| name(value) == own)
            || of_line.into_iter().flatten().any(|value| name(value) == own)
    }

    /// What counts of the environment.
    fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.environment.iter().filter(|variable| variable.key.is_by_name() || !self.is_on_line(variable.key.option))
    }

    /// All that lies below the command line, as words for it.
    fn words(&self, common: &[Word], receivers: &[Receiver]) -> Vec<OsString> {
        let of_receivers = receivers.iter().flat_map(|receiver| &receiver.words);
        let file = common.iter().chain(of_receivers).map(Word::on_line);
        file.chain(self.variables().map(Variable::on_line)).collect()
    }

    /// The options of outputs that lie below the command line.
    fn below(&self, common: &[Word], receivers: &[Receiver]) -> Below {
        let is_scoped = |key: &Key| key.place != keys::Place::Top;
        let variables = self.variables().filter(|variable| is_scoped(variable.key));
        let (urls, variables): (Vec<_>, Vec<_>) = variables.partition(|variable| variable.key.option == RECEIVERS);
        let of_file = common.iter().filter(|word| is_scoped(word.key)).map(Word::on_line);
        let common = of_file.chain(variables.into_iter().map(Variable::on_line)).collect();
        let of_environment = urls.into_iter().map(|variable| (variable.value.clone(), Vec::new()));
        let of_file = receivers.iter().map(|receiver| {
            let (url, own): (Vec<_>, Vec<_>) = receiver.words.iter().partition(|word| word.key.path == ENDPOINT);
            let url = url.first().map(|word| word.value.clone()).unwrap_or_default();
            (url, own.into_iter().map(Word::on_line).collect())
        });
        Below { common, receivers: of_environment.chain(of_file).collect() }
    }
}
