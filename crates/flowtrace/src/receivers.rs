//! OTLP receivers, each with a queue of its own: what one of them does holds up no other.

use std::path::PathBuf;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use flowtrace_export::{Ender, Exporter, Full, Report, Settings};
use flowtrace_flow::Record;
use flowtrace_span::Resource;

use crate::cli::CommonOptions;
use crate::output::Error;
use crate::{destinations, settings};

/// All receivers.
pub struct Receivers(Vec<Receiver>);

struct Receiver {
    url: String,
    exporter: Exporter,
    /// The spool's directory.
    spool: Option<PathBuf>,
}

/// What became of the records for one receiver.
#[derive(Debug)]
pub struct Delivery {
    /// Which receiver.
    pub url: String,
    /// The numbers.
    pub report: Report,
    /// Where its spool is.
    pub spool: Option<PathBuf>,
}

impl Receivers {
    /// Starts an exporter for each receiver of the command line or the environment. `full` says what to do when one
    /// does not keep up.
    pub fn open(options: &CommonOptions, resource: &Resource, full: Full) -> Result<Self, Error> {
        let variable = |name: &str| std::env::var(name).ok();
        let destinations = destinations::destinations(&options.receivers, &options.shown, variable)?;
        if destinations.is_empty() && options.shown.spool.spool.is_some() {
            return Err(Error::NothingToSpool);
        }
        let open = |(destination, output): (flowtrace_export::Destination, crate::cli::outputs::OutputOptions)| {
            let url = destination.url.clone();
            let span = settings::span_options(&output, options.community_id_seed)?;
            let spool = settings::spool(&output.spool, &url);
            let directory = spool.as_ref().map(|spool| spool.directory.clone());
            let exporter = Exporter::with_spool(destination, resource, span, Settings::new(full), spool)?;
            Ok(Receiver { url, exporter, spool: directory })
        };
        destinations.into_iter().map(open).collect::<Result<_, Error>>().map(Self)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Queues a record for each.
    pub fn push(&mut self, record: &Record) {
        for Receiver { exporter, .. } in &mut self.0 {
            exporter.push(record);
        }
    }

    /// Sends what has waited long enough.
    pub fn tick(&mut self) {
        let now = Instant::now();
        for Receiver { exporter, .. } in &mut self.0 {
            exporter.tick(now);
        }
    }

    /// For how many more records the receiver that keeps up best has room; `None` without receivers.
    pub fn room(&self) -> Option<u64> {
        self.0.iter().map(|receiver| receiver.exporter.room()).max()
    }

    /// Says from another thread that no push is to wait for longer than until a moment.
    pub fn enders(&self) -> Vec<Ender> {
        self.0.iter().map(|receiver| receiver.exporter.ender()).collect()
    }

    /// Sends these last records and all that is left, to all of them at once, for at most so long. Where pushes wait
    /// for room anyway, that time begins after the last record, or with the first signal.
    pub fn close(self, records: &[Record], time: Duration) -> Vec<Delivery> {
        let end = Instant::now() + time;
        let close = |exporter: Exporter| move || last(exporter, records, end, time);
        std::thread::scope(|scope| {
            let closing: Vec<_> = self
                .0
                .into_iter()
                .map(|Receiver { url, exporter, spool }| (url, spool, scope.spawn(close(exporter))))
                .collect();
            // Nothing in there panics; if it did, nothing would be known of it.
            let report = |closing: ScopedJoinHandle<'_, Report>| closing.join().unwrap_or_default();
            closing.into_iter().map(|(url, spool, closing)| Delivery { url, spool, report: report(closing) }).collect()
        })
    }
}

fn last(mut exporter: Exporter, records: &[Record], end: Instant, time: Duration) -> Report {
    if exporter.full() == Full::Drop {
        exporter.end_by(end);
    }
    for record in records {
        exporter.push(record);
    }
    exporter.shutdown(time)
}
