//! The options of one output, and which are whose where there are several.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use super::otlp::OtlpOptions;
use super::spool::SpoolOptions;

/// What one output gets, and how.
#[derive(Clone, Debug, Args)]
pub struct OutputOptions {
    /// Add opt-in groups of attributes, separated by commas; `all` for every one.
    #[arg(long, value_name = "GROUP,...", default_value = "")]
    pub attributes: String,
    /// The names of the attributes: those of the newest reference, or of the older proposal.
    #[arg(long, visible_alias = "profile", value_name = "NAME", default_value = "reference")]
    pub semconv: Profile,
    /// Of the attributes that are on, only those whose names match one of these globs, as `flow.*,network.transport`.
    #[arg(long, value_name = "GLOB,...", default_value = "")]
    pub include: String,
    /// Of the attributes that are on, none whose name matches one of these globs, as `*.mac,*.header.*`.
    #[arg(long, value_name = "GLOB,...", default_value = "")]
    pub exclude: String,
    /// Only records for which this holds, as `source.port in [80, 443] and not has(error.type)`.
    #[arg(long, value_name = "FILTER", default_value = "")]
    pub filter: String,
    /// How OTLP receivers are reached.
    #[command(flatten)]
    pub otlp: OtlpOptions,
    /// What happens to batches that a receiver does not take.
    #[command(flatten)]
    pub spool: SpoolOptions,
}

/// The names of the attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// The attribute reference.
    Reference,
    /// The semantic-convention proposal.
    Proposal,
}

/// Lets the options of outputs stand once for each receiver.
pub fn repeatable(command: Command) -> Command {
    let scoped = scoped();
    let is_scoped = |arg: &Arg| scoped.get_arguments().any(|known| known.get_id() == arg.get_id());
    let is_single = |arg: &Arg| matches!(arg.get_action(), ArgAction::Set) && is_scoped(arg);
    command.mut_subcommands(|subcommand| {
        subcommand.mut_args(|arg| if is_single(&arg) { arg.action(ArgAction::Append) } else { arg })
    })
}

/// What configuration file and environment say of outputs, as words of a command line.
#[derive(Debug, Default)]
pub struct Below {
    /// Of all outputs.
    pub common: Vec<OsString>,
    /// The receivers, each with what is said of it alone.
    pub receivers: Vec<(String, Vec<OsString>)>,
}

/// The options of standard output, and the receivers, each with its options. `matches` are of a subcommand that was made
/// [`repeatable`]. Receivers of the command line take the place of those below it.
pub fn outputs(
    matches: &ArgMatches,
    below: &Below,
) -> Result<(OutputOptions, Vec<(String, OutputOptions)>), clap::Error> {
    let mut line: Vec<Occurrence> = below.common.iter().map(|word| (0, word.clone())).collect();
    line.extend(occurrences(matches));
    let urls: Vec<(usize, String)> = match matches.get_many::<String>("otlp") {
        None => Vec::new(),
        Some(urls) => matches.indices_of("otlp").into_iter().flatten().zip(urls.cloned()).collect(),
    };
    if urls.is_empty() && !below.receivers.is_empty() {
        return receivers_below(&line, below);
    }
    if urls.len() < 2 {
        let options = parse(&line, &[])?;
        return Ok((options.clone(), urls.into_iter().map(|(_, url)| (url, options.clone())).collect()));
    }
    let mut receivers = Vec::new();
    for (from, url) in urls.into_iter().rev() {
        let own = line.split_off(line.partition_point(|(index, _)| *index < from));
        receivers.push((url, own));
    }
    let receivers = receivers.into_iter().rev().map(|(url, own)| Ok((url, parse(&line, &own)?)));
    Ok((parse(&line, &[])?, receivers.collect::<Result<_, clap::Error>>()?))
}

/// The receivers below the command line, whose options are of all of them.
fn receivers_below(
    line: &[Occurrence],
    below: &Below,
) -> Result<(OutputOptions, Vec<(String, OutputOptions)>), clap::Error> {
    let receivers = below.receivers.iter().map(|(url, own)| {
        let own: Vec<Occurrence> = own.iter().map(|word| (0, word.clone())).collect();
        let all = [line, &own].concat();
        Ok((url.clone(), parse(&about_something(line, &all), &own)?))
    });
    Ok((parse(&about_something(line, line), &[])?, receivers.collect::<Result<_, clap::Error>>()?))
}

