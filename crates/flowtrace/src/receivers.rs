//! OTLP receivers, each with a queue of its own: what one of them does holds up no other.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use flowtrace_export::{Ender, Exporter, Full, Report, Settings};
use flowtrace_flow::Record;
use flowtrace_span::Resource;

use crate::cli::CommonOptions;
use crate::output::{Error, OutputState};
use crate::pick::Pick;
use crate::{destinations, settings};

/// All receivers.
pub struct Receivers(Vec<Receiver>);

struct Receiver {
    url: String,
    pick: Pick,
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
    /// Records that its filter left out; in none of the numbers.
    pub filtered: u64,
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
            let pick = Pick::new(&output, &span)?;
            let spool = settings::spool(&output.spool, &url);
            let directory = spool.as_ref().map(|spool| spool.directory.clone());
            let exporter = Exporter::with_spool(destination, resource, span, Settings::new(full), spool)?;
            Ok(Receiver { url, pick, exporter, spool: directory })
        };
        destinations.into_iter().map(open).collect::<Result<_, Error>>().map(Self)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Queues a record for each.
    pub fn push(&mut self, record: &Record) {
        for receiver in &mut self.0 {
            receiver.push(record);
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

    /// How each is doing.
    pub fn state(&self) -> impl Iterator<Item = OutputState> {
        self.0.iter().enumerate().map(|(at, Receiver { url, pick, exporter, .. })| {
            let earlier =
                self.0[..at].iter().filter(|other| without_secrets(&other.url) == without_secrets(url)).count();
            let number = if earlier > 0 { format!(" #{}", earlier + 1) } else { String::new() };
            let name = without_secrets(url) + &number;
            OutputState { name, filtered: pick.left_out(), file: None, exporter: Some(exporter.statistics()) }
        })
    }

    /// Says from another thread that no push is to wait for longer than until a moment.
    pub fn enders(&self) -> Vec<Ender> {
        self.0.iter().map(|receiver| receiver.exporter.ender()).collect()
    }

    /// Sends these last records and all that is left, to all of them at once, for at most so long. Where pushes wait
    /// for room anyway, that time begins after the last record, or with the first signal.
    pub fn close(self, records: &[Record], time: Duration) -> Vec<Delivery> {
        let end = Instant::now() + time;
        std::thread::scope(|scope| {
            let close = |receiver: Receiver| scope.spawn(move || receiver.close(records, end, time));
            let closing: Vec<_> = self.0.into_iter().map(close).collect();
            // Nothing in there panics; if it did, nothing would be known of what it sent.
            closing.into_iter().filter_map(|closing| closing.join().ok()).collect()
        })
    }
}

impl Receiver {
    /// Queues a record that it is to get.
    fn push(&mut self, record: &Record) {
        if self.pick.takes(record) {
            self.exporter.push(record);
        }
    }

    fn close(mut self, records: &[Record], end: Instant, time: Duration) -> Delivery {
        if self.exporter.full() == Full::Drop {
            self.exporter.end_by(end);
        }
        for record in records {
            self.push(record);
        }
        let Self { url, pick, exporter, spool } = self;
        Delivery { url, report: exporter.shutdown(time), filtered: pick.left_out(), spool }
    }
}

/// A URL without user, password, query and fragment, in which secrets may be.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit('@').next().unwrap_or_default().to_owned();
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_secrets() {
        for (url, expected) in [
            ("http://localhost:4317", "http://localhost:4317"),
            ("https://me:sesame@host/v1/traces?key=sesame#sesame", "https://host/v1/traces"),
            ("https://me:se@same@host", "https://host"),
            ("unix:/run/otlp.sock", "unix:/run/otlp.sock"),
            ("me:sesame@host:4317", "host:4317"),
        ] {
            assert_eq!(without_secrets(url), expected, "{url}");
        }
    }
}
