//! flowtrace: watches network traffic and turns every conversation into an OpenTelemetry trace.
//!
//! The program reads in the order it runs: command line → settings → capture → flow table → outputs → summary.

mod cli;
mod config;
mod conntrack;
mod destinations;
mod endpoint;
mod exit;
mod health;
mod host;
mod kubernetes;
mod lines;
mod log;
mod metrics;
mod output;
mod pick;
mod progress;
mod read;
mod receivers;
mod run;
mod settings;
mod signals;
mod summary;
mod validate;
mod who;

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let line = std::env::args_os().collect();
    let arguments = match config::layers::arguments(line, &variable) {
        Ok(arguments) => arguments,
        Err(config::layers::Error::Line(error)) => error.exit(),
        Err(error) => {
            log::fatal(&error);
            return exit::Exit::Failed.into();
        }
    };
    log::start(arguments.verbose, arguments.quiet);
    let result = match &arguments.command {
        cli::Command::Run(options) => run::run(options, arguments.quiet).map_err(Box::<dyn Error>::from),
        cli::Command::Read(options) => read::read(options, arguments.quiet).map_err(Box::<dyn Error>::from),
        cli::Command::Config(command) => config::command::run(command, &variable).map_err(Box::<dyn Error>::from),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            log::fatal(&*error);
            exit::Exit::Failed.into()
        }
    }
}

/// An environment variable. One that is no text is still there, and wrong wherever it is used.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}
