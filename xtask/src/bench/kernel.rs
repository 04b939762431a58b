//! Nanoseconds per packet of the kernel program.
//!
//! One round measures every program in every scenario once; rounds follow each other, so that whatever the machine
//! does besides hits all alike, and ratios are taken within a round.

use std::fs;
use std::io::IsTerminal as _;

use anyhow::{Context, Result, bail};

use super::driver::Driver;
use super::frame::{Ip, frame};
use super::report::{BEFORE, Report, Row};
use super::scenario::{ALL, Scenario};
use super::subject::Subject;
use super::{Kernel, floor, machine};
use crate::ebpf::{load, prebuilt, say};

/// The program that is measured, and the one that reads payload.
const PROGRAM: &str = "ingress";
const READING: &str = "ingress_read";

/// Calls of the empty program, to know what the measurement itself costs.
const EMPTY_CALLS: u32 = 400_000;

/// The command.
pub fn run(arguments: &Kernel) -> Result<()> {
    if !load::is_permitted() {
        bail!("loading programs into the kernel needs root");
    }
    machine::pin(arguments.cpu)?;
    let object = arguments.object.clone().unwrap_or_else(|| prebuilt().join("flowtrace.bpf.o"));
    let program = if arguments.payload { READING } else { PROGRAM };
    let (ours, verified) = Subject::flowtrace("flowtrace", &object, program)?;
    let mut subjects = match floor::compile(&arguments.floor) {
        Ok(floor) => Subject::floors(&floor)?,
        Err(reason) => {
            say(&format!("!!! WITHOUT FLOOR, SO WITHOUT RATIOS: {reason}"))?;
            Vec::new()
        }
    };
    if let Some(before) = &arguments.before {
        subjects.push(Subject::flowtrace(BEFORE, before, PROGRAM)?.0);
    }
    if arguments.payload {
        subjects.push(Subject::flowtrace(BEFORE, &object, PROGRAM)?.0);
    }
    subjects.push(ours);
    let names = subjects.iter().map(|subject| subject.name.clone()).collect();
    let chosen: Vec<_> = ALL.iter().filter(|scenario| scenario.name.contains(&arguments.only)).collect();
    let mut report = Report::new(names, verified, chosen.iter().map(|scenario| Row::new(scenario.name)).collect());
    let mut driver = Driver::load()?;
    for round in 1..=arguments.rounds {
        progress(&format!("round {round} of {}", arguments.rounds));
        for (scenario, row) in chosen.iter().zip(&mut report.rows) {
            row.rounds.push(measure(&mut driver, &mut subjects, scenario)?);
        }
    }
    progress("");
    say(&report.text())?;
    if let Some(path) = &arguments.json {
        fs::write(path, report.json()?).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// One scenario, every program once: nanoseconds per packet, what the driver costs taken off.
fn measure(driver: &mut Driver, subjects: &mut [Subject], scenario: &Scenario) -> Result<Vec<f64>> {
    let frames = [frame(Ip::V4, scenario.content), frame(scenario.ip, scenario.content)];
    let mut costs = Vec::new();
    for frame in &frames {
        costs.push(driver_cost(driver, frame, scenario)?);
    }
    let mut measured = Vec::new();
    for subject in subjects {
        let which = if subject.only_v4 { 0 } else { 1 };
        subject.clear()?;
        let time = driver.time(subject, &frames[which], scenario)?;
        if subject.clear()?.is_some_and(|flows| flows != scenario.flows.expected()) {
            bail!("{} did not count the flows of \"{}\"", subject.name, scenario.name);
        }
        measured.push(time - costs[which]);
    }
    Ok(measured)
}

/// What the driver and its tail call add to a program.
fn driver_cost(driver: &mut Driver, frame: &[u8], scenario: &Scenario) -> Result<f64> {
    let empty = Subject::empty(driver.empty()?);
    let alone = driver.time_empty(frame, EMPTY_CALLS)?;
    Ok(driver.time(&empty, frame, scenario)? - alone)
}

/// A passing line, for a person at a terminal.
fn progress(text: &str) {
    use std::io::Write as _;
    if std::io::stderr().is_terminal() {
        // Nothing is lost with it.
        let _ = write!(std::io::stderr(), "\r\x1b[K{text}");
    }
}
