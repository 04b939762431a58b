//! Messages to standard error.
#![allow(clippy::print_stderr, reason = "the one place that writes messages to standard error")]

use std::error::Error;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Starts logging: warnings, and more with each `-v`; `FLOWTRACE_LOG` overrides (`debug`, `flowtrace_capture=trace`).
pub fn start(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let own =
        format!("error,flowtrace={level},flowtrace_capture={level},flowtrace_flow={level},flowtrace_export={level}");
    let filter = EnvFilter::try_from_env("FLOWTRACE_LOG").unwrap_or_else(|_| EnvFilter::new(own));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Says why the program ends, with all that lies behind it.
pub fn fatal(error: &dyn Error) {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    eprintln!("flowtrace: {text}");
}

/// A line for people: what is going on, and the summary.
pub fn say(text: &str) {
    eprintln!("flowtrace: {text}");
}
