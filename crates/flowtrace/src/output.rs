//! Where records go: standard output in one of its forms, an OTLP receiver, or both.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use flowtrace_export::{Console, Exporter, Full, Report, Settings};
use flowtrace_flow::Record;
use flowtrace_span::{Json, Options, OtlpJson, Resource, Text};

use crate::cli::{CommonOptions, Output};
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
    /// The OTLP receiver's address.
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
    otlp: Option<Exporter>,
    /// The spool's directory.
    spool: Option<PathBuf>,
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
    /// Opens the outputs. `full` says what to do when the OTLP receiver does not keep up.
    pub fn open(options: &CommonOptions, resource: &Resource, full: Full) -> Result<Self, Error> {
        let span = settings::span_options(options)?;
        let variable = |name: &str| std::env::var(name).ok();
        let destination = destinations::destination(options.otlp.as_deref(), &options.otlp_options, variable)?;
        let spool = destination.as_ref().and_then(|destination| settings::spool(options, &destination.url));
        let directory = spool.as_ref().map(|spool| spool.directory.clone());
        if options.spool.is_some() && destination.is_none() {
            return Err(destinations::Invalid::NothingToSpool.into());
        }
        let otlp = match destination {
            None => None,
            Some(to) => Some(Exporter::with_spool(to, resource, span.clone(), Settings::new(full), spool)?),
        };
        let default = if otlp.is_some() { Output::None } else { Output::Text };
        let format = Format::new(options, options.output.unwrap_or(default), resource, span);
        let shutdown = options.shutdown_timeout;
        Ok(Self { format, console: Console::stdout(), otlp, spool: directory, shutdown, records: 0 })
    }

    /// Writes the records, and leaves the vector empty.
    pub fn write(&mut self, records: &mut Vec<Record>) -> Result<Wanted, Error> {
        let mut open = flowtrace_export::Output::Open;
        for record in records.drain(..) {
            self.records += 1;
            if self.format.write(&record, self.console.buffer()) {
                open = self.console.written()?;
            }
            if let Some(otlp) = &mut self.otlp {
                otlp.push(&record);
            }
        }
        Ok(self.wanted(open))
    }

    /// Sends what has waited long enough.
    pub fn tick(&mut self) -> Result<Wanted, Error> {
        if let Some(otlp) = &mut self.otlp {
            otlp.tick(Instant::now());
        }
        let open = self.console.flush()?;
        Ok(self.wanted(open))
    }

    /// Sends all that is left. Returns the number of records, what became of those for the OTLP receiver, and its
    /// spool's directory.
    pub fn close(mut self) -> Result<(u64, Option<Report>, Option<PathBuf>), Error> {
        let report = self.otlp.take().map(|otlp| otlp.shutdown(self.shutdown));
        let _ = self.console.flush()?;
        Ok((self.records, report, self.spool))
    }

    fn wanted(&self, open: flowtrace_export::Output) -> Wanted {
        let closed = open == flowtrace_export::Output::Closed;
        if closed && self.otlp.is_none() { Wanted::No } else { Wanted::Yes }
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
