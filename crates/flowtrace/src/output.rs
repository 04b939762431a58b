//! Where records go: standard output or a file in one of their forms, OTLP receivers, or both.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flowtrace_export::{FileError, FileReport, Full, Statistics};
use flowtrace_flow::Record;
use flowtrace_span::Resource;

use crate::cli::CommonOptions;
use crate::lines::Lines;
use crate::pick::Pick;
use crate::receivers::{Delivery, Receivers};
use crate::{destinations, settings};

/// What is wrong with an output.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option.
    #[error(transparent)]
    Invalid(#[from] settings::Invalid),
    /// An option of OTLP receivers.
    #[error(transparent)]
    Destination(#[from] destinations::Invalid),
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    #[error(transparent)]
    Environment(#[from] flowtrace_span::EnvironmentError),
    /// `--spool` without a receiver.
    #[error("--spool: there is no OTLP receiver to keep spans for; name it by --otlp URL")]
    NothingToSpool,
    /// An OTLP receiver, or its spool.
    #[error(transparent)]
    Otlp(#[from] flowtrace_export::Error),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Write(#[from] io::Error),
    /// The signal handlers.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] io::Error),
}

/// All outputs.
pub struct Outputs {
    lines: Lines,
    /// What is written as lines.
    pick: Pick,
    receivers: Receivers,
    /// How long what is left may take to be sent when the program ends.
    shutdown: Duration,
    records: u64,
}

/// What became of all records.
#[derive(Debug, Default)]
pub struct Closed {
    /// How many there were.
    pub records: u64,
    /// How many of them the filter of standard output or the file left out.
    pub filtered: u64,
    /// For a file, and where it is.
    pub file: Option<(FileReport, PathBuf)>,
    /// For each receiver.
    pub deliveries: Vec<Delivery>,
}

/// How an output is doing.
#[derive(Clone, Debug)]
pub struct OutputState {
    /// `stdout`, `file`, or a receiver's URL without secrets; of several with the same one, with a number.
    pub name: String,
    /// Records that its filter left out.
    pub filtered: u64,
    /// Of a file.
    pub file: Option<FileReport>,
    /// Of an OTLP receiver.
    pub exporter: Option<Statistics>,
}

/// Whether records are still wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wanted {
    /// Yes.
    Yes,
    /// The reader of standard output has gone, and there is no other output.
    No,
}

impl Outputs {
    /// Opens the outputs. `full` says what to do when an OTLP receiver does not keep up.
    pub fn open(options: &CommonOptions, resource: &Resource, full: Full) -> Result<Self, Error> {
        let span = settings::span_options(&options.shown, options.community_id_seed)?;
        let pick = Pick::new(&options.shown, &span)?;
        let receivers = Receivers::open(options, resource, full)?;
        let lines = Lines::open(options, resource, span, !receivers.is_empty(), full)?;
        let shutdown = options.shutdown_timeout;
        Ok(Self { lines, pick, receivers, shutdown, records: 0 })
    }

    /// Writes the records, and leaves the vector empty.
    pub fn write(&mut self, records: &mut Vec<Record>) -> Result<Wanted, Error> {
        self.show(records)?;
        for record in records.drain(..) {
            self.receivers.push(&record);
        }
        Ok(self.wanted())
    }

    /// Counts the records, and writes them as lines.
    fn show(&mut self, records: &[Record]) -> Result<(), Error> {
        self.records += records.len() as u64;
        for record in records {
            if self.pick.takes(record) {
                self.lines.write(record)?;
            }
        }
        Ok(())
    }

    /// Sends what has waited long enough.
    pub fn tick(&mut self) -> Result<Wanted, Error> {
        self.receivers.tick();
        self.lines.flush()?;
        Ok(self.wanted())
    }

    /// For how many more records there is room somewhere; no limit where they are written as lines.
    pub fn room(&self) -> u64 {
        if self.lines.is_none() { self.receivers.room().unwrap_or(u64::MAX) } else { u64::MAX }
    }

    /// How all outputs are doing.
    pub fn state(&self) -> Vec<OutputState> {
        let file = self.lines.file_report();
        let name = if file.is_some() { "file" } else { "stdout" };
        let lines = OutputState { name: name.to_owned(), filtered: self.pick.left_out(), file, exporter: None };
        let lines = (!self.lines.is_none()).then_some(lines);
        lines.into_iter().chain(self.receivers.state()).collect()
    }

    /// What a signal calls, whatever the outputs wait for: from then on nothing waits for a receiver for longer than the
    /// time for shutting down.
    pub fn hurry(&self) -> impl FnOnce() + Send + 'static {
        let (enders, time) = (self.receivers.enders(), self.shutdown);
        move || enders.iter().for_each(|ender| ender.end_by(Instant::now() + time))
    }

    /// Writes the last records and sends all that is left.
    pub fn close(mut self, records: &[Record]) -> Result<Closed, Error> {
        let shown = self.show(records).and_then(|()| self.lines.close());
        let deliveries = self.receivers.close(records, self.shutdown);
        Ok(Closed { records: self.records, filtered: self.pick.left_out(), file: shown?, deliveries })
    }

    fn wanted(&self) -> Wanted {
        if self.lines.is_closed() && self.receivers.is_empty() { Wanted::No } else { Wanted::Yes }
    }
}
