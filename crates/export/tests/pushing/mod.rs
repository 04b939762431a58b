//! Records into an exporter, and the sum at the end.

#[path = "../../../span/tests/records/mod.rs"]
mod records;

use std::time::Duration;

use flowtrace_export::{Destination, Exporter, Full, Report, Retry, Settings};
use flowtrace_flow::Record;
use flowtrace_span::{Environment, Facts, Options, Resource};

/// Longer than any test should take.
pub const LONG: Duration = Duration::from_secs(30);

pub fn settings() -> Settings {
    let retry = Retry { initial: Duration::from_millis(10), maximum: Duration::from_millis(40), total: LONG };
    Settings { retry, ..Settings::new(Full::Wait) }
}

/// Gives up soon.
pub fn impatient() -> Settings {
    let retry = Retry { total: Duration::from_millis(150), ..settings().retry };
    Settings { retry, ..settings() }
}

pub fn to(url: &str) -> Destination {
    // One request after the other, so that tests know which answer is whose.
    Destination { concurrency: Some(1), ..Destination::from(url) }
}

pub fn exporter(to: Destination, settings: Settings) -> Exporter {
    let resource = Resource::new(&Facts::default(), Environment::default()).unwrap();
    Exporter::new(to, &resource, Options::default(), settings).unwrap()
}

/// So many records, each with a span id of its own.
pub fn some(count: u64) -> Vec<Record> {
    let table = records::table();
    let number = |(index, record): (u64, &Record)| Record { span_id: index.to_be_bytes(), ..record.clone() };
    (0..count).zip(table.iter().cycle()).map(number).collect()
}

/// Pushes so many, shuts down, and checks that every record is in the report.
pub fn export(to: Destination, settings: Settings, count: u64) -> Report {
    let mut exporter = exporter(to, settings);
    for record in &some(count) {
        exporter.push(record);
    }
    let report = exporter.shutdown(LONG);
    assert_eq!(report.sent + report.rejected + report.failed.total(), count, "{report:?}");
    report
}

pub fn sent(records: u64) -> Report {
    Report { sent: records, ..Report::default() }
}
