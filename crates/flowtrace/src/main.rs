//! flowtrace: watches network traffic and turns every conversation into an OpenTelemetry trace.
//!
//! The program reads in the order it runs: command line → settings → capture → flow table → outputs → summary.

mod cli;
mod conntrack;
mod destinations;
mod exit;
mod host;
mod kubernetes;
mod lines;
mod log;
mod output;
mod pick;
mod progress;
mod read;
mod receivers;
mod run;
mod settings;
mod signals;
mod summary;
mod who;

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = cli::Arguments::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    log::start(arguments.verbose, arguments.quiet);
    let result = match &arguments.command {
        cli::Command::Run(options) => run::run(options, arguments.quiet).map_err(Box::<dyn Error>::from),
        cli::Command::Read(options) => read::read(options, arguments.quiet).map_err(Box::<dyn Error>::from),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            log::fatal(&*error);
            exit::Exit::Failed.into()
        }
    }
}
