//! Whether the values of a file are right: they are read as if they stood on a command line, each by itself, so that
//! what is wrong is told of the place where it stands.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use flowtrace_filter::Filter;
use tracing::subscriber::{NoSubscriber, with_default};

use super::defaults::as_keys;
use super::keys::ENDPOINT;
use super::problem::{Place, Problem, brief};
use super::words::{Receiver, Word, Words};
use crate::cli::{Arguments, Command, RunOptions};
use crate::validate;

/// What is wrong with the values; with `also_together`, also with some of them together. What is only to be warned of is
/// said where the options are used.
pub fn problems(words: &Words, also_together: bool) -> Vec<Problem> {
    with_default(NoSubscriber::default(), || found(words, also_together))
}

fn found(words: &Words, also_together: bool) -> Vec<Problem> {
    let all = words.common.iter().chain(words.receivers.iter().flat_map(|receiver| &receiver.words));
    let mut problems: Vec<_> = all.filter_map(wrong_value).collect();
    problems.extend(words.common.iter().filter_map(wrong_alone));
    if also_together && problems.is_empty() {
        problems.extend(together(&words.common));
        problems.extend(words.receivers.iter().filter_map(wrong_receiver));
    }
    problems
}

/// What is wrong with a value as such.
fn wrong_value(word: &Word) -> Option<Problem> {
    if word.key.option == "filter" {
        return wrong_filter(word);
    }
    let error = options([word]).err().filter(|error| error.kind() != ErrorKind::MissingRequiredArgument)?;
    Some(problem(word, &reason(&error)))
}

/// What is wrong with what a value says.
fn wrong_alone(word: &Word) -> Option<Problem> {
    let options = options([word]).ok()?;
    let error = validate::options(&options, &|_| None).err().filter(|_| word.key.option != "filter")?;
    Some(problem(word, &error.to_string()))
}

/// A filter says itself where it is wrong.
fn wrong_filter(word: &Word) -> Option<Problem> {
    let error = Filter::parse(&word.value).err().filter(|_| !word.value.trim().is_empty())?;
    let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
    let what = format!("filter: {}{help}", error.message());
    // Where the text stands as it is, on one line and in quotes or not: then what is wrong can be shown in it.
    let count = |text: Option<&str>| text.map_or(0, |text| text.chars().count());
    let (before, length) = (count(word.value.get(..error.place().start)), count(word.value.get(error.place())));
    let quote = match word.at.width.checked_sub(word.value.chars().count()) {
        Some(0) => Some(0),
        Some(2) => Some(1),
        _ => None,
    };
    let in_it = |quote| Place { column: word.at.column + quote + before, width: length.max(1), ..word.at };
    let at = quote.map_or(word.at, in_it);
    Some(Problem::at(at, what))
}

/// What is wrong with the options of a receiver together; at the one that alone is wrong in the same way.
fn wrong_receiver(receiver: &Receiver) -> Option<Problem> {
    let words: Vec<_> = receiver.words.iter().filter(|word| is_met(word, &receiver.words)).collect();
    let whole = complaint(&words)?;
    let endpoint = words.iter().find(|word| word.key.path == ENDPOINT).copied()?;
    let is_it = |word: &&Word| {
        let needed = words.iter().filter(|other| Some(other.key.option) == word.key.needs);
        let few: Vec<_> = [endpoint].into_iter().chain(needed.copied()).chain([*word]).collect();
        let few = if word.key.path == ENDPOINT { vec![endpoint] } else { few };
        complaint(&few).as_ref() == Some(&whole)
    };
    match [endpoint].into_iter().chain(words.iter().copied()).find(is_it) {
        Some(culprit) => Some(problem(culprit, &whole)),
        None => Some(Problem::at(endpoint.at, as_keys(&whole))),
    }
}

/// What is wrong with some options together.
fn complaint(words: &[&Word]) -> Option<String> {
    match options(words.iter().copied()) {
        Err(error) => Some(reason(&error)),
        Ok(options) => validate::options(&options, &|_| None).err().map(|error| error.to_string()),
    }
}

