//! Facts → metrics: what is on the page, in the registry's order.

use std::sync::atomic::Ordering;
use std::time::{Instant, UNIX_EPOCH};

use flowtrace_export::{Failed, Report, Statistics};
use flowtrace_kubernetes::Kind;
use flowtrace_kubernetes::watch::{Counts, KindProgress, Phase};

use super::family::{Format, Page};
use super::process::Process;
use super::published::{Published, Snapshot};
use super::table::Metric;
use crate::output::OutputState;

/// The page as of now.
pub fn page(published: &Published, format: Format) -> String {
    let mut page = Page::new(format);
    if let Some(snapshot) = published.latest() {
        conversations(&mut page, &snapshot);
        kernel(&mut page, &snapshot);
        losses(&mut page, &snapshot);
        export(&mut page, &snapshot.outputs);
        spools(&mut page, &snapshot.outputs);
        attribution(&mut page, &snapshot);
    }
    let progress = published.kubernetes.iter().flat_map(|progress| Kind::ALL.map(|kind| (kind, progress.of(kind))));
    kubernetes(&mut page, &progress.collect::<Vec<_>>(), Instant::now());
    program(&mut page, published);
    page.finish()
}

fn conversations(page: &mut Page, snapshot: &Snapshot) {
    let counted = &snapshot.counted;
    for (metric, which) in [(Metric::Packets, 0), (Metric::Bytes, 1)] {
        let mut family = page.family(metric);
        for transport in ["tcp", "udp", "icmp", "other"] {
            family.sample(&[transport], counted.traffic.get(transport).map_or(0, |counts| counts[which]));
        }
    }
    let mut records = page.family(Metric::Records);
    for (reason, count) in &counted.records {
        records.sample(&[reason], count);
    }
    page.single(Metric::FlowsBegun, snapshot.flows_begun);
    page.single(Metric::FlowsOpen, snapshot.flows_open);
    page.single(Metric::WindowsWaiting, snapshot.windows_waiting);
}

fn kernel(page: &mut Page, snapshot: &Snapshot) {
    page.single(Metric::KernelFlows, snapshot.kernel_flows);
    page.single(Metric::KernelFlowsMax, snapshot.kernel_flows_max);
    let programs = snapshot.programs.as_deref().unwrap_or_default();
    let mut times = page.family(Metric::KernelProgramTime);
    programs.iter().for_each(|program| times.sample(&[&program.name], program.time.as_secs_f64()));
    let mut runs = page.family(Metric::KernelProgramRuns);
    programs.iter().for_each(|program| runs.sample(&[&program.name], program.count));
    page.single(Metric::InterfacesWatched, snapshot.interfaces);
    page.family(Metric::ScanDuration).durations(&[], &snapshot.scans);
    let time = snapshot.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    page.single(Metric::LastScanTimestamp, time.as_secs_f64());
}

fn losses(page: &mut Page, snapshot: &Snapshot) {
    for (metric, is_bytes) in [(Metric::LostPackets, false), (Metric::LostBytes, true)] {
        let mut family = page.family(metric);
        for (loss, packets, bytes) in snapshot.losses.iter().filter(|(loss, ..)| loss.is_loss()) {
            family.sample(&["kernel", loss.name()], if is_bytes { bytes } else { packets });
        }
    }
    for (metric, is_bytes) in [(Metric::NotedPackets, false), (Metric::NotedBytes, true)] {
        let mut family = page.family(metric);
        for (loss, packets, bytes) in snapshot.losses.iter().filter(|(loss, ..)| !loss.is_loss()) {
            family.sample(&[loss.name()], if is_bytes { bytes } else { packets });
        }
    }
    let mut records = page.family(Metric::LostRecords);
    for output in &snapshot.outputs {
        for (stage, reason, count) in lost_records(output) {
            records.sample(&[&output.name, stage, reason], count);
        }
    }
    let mut filtered = page.family(Metric::RecordsFiltered);
    snapshot.outputs.iter().for_each(|output| filtered.sample(&[&output.name], output.filtered));
}

/// Records that an output did not get, by stage and reason.
fn lost_records(output: &OutputState) -> Vec<(&'static str, &'static str, u64)> {
    let mut all = Vec::new();
    if let Some(file) = &output.file {
        all.extend([("file", "disk_full", file.disk_full), ("file", "disk_failed", file.disk_failed)]);
    }
    let Some(Statistics { report, backlog, .. }) = &output.exporter else { return all };
    let Report { rejected, found, failed, .. } = report;
    let Failed { queue_full, spool_full, disk_full, disk_failed, damaged, refused, too_large, unreachable, shutdown } =
        *failed;
    all.extend([
        ("queue", "queue_full", queue_full),
        ("receiver", "rejected", *rejected),
        ("receiver", "refused", refused),
        ("receiver", "too_large", too_large),
        ("receiver", "unreachable", unreachable),
        ("shutdown", "shutdown", shutdown),
    ]);
    if backlog.spool.is_some() {
        all.extend([
            ("spool", "spool_full", spool_full),
            ("spool", "disk_full", disk_full),
            ("spool", "disk_failed", disk_failed),
            ("spool", "damaged", damaged),
            ("earlier_run", "damaged", found.damaged),
            ("earlier_run", "killed", found.killed),
        ]);
    }
    all
}

