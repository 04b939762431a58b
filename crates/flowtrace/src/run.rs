//! `flowtrace run`: the kernel's counts → flow table → outputs, until a signal.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flowtrace_abi::KernelSettings;
use flowtrace_capture::live::{
    self, AttachKind, Attached, HostSockets, InterfacePatterns, KernelOptions, Live, LiveOptions, Moment,
    NamespaceScope, Readings,
};
use flowtrace_export::Full;
use flowtrace_flow::{Clock, Ephemeral, Host, Record, Settings, Socket, Table, Verdict};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::cli::{Attach, Namespaces, RunOptions};
use crate::conntrack::Translations;
use crate::endpoint;
use crate::exit::Exit;
use crate::metrics::{Facts, Observer, Published};
use crate::output::{self, Outputs, Wanted};
use crate::signals::Signals;
use crate::summary::{Loss, Summary};
use crate::who::{self, Knowledge};
use crate::{host, kubernetes, log, settings};

/// Why nothing is watched (any more).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The outputs.
    #[error(transparent)]
    Output(#[from] output::Error),
    /// The capture.
    #[error(transparent)]
    Live(#[from] live::Error),
    /// An interface pattern.
    #[error("--interface: {0}")]
    Pattern(#[from] live::PatternError),
    /// The endpoint of metrics and health.
    #[error(transparent)]
    Endpoint(#[from] endpoint::Error),
    /// The signal handlers.
    #[error("cannot wait for signals: {0}")]
    Signals(#[from] io::Error),
}

/// Watches until SIGINT or SIGTERM.
pub fn run(options: &RunOptions, quiet: bool) -> Result<Exit, Error> {
    let ephemeral = host::ephemeral_ports();
    let settings = Settings {
        observer: kubernetes::node_name(&options.common.kubernetes).unwrap_or_else(host::observer),
        ephemeral: Ephemeral::Host(ephemeral.clone()),
        ..settings::flow_settings(&options.common).map_err(output::Error::from)?
    };
    let interfaces = InterfacePatterns::parse(&options.interfaces)?;
    let resource = host::resource(Some(host::instance()), &options.common.kubernetes).map_err(output::Error::from)?;
    let outputs = Outputs::open(&options.common, &resource, Full::Drop)?;
    let attached = Attached::default();
    let removed = attached.clone();
    let signals = Signals::catch(|| {}, move || removed.remove_for_good())?;
    let mut knowledge = Knowledge::new(&options.common, true).map_err(output::Error::from)?;
    let kubernetes = knowledge.kubernetes();
    let facts = facts(options, kubernetes.is_some());
    let published = Arc::new(Published::new(options.scan_interval, kubernetes));
    let endpoint = endpoint::start(options.http.http, &published)?;
    let processes = who::processes(&options.processes, &options.common).map_err(output::Error::from)?;
    let translations = Translations::start(&options.conntrack, scope(options.namespaces));
    let live = Live::start(LiveOptions {
        interfaces,
        attach: options.attach.map(attach_kind),
        namespaces: scope(options.namespaces),
        ephemeral,
        on_process: processes.as_ref().map(who::on_process),
        kernel: kernel(options, &settings, knowledge.wants_payload())?,
        attached,
    })?;
    translations.say();
    if !quiet {
        if let (Some(address), Some(_)) = (endpoint, options.http.http) {
            log::say(&format!("metrics and health at http://{address}"));
        }
        log::say(&watching(&live));
    }
    let observer = Observer::new(endpoint.map(|_| published), facts, options.max_flows.into());
    let mut table = Table::new(settings);
    table.set_host(Box::new(Sockets(live.sockets())));
    table.set_nat(translations.nat());
    if let Some(processes) = processes {
        knowledge.set_processes(live.sockets(), processes);
    }
    let mut watch = Watch {
        knowledge,
        live,
        translations,
        table,
        outputs,
        records: Vec::new(),
        completed: 0,
        summary: Summary::default(),
        observer,
        max_flows: u64::from(options.max_flows),
        is_waiting: false,
    };
    let wanted = watch.until(&signals, options.scan_interval)?;
    let summary = watch.close()?;
    if quiet {
        summary.say_undelivered();
    } else if wanted == Wanted::Yes {
        summary.say();
    }
    Ok(summary.exit())
}

/// What the kernel program is told.
fn kernel(options: &RunOptions, settings: &Settings, payloads: bool) -> Result<KernelOptions, Error> {
    let dissection = settings::dissection(&options.common).map_err(output::Error::from)?;
    let settings = KernelSettings {
        timeouts: settings.timeouts,
        depth: dissection.depth,
        layers: settings.layers,
        key_parts: settings.key_parts,
        reserved: 0,
    };
    let (max_flows, object) = (options.max_flows, options.bpf_object.clone());
    Ok(KernelOptions { max_flows, settings, ports: dissection.ports, payloads, object })
}

/// What is looked for at the ends of flows.
fn facts(options: &RunOptions, workload: bool) -> Facts {
    let common = &options.common;
    Facts { process: options.processes.processes.is_on(), name: !common.who.names.is_empty(), workload }
}

fn attach_kind(attach: Attach) -> AttachKind {
    match attach {
        Attach::Tcx => AttachKind::Tcx,
        Attach::Clsact => AttachKind::Clsact,
    }
}

fn scope(namespaces: Namespaces) -> NamespaceScope {
    match namespaces {
        Namespaces::Auto => NamespaceScope::Auto,
        Namespaces::Own => NamespaceScope::Own,
        Namespaces::All => NamespaceScope::All,
    }
}

/// The host's sockets, as the table asks for them.
struct Sockets(HostSockets);

impl Host for Sockets {
    fn listens(&self, protocol: u8, end: Socket, first: u64, last: u64) -> bool {
        self.0.listens(protocol, end, first, last)
    }

    fn has_open(&self, ends: [Socket; 2]) -> bool {
        self.0.has_open(ends)
    }
}

fn watching(live: &Live) -> String {
    let names = live.watched();
    if names.is_empty() {
        return "no interface matches yet; waiting for one (interrupt to stop)".to_owned();
    }
    let how = match live.attach_kind() {
        Some(AttachKind::Clsact) => " by clsact",
        _ => "",
    };
    format!("watching {}{how} (interrupt to stop)", names.join(", "))
}

struct Watch {
    // First: whatever happens, the programs come off before anything else goes.
    live: Live,
    translations: Translations,
    table: Table,
    outputs: Outputs,
    records: Vec<Record>,
    /// How many of them were completed: they wait for what Kubernetes tells.
    completed: usize,
    summary: Summary,
    /// For the metrics.
    observer: Observer,
    /// Who was talking.
    knowledge: Knowledge,
    /// How many flows the kernel has room for.
    max_flows: u64,
    /// Whether records of open flows wait for room.
    is_waiting: bool,
}

impl Watch {
    /// Scans at every interval and follows the interfaces in between.
    fn until(&mut self, signals: &Signals, interval: Duration) -> Result<Wanted, Error> {
        let mut next = Instant::now() + interval;
        while !signals.came() {
            self.wait(signals, next.saturating_duration_since(Instant::now()))?;
            if self.live.take_changes() {
                self.live.follow()?;
            }
            self.take_addresses();
            if Instant::now() >= next {
                next = Instant::now() + interval;
                if self.scan()? == Wanted::No {
                    return Ok(Wanted::No);
                }
            }
        }
        Ok(Wanted::Yes)
    }

    /// Sleeps until something changes, a signal comes, or the time is over.
    fn wait(&self, signals: &Signals, time: Duration) -> io::Result<()> {
        let changes = self.live.changes();
        let mut files = [PollFd::new(&changes, PollFlags::IN), PollFd::from_borrowed_fd(signals.wake(), PollFlags::IN)];
        let timeout = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
        match poll(&mut files, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whose addresses are local is known before any flow is written.
    fn take_addresses(&mut self) {
        if let Some(addresses) = self.live.take_addresses() {
            self.observer.set_local_addresses(&addresses);
            self.table.set_local_addresses(addresses);
        }
    }

    fn scan(&mut self) -> Result<Wanted, Error> {
        let began = Instant::now();
        self.live.refresh();
        self.translations.refresh();
        self.take_addresses();
        let Self { live, table, records, max_flows, outputs, .. } = self;
        let room = outputs.room();
        table.allow_cuts(room);
        let mut entries = 0;
        live.scan(|readings, gone| {
            entries += readings.keys.len() as u64;
            take(table, readings, gone, records);
        })?;
        // The kernel is told when the next scan begins.
        live.set_silence(table.end_of_scan(clock(Moment::now()), *max_flows, records));
        self.live.take_payloads(|payload| self.knowledge.learn(&payload));
        self.say_waiting(room);
        let wanted = self.write()?;
        let open = self.outputs.tick()?;
        self.observer.publish(began, entries, &self.live, &self.table, &self.outputs)?;
        Ok(if wanted == Wanted::No { wanted } else { open })
    }

    /// Says when records of open flows begin to wait for receivers that take nothing, and when they do no more. Without
    /// a word they wait where there are just too many at once.
    fn say_waiting(&mut self, room: u64) {
        let flows = self.table.waiting_cuts();
        if room == 0 && flows > 0 && !self.is_waiting {
            self.is_waiting = true;
            tracing::warn!(flows, "no OTLP receiver keeps up: windows of flows that go on last longer");
        } else if room > 0 && self.is_waiting {
            self.is_waiting = false;
            tracing::info!("an OTLP receiver keeps up again: windows get as long as they should be");
        }
    }

    fn write(&mut self) -> Result<Wanted, Error> {
        self.complete();
        if self.knowledge.keeps_waiting(self.records.len()) {
            return Ok(Wanted::Yes);
        }
        self.finish();
        Ok(self.outputs.write(&mut self.records)?)
    }

    /// Counts the records that are new, and adds who was talking and the names of their interfaces.
    fn complete(&mut self) {
        let new = &mut self.records[self.completed..];
        self.summary.count(new);
        self.observer.count(new);
        let offset = who::offset(Moment::now());
        for record in new {
            self.knowledge.add(record, offset);
            if let Some(interface) = &mut record.interface {
                interface.name = interface.index.and_then(|index| self.live.interface_name(index));
            }
        }
        self.completed = self.records.len();
    }

    /// Makes the records ready to be written, all of them.
    fn finish(&mut self) {
        for record in &mut self.records {
            self.knowledge.finish(record);
        }
        self.completed = 0;
        self.observer.count_found(&self.records);
    }

    /// Takes the programs off, reads what they counted to the last packet, closes all flows.
    fn close(mut self) -> Result<Summary, Error> {
        self.observer.end();
        self.live.detach();
        let _ = self.scan()?;
        self.table.close_all(&mut self.records);
        self.complete();
        self.finish();
        let losses = self.live.losses()?;
        let mut summary = self.summary;
        summary.not_ip = self.live.not_ip()?.into_iter().collect();
        summary.flows = self.table.begun();
        summary.translations = self.translations.report(self.table.joins());
        summary.outputs = self.outputs.close(&self.records)?;
        summary.losses = losses
            .into_iter()
            .map(|(loss, packets, bytes)| Loss { name: loss.name(), is_loss: loss.is_loss(), packets, bytes })
            .collect();
        Ok(summary)
    }
}

/// Takes one batch of readings into the table.
fn take(table: &mut Table, readings: &Readings<'_>, gone: &mut Vec<usize>, records: &mut Vec<Record>) {
    let clock = clock(readings.now);
    for (place, (key, entry)) in readings.keys.iter().zip(readings.entries).enumerate() {
        if table.reading(clock, *key, entry, || readings.envelope(key), records) == Verdict::Delete {
            gone.push(place);
        }
    }
}

fn clock(now: Moment) -> Clock {
    Clock { boot: now.boot, wall: now.wall }
}
