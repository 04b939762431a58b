//! What was seen, and what was not counted, when the program ends.

use std::collections::BTreeMap;
use std::path::Path;

use flowtrace_export::{FileReport, Report as SpoolReport};
use flowtrace_flow::Record;
use flowtrace_span::iana;

use crate::conntrack::Report;
use crate::exit::Exit;
use crate::log;
use crate::output::Closed;
use crate::receivers::Delivery;

/// Counts over the whole run.
#[derive(Debug, Default)]
pub struct Summary {
    /// Packets in records.
    pub packets: u64,
    /// IP bytes in records.
    pub bytes: u64,
    /// Flows begun.
    pub flows: u64,
    /// What is in no record.
    pub losses: Vec<Loss>,
    /// Frames without IP, by EtherType; of 802.3 frames, by LLC access point.
    pub not_ip: BTreeMap<u16, u64>,
    /// What became of address translation, if that was to be known.
    pub translations: Option<Report>,
    /// What became of the records.
    pub outputs: Closed,
}

/// Packets that were seen and are in no record, or are told for information.
#[derive(Debug)]
pub struct Loss {
    /// The reason.
    pub name: &'static str,
    /// Whether they are missing from the records.
    pub is_loss: bool,
    /// How many.
    pub packets: u64,
    /// Their bytes: of frames that were not read, of IP packets otherwise.
    pub bytes: u64,
}

impl Summary {
    /// Counts records.
    pub fn count(&mut self, records: &[Record]) {
        for record in records {
            self.packets += record.forward.packets + record.reverse.packets;
            self.bytes += record.forward.bytes + record.reverse.bytes;
        }
    }

    /// Says all of it on standard error: one line, and one a loss.
    pub fn say(&self) {
        let Self { packets, bytes, flows, outputs: Closed { records, .. }, .. } = self;
        log::say(&format!("counted: packets={packets} bytes={bytes} flows={flows} records={records}"));
        for Loss { name, is_loss, packets, bytes } in &self.losses {
            if *packets > 0 {
                let kind = if *is_loss { "not counted" } else { "noted" };
                log::say(&format!("{kind}: reason={name} packets={packets} bytes={bytes}"));
            }
        }
        if !self.not_ip.is_empty() {
            log::say(&format!("not_ip: {}", not_ip(&self.not_ip)));
        }
        self.translations.iter().for_each(Report::say);
        self.say_outputs();
    }

    /// Says only that records were lost on the way to a file or OTLP receivers, if they were: an error, however quiet.
    pub fn say_undelivered(&self) {
        if self.exit() == Exit::Undelivered {
            self.say_outputs();
        }
    }

    fn say_outputs(&self) {
        if self.outputs.filtered > 0 {
            log::say(&format!("filtered: records={}", self.outputs.filtered));
        }
        if let Some((report, path)) = &self.outputs.file {
            log::say(&file(report, path));
        }
        self.say_otlp();
    }

    fn say_otlp(&self) {
        for delivery in &self.outputs.deliveries {
            log::say(&otlp(delivery));
            if let Some(directory) = &delivery.spool {
                log::say(&spool(&delivery.report, directory));
            }
        }
    }

    /// The exit status so far.
    pub fn exit(&self) -> Exit {
        let is_unwritten = self.outputs.file.as_ref().is_some_and(|(report, _)| report.lost() > 0);
        let is_lost = |Delivery { report, .. }: &Delivery| report.rejected + report.failed.total() > 0;
        if is_unwritten || self.outputs.deliveries.iter().any(is_lost) { Exit::Undelivered } else { Exit::Done }
    }
}

/// What became of the records for one receiver.
fn otlp(Delivery { url, report, filtered, .. }: &Delivery) -> String {
    let failed = &report.failed;
    format!(
        "otlp: sent={} rejected={} queue_full={} refused={} too_large={} unreachable={} shutdown={} filtered={filtered} to {url}",
        report.sent,
        report.rejected,
        failed.queue_full,
        failed.refused,
        failed.too_large,
        failed.unreachable,
        failed.shutdown
    )
}

/// What became of records for a file, and where it is.
fn file(report: &FileReport, path: &Path) -> String {
    let FileReport { written, disk_full, disk_failed, rotated, deleted } = report;
    let counts = format!("written={written} disk_full={disk_full} disk_failed={disk_failed}");
    format!("file: {counts} rotated={rotated} deleted={deleted} in {}", path.display())
}

/// What became of records by way of the spool, and where those are that could not be sent.
fn spool(report: &SpoolReport, directory: &Path) -> String {
    let SpoolReport { spooled, failed, found, .. } = report;
    let damaged = failed.damaged + found.damaged;
    format!(
        "spool: kept={spooled} recovered={} spool_full={} disk_full={} disk_failed={} damaged={damaged} killed={} in {}",
        found.recovered,
        failed.spool_full,
        failed.disk_full,
        failed.disk_failed,
        found.killed,
        directory.display()
    )
}

/// Numbers of frames by what they hold: `ARP=12 0x88cc=3`.
fn not_ip(frames: &BTreeMap<u16, u64>) -> String {
    let mut list: Vec<_> = frames.iter().collect();
    list.sort_by_key(|(number, frames)| (std::cmp::Reverse(**frames), **number));
    let parts: Vec<_> = list.into_iter().map(|(number, frames)| format!("{}={frames}", frame_name(*number))).collect();
    parts.join(" ")
}

/// What a frame without IP holds, by its EtherType or LLC access point.
fn frame_name(number: u16) -> String {
    const FIRST_ETHERTYPE: u16 = 0x600;
    let name = match u8::try_from(number) {
        // What has no number: encrypted 802.11 and its management, headers that are not known.
        Ok(0) => Some("other"),
        _ if number >= FIRST_ETHERTYPE => iana::ethertype_name(number),
        Ok(access_point) => iana::llc_name(access_point),
        Err(_) => None,
    };
    name.map_or_else(|| format!("0x{number:04x}"), |name| name.replace(' ', "-"))
}
