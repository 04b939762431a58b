//! Where records go: standard output in one of its forms, OTLP receivers, or both.

use std::io;
use std::time::Duration;

use flowtrace_export::{Console, Full};
use flowtrace_flow::Record;
use flowtrace_span::{Json, Options, OtlpJson, Resource, Text};

use crate::cli::{CommonOptions, Output};
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
    /// Standard output.
    #[error("cannot write to standard output: {0}")]
    Write(#[from] io::Error),
    /// The signal handlers.
    #[error("cannot wait for signals: {0}")]
    Signals(#[source] io::Error),
}

/// All outputs.
pub struct Outputs {
    format: Format,
    console: Console,
    receivers: Receivers,
    /// How long what is left may take to be sent when the program ends.
    shutdown: Duration,
    records: u64,
}

/// A form of standard output.
enum Format {
    Text(Text),
    Json(Json),
    OtlpJson(OtlpJson),
    None,
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
        let receivers = Receivers::open(options, resource, full)?;
        let default = if receivers.is_empty() { Output::Text } else { Output::None };
        let format = Format::new(options, options.output.unwrap_or(default), resource, span);
        let shutdown = options.shutdown_timeout;
        Ok(Self { format, console: Console::stdout(), receivers, shutdown, records: 0 })
    }

    /// Writes the records, and leaves the vector empty.
    pub fn write(&mut self, records: &mut Vec<Record>) -> Result<Wanted, Error> {
        let open = self.show(records)?;
        for record in records.drain(..) {
            self.receivers.push(&record);
        }
        Ok(self.wanted(open))
    }

    /// Counts the records, and writes them to standard output.
    fn show(&mut self, records: &[Record]) -> Result<flowtrace_export::Output, Error> {
        self.records += records.len() as u64;
        let mut open = flowtrace_export::Output::Open;
        for record in records {
            if self.format.write(record, self.console.buffer()) {
                open = self.console.written()?;
            }
        }
        Ok(open)
    }

    /// Sends what has waited long enough.
    pub fn tick(&mut self) -> Result<Wanted, Error> {
        self.receivers.tick();
        let open = self.console.flush()?;
        Ok(self.wanted(open))
    }

    /// For how many more records there is room somewhere; no limit where they are written to standard output.
    pub fn room(&self) -> u64 {
        match self.format {
            Format::None => self.receivers.room().unwrap_or(u64::MAX),
            _ => u64::MAX,
        }
    }

    /// Writes the last records and sends all that is left. Returns the number of all records, and what became of those
    /// for each receiver.
    pub fn close(mut self, records: &[Record]) -> Result<(u64, Vec<Delivery>), Error> {
        let shown = self.show(records).and_then(|_| Ok(self.console.flush()?));
        let deliveries = self.receivers.close(records, self.shutdown);
        let _ = shown?;
        Ok((self.records, deliveries))
    }

    fn wanted(&self, open: flowtrace_export::Output) -> Wanted {
        let closed = open == flowtrace_export::Output::Closed;
        if closed && self.receivers.is_empty() { Wanted::No } else { Wanted::Yes }
    }
}

impl Format {
    fn new(options: &CommonOptions, output: Output, resource: &Resource, span: Options) -> Self {
        match output {
            Output::Text => Self::Text(Text::new(settings::colours(options.color))),
            Output::Json => Self::Json(Json::new(resource, span)),
            Output::OtlpJson => Self::OtlpJson(OtlpJson::new(resource, span)),
            Output::None => Self::None,
        }
    }

    /// Whether anything was written.
    fn write(&mut self, record: &Record, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Text(text) => text.write(record, out),
            Self::Json(json) => json.write(record, out),
            Self::OtlpJson(json) => json.write(record, out),
            Self::None => return false,
        }
        true
    }
}