/// What is wrong with the options of the program together.
fn together(words: &[Word]) -> Option<Problem> {
    let met: Vec<_> = words.iter().filter(|word| is_met(word, words)).collect();
    match options(met.iter().copied()) {
        Ok(options) => {
            let message = validate::options(&options, &|_| None).err()?.to_string();
            // It begins with the option that it is about.
            let named = message.strip_prefix("--").and_then(|rest| rest.split([':', ' ']).next());
            let culprit = met.iter().find(|word| Some(word.key.option) == named);
            Some(culprit.map_or_else(|| Problem::whole(as_keys(&message)), |word| problem(word, &message)))
        }
        Err(error) if error.kind() == ErrorKind::ArgumentConflict => Some(conflict(words, &error)),
        Err(error) => Some(Problem::whole(as_keys(&reason(&error)))),
    }
}

/// Two options that exclude each other, at the one that stands later.
fn conflict(words: &[Word], error: &clap::Error) -> Problem {
    let of = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => {
            words.iter().find(|word| name.starts_with(&format!("--{} ", word.key.option)))
        }
        Some(ContextValue::Strings(names)) => {
            let is_it = |word: &&Word| names.iter().any(|name| name.starts_with(&format!("--{} ", word.key.option)));
            words.iter().find(is_it)
        }
        _ => None,
    };
    match (of(ContextKind::InvalidArg), of(ContextKind::PriorArg)) {
        (Some(one), Some(other)) => {
            let (first, last) = if one.at.line < other.at.line { (one, other) } else { (other, one) };
            let what = format!("`{}` cannot be there together with `{}`", last.key.path, first.key.path);
            Problem::at(last.at, what).hidden_if(last.key.is_secret)
        }
        _ => Problem::whole(reason(error)),
    }
}

/// Whether what an option needs is among others.
pub fn is_met(word: &Word, others: &[Word]) -> bool {
    word.key.needs.is_none_or(|needed| others.iter().any(|other| other.key.option == needed))
}

fn problem(word: &Word, message: &str) -> Problem {
    let what = of_option(word.key.option, message);
    Problem::at(word.at, format!("{}: {what}", word.key.path)).hidden_if(word.key.is_secret)
}

/// The options of a command line of these words only.
fn options<'a>(words: impl IntoIterator<Item = &'a Word>) -> Result<RunOptions, clap::Error> {
    parse(words.into_iter().map(Word::on_line))
}

/// The options of `flowtrace run` with these words.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<RunOptions, clap::Error> {
    let line = ["flowtrace", "run"].into_iter().map(OsString::from).chain(words);
    match Arguments::read(line)?.command {
        Command::Run(options) => Ok(options),
        _ => Err(clap::Error::raw(ErrorKind::InvalidSubcommand, "another command")),
    }
}

/// What is said of an option, without its name on the command line and how it is written there.
pub fn of_option(option: &str, message: &str) -> String {
    let rest = message.strip_prefix(&format!("--{option}")).filter(|rest| rest.starts_with([':', ' ']));
    let what = rest.and_then(|rest| rest.split_once(": ")).map_or(message, |(_, what)| what);
    let what = what.strip_prefix("OTLP receiver: ").unwrap_or(what);
    let what = what.split("; write it as ").next().unwrap_or(what);
    // Of a regular expression's error, which shows the expression once more, what is wrong with it.
    match what.split_once("regex parse error:") {
        Some((before, error)) => format!("{before}{}", error.rsplit("error: ").next().unwrap_or(error).trim()),
        None => as_keys(what),
    }
}

/// What clap says of a value, in a line.
pub fn reason(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let value = brief(&text(ContextKind::InvalidValue).unwrap_or_default());
    match error.kind() {
        ErrorKind::InvalidValue => {
            let meant = text(ContextKind::SuggestedValue).map(|name| format!("; did you mean `{name}`?"));
            let known = text(ContextKind::ValidValue).unwrap_or_default();
            format!("`{value}` is none of {known}{}", meant.unwrap_or_default())
        }
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(cause) if cause.is::<std::num::ParseIntError>() => format!("`{value}` is no whole number"),
            Some(cause) => format!("`{value}`: {cause}"),
            None => format!("`{value}` cannot be read"),
        },
        _ => {
            let text = error.to_string();
            let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        }
    }
}