/// Of these options those that are about something: what is said of a spool is nothing to an output without one.
fn about_something(line: &[Occurrence], all: &[Occurrence]) -> Vec<Occurrence> {
    let name = |word: &OsString| word.to_string_lossy().split('=').next().unwrap_or_default().to_owned();
    let names: Vec<_> = all.iter().map(|(_, word)| name(word)).collect();
    let needed = |word: &OsString| {
        crate::config::needed(name(word).trim_start_matches("--")).map(|option| format!("--{option}"))
    };
    let is_about = |(_, word): &&Occurrence| needed(word).is_none_or(|option| names.contains(&option));
    line.iter().filter(is_about).cloned().collect()
}

/// One option on the command line: its place, and `--NAME=VALUE`.
type Occurrence = (usize, OsString);

/// The options of outputs in their order on the command line.
fn occurrences(matches: &ArgMatches) -> Vec<Occurrence> {
    let mut line = Vec::new();
    for arg in scoped().get_arguments() {
        let id = arg.get_id().as_str();
        let name = arg.get_long().unwrap_or(id);
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let (indices, values) = (matches.indices_of(id), matches.get_raw(id));
        for (index, value) in indices.into_iter().flatten().zip(values.into_iter().flatten()) {
            let mut option = OsString::from(format!("--{name}="));
            option.push(value);
            line.push((index, option));
        }
    }
    line.sort_by_key(|(index, _)| *index);
    line
}

/// The options of all outputs, with those of one above them.
fn parse(common: &[Occurrence], own: &[Occurrence]) -> Result<OutputOptions, clap::Error> {
    let line = common.iter().chain(own).map(|(_, option)| option);
    let matches = scoped().args_override_self(!own.is_empty()).try_get_matches_from(line)?;
    OutputOptions::from_arg_matches(&matches)
}

fn scoped() -> Command {
    OutputOptions::augment_args(Command::new("flowtrace").no_binary_name(true))
}

#[cfg(test)]
mod tests {
    use crate::cli::{Arguments, CommonOptions};

    fn common(line: &[&str]) -> Result<CommonOptions, clap::Error> {
        let line = ["flowtrace", "read", "x.pcap"].iter().chain(line);
        Ok(match Arguments::read(line)?.command {
            crate::cli::Command::Read(options) => options.common,
            _ => unreachable!("it says read"),
        })
    }

    #[test]
    fn an_option_is_of_the_receiver_before_it_or_of_all() {
        let line = "--attributes debug --otlp-timeout 3s --otlp http://a --otlp-header a=1 --otlp-timeout 5s \
                    --otlp http://b --include flow.* --otlp-header b=2 --otlp-insecure-skip-verify --spool s";
        let common = common(&line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>()).expect("good");
        let [(a, first), (b, second)] = &common.receivers[..] else { panic!("{:?}", common.receivers) };
        assert_eq!((a.as_str(), b.as_str()), ("http://a", "http://b"));
        let seconds = |options: &super::OutputOptions| options.otlp.otlp_timeout.map(|time| time.as_secs());
        assert_eq!([&common.shown, first, second].map(seconds), [Some(3), Some(5), Some(3)]);
        assert_eq!([&common.shown, first, second].map(|options| options.attributes.as_str()), ["debug"; 3]);
        assert_eq!([&common.shown, first, second].map(|options| options.include.as_str()), ["", "", "flow.*"]);
        assert_eq!(
            (&first.otlp.otlp_headers[..], &second.otlp.otlp_headers[..]),
            (&["a=1".into()][..], &["b=2".into()][..])
        );
        assert!(!first.otlp.otlp_insecure_skip_verify && second.otlp.otlp_insecure_skip_verify);
        assert!(first.spool.spool.is_none() && second.spool.spool.is_some());
    }

    #[test]
    fn of_one_receiver_they_are_wherever_they_stand() {
        for line in [["--otlp", "http://a", "--attributes", "debug"], ["--attributes", "debug", "--otlp", "http://a"]] {
            let common = common(&line).expect("good");
            assert_eq!((common.shown.attributes.as_str(), common.receivers.len()), ("debug", 1));
            assert_eq!(common.receivers[0].1.attributes, "debug");
        }
        assert!(common(&["--attributes", "debug"]).expect("good").receivers.is_empty());
    }

    #[test]
    fn an_option_is_not_given_twice_to_the_same_output() {
        let twice = common(&["--attributes", "debug", "--otlp", "http://a", "--attributes", "all"]);
        assert!(twice.expect_err("twice").to_string().contains("cannot be used multiple times"));
        let size = common(&["--spool-size", "1GiB"]).expect_err("no spool").to_string();
        assert!(size.contains("--spool <DIR>"), "{size}");
    }
}
