//! What a span costs to encode, and to deliver. `cargo xtask bench encode` runs this, puts the rounds together and prints
//! them; docs/benchmarks.md says how it is measured.
//!
//! Arguments: `encode ROUNDS`, `deliver ROUNDS`, or `sink`, the receiver that `deliver` starts. Each figure is a line of
//! JSON on standard output.

mod deliver;
mod encode;
mod load;
mod peer;
#[path = "../../../span/tests/records/mod.rs"]
mod records;
mod sink;

use std::error::Error;
use std::io::Write as _;
use std::time::Duration;

use nix::time::ClockId;
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["encode", rounds] => encode::run(rounds.parse()?),
        ["deliver", rounds] => deliver::run(rounds.parse()?),
        ["sink"] => sink::run(),
        _ => say("run by `cargo xtask bench encode`"),
    }
}

/// A line on standard output.
fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// A figure.
fn report(figure: &Value) -> Result<()> {
    say(&figure.to_string())
}

/// Time on the CPU; it stands still while something else has it.
fn cpu_time(clock: ClockId) -> Result<Duration> {
    Ok(clock.now()?.into())
}