fn export(page: &mut Page, outputs: &[OutputState]) {
    let exporters = || outputs.iter().filter_map(|output| Some((output.name.as_str(), output.exporter.as_ref()?)));
    let mut sent = page.family(Metric::ExportRecords);
    exporters().for_each(|(name, exporter)| sent.sample(&[name], exporter.report.sent));
    let mut requests = page.family(Metric::ExportRequests);
    for (name, exporter) in exporters() {
        exporter.requests.by_status.iter().for_each(|(status, count)| requests.sample(&[name, status], count));
    }
    let mut durations = page.family(Metric::ExportRequestDuration);
    exporters().for_each(|(name, exporter)| durations.durations(&[name], &exporter.requests.durations));
    let mut up = page.family(Metric::ExportReceiverUp);
    exporters().for_each(|(name, exporter)| up.sample(&[name], u8::from(exporter.down.is_none())));
    let mut batches = page.family(Metric::ExportQueueBatches);
    exporters().for_each(|(name, exporter)| batches.sample(&[name], exporter.backlog.batches));
    let mut most = page.family(Metric::ExportQueueBatchesMax);
    exporters().for_each(|(name, exporter)| most.sample(&[name], exporter.backlog.batches_max));
}

fn spools(page: &mut Page, outputs: &[OutputState]) {
    let spools = || {
        outputs.iter().filter_map(|output| {
            let exporter = output.exporter.as_ref()?;
            Some((output.name.as_str(), exporter.backlog.spool?, exporter.report.found.recovered))
        })
    };
    let mut size = page.family(Metric::SpoolSize);
    spools().for_each(|(name, spool, _)| size.sample(&[name], spool.size));
    let mut most = page.family(Metric::SpoolSizeMax);
    spools().for_each(|(name, spool, _)| most.sample(&[name], spool.size_max));
    let mut records = page.family(Metric::SpoolRecords);
    spools().for_each(|(name, spool, _)| records.sample(&[name], spool.records));
    let mut recovered = page.family(Metric::SpoolRecovered);
    spools().for_each(|(name, _, count)| recovered.sample(&[name], count));
}

fn attribution(page: &mut Page, snapshot: &Snapshot) {
    for (metric, which) in [(Metric::AttributionEnds, 0), (Metric::AttributionHits, 1)] {
        let mut family = page.family(metric);
        snapshot.counted.attribution.iter().for_each(|(fact, counts)| family.sample(&[fact], counts[which]));
    }
}

pub(super) fn kubernetes(page: &mut Page, kinds: &[(Kind, KindProgress)], now: Instant) {
    /// A metric, and which of the counts it is.
    type Counter = (Metric, fn(&Counts) -> u64);
    const COUNTERS: [Counter; 6] = [
        (Metric::KubernetesReceived, |counts| counts.bytes),
        (Metric::KubernetesObjectsListed, |counts| counts.listed),
        (Metric::KubernetesEvents, |counts| counts.events),
        (Metric::KubernetesObjectsUnreadable, |counts| counts.unreadable),
        (Metric::KubernetesExpired, |counts| counts.expired),
        (Metric::KubernetesFailures, |counts| counts.failures),
    ];
    let watched = || {
        let watched = kinds.iter().filter(|(_, progress)| progress.phase != Phase::Unwatched);
        watched.map(|(kind, progress)| (kind.name(), progress))
    };
    let mut ages = page.family(Metric::KubernetesWatchAge);
    for (name, kind) in watched() {
        if let Some(heard) = kind.heard.filter(|_| kind.synced) {
            ages.sample(&[name], now.saturating_duration_since(heard).as_secs_f64());
        }
    }
    let mut phases = page.family(Metric::KubernetesWatchPhase);
    for (name, kind) in watched() {
        for phase in [Phase::Listing, Phase::Watching, Phase::Retrying, Phase::Refused] {
            phases.sample(&[name, phase.name()], u8::from(kind.phase == phase));
        }
    }
    let mut requests = page.family(Metric::KubernetesRequests);
    for (name, kind) in watched() {
        requests.sample(&[name, "list"], kind.counts.list_requests);
        requests.sample(&[name, "watch"], kind.counts.watch_requests);
    }
    for (metric, read) in COUNTERS {
        let mut family = page.family(metric);
        watched().for_each(|(name, kind)| family.sample(&[name], read(&kind.counts)));
    }
}

fn program(page: &mut Page, published: &Published) {
    page.family(Metric::BuildInfo).sample(&[env!("CARGO_PKG_VERSION"), std::env::consts::ARCH], 1);
    page.single(Metric::HttpConnectionsClosed, published.connections_closed.load(Ordering::Relaxed));
    let Some(process) = Process::read() else { return };
    page.single(Metric::ProcessCpu, process.cpu);
    page.single(Metric::ProcessResidentMemory, process.resident);
    page.single(Metric::ProcessVirtualMemory, process.virtual_memory);
    page.single(Metric::ProcessThreads, process.threads);
    for (metric, value) in [(Metric::ProcessOpenFds, process.open_fds), (Metric::ProcessMaxFds, process.max_fds)] {
        if let Some(value) = value {
            page.single(metric, value);
        }
    }
    if let Some(started) = process.started {
        page.single(Metric::ProcessStartTime, started);
    }
}
