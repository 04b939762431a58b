//! A snapshot in which there is something of everything, for tests.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use flowtrace_abi::Loss;
use flowtrace_capture::live::ProgramRuns;
use flowtrace_export::{Backlog, Durations, FileReport, Report, RequestCounts, SpoolFill, Statistics};

use super::published::{Counted, Snapshot};
use crate::output::OutputState;

/// A snapshot of now.
pub fn snapshot() -> Snapshot {
    let mut durations = Durations::default();
    durations.add(Duration::from_millis(3));
    let spool = Some(SpoolFill { size: 5, size_max: 10, records: 2 });
    let exporter = Statistics {
        report: Report { sent: 7, ..Report::default() },
        down: None,
        backlog: Backlog { batches: 1, batches_max: 64, spool },
        requests: RequestCounts { by_status: BTreeMap::from([("ok".to_owned(), 3)]), durations },
    };
    let output = |name: &str| OutputState { name: name.to_owned(), filtered: 4, file: None, exporter: None };
    Snapshot {
        at: Instant::now(),
        time: SystemTime::now(),
        counted: Counted {
            traffic: BTreeMap::from([("tcp", [10, 1000])]),
            records: BTreeMap::from([("idle_timeout", 1)]),
            attribution: BTreeMap::from([("process", [2, 1])]),
        },
        flows_begun: 2,
        flows_open: 1,
        windows_waiting: 0,
        kernel_flows: 1,
        kernel_flows_max: 10,
        programs: Some(vec![ProgramRuns { name: "ingress".to_owned(), count: 9, time: Duration::from_micros(1) }]),
        interfaces: 1,
        scans: durations,
        losses: (0..Loss::COUNT).filter_map(Loss::at).map(|loss| (loss, 1, 100)).collect(),
        outputs: vec![
            OutputState { file: Some(FileReport::default()), ..output("file") },
            OutputState { exporter: Some(exporter), ..output("http://localhost:4317") },
        ],
    }
}
