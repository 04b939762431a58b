//! `flowtrace read`: frames of capture files → dissector → flow table → outputs.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use flowtrace_capture::file::{self, Frame, Reader};
use flowtrace_export::Full;
use flowtrace_flow::{Interface, Record, Settings, Table};
use flowtrace_payload::payload;
use flowtrace_wire::{Options, Reason, Walk, dissect};

use crate::cli::ReadOptions;
use crate::exit::Exit;
use crate::output::{Error, Outputs, Wanted};
use crate::progress::Progress;
use crate::settings::{self, Dissection};
use crate::signals::{InterruptibleStdin, Signals};
use crate::summary::{Loss, Summary};
use crate::who::Knowledge;
use crate::{host, log};

/// Reads the files and writes their flows.
pub fn read(options: &ReadOptions, quiet: bool) -> Result<Exit, Error> {
    let max_flows = usize::try_from(options.max_flows).unwrap_or(usize::MAX);
    let settings = Settings { max_flows, ..settings::flow_settings(&options.common)? };
    let outputs = Outputs::open(&options.common, &host::resource(None, &options.common.kubernetes)?, Full::Wait)?;
    let signals = Signals::catch(outputs.hurry(), || {}).map_err(Error::Signals)?;
    let mut reading = Reading {
        table: Table::new(settings),
        dissection: settings::dissection(&options.common)?,
        walk: Walk::default(),
        outputs,
        knowledge: Knowledge::new(&options.common, false)?,
        records: Vec::new(),
        interfaces: Interfaces::default(),
        unparsed: [(0, 0); Reason::ALL.len()],
        not_ip: BTreeMap::new(),
        latest: 0,
        summary: Summary::default(),
        progress: Progress::new(quiet),
        signals,
        is_live: false,
    };
    reading.knowledge.wait();
    let mut exit = Exit::Done;
    for path in &options.files {
        match reading.file(path)? {
            Ended::Well => {}
            Ended::Unwanted => return Ok(exit),
            Ended::Interrupted => break,
            Ended::Badly(how) => exit = exit.max(how),
        }
    }
    let summary = reading.close()?;
    if quiet {
        summary.say_undelivered();
    } else {
        summary.say();
    }
    Ok(exit.max(summary.exit()))
}

/// How a file ended.
enum Ended {
    /// All of it was read.
    Well,
    /// Nobody wants more records.
    Unwanted,
    /// The user wants the program to end.
    Interrupted,
    /// It could not be read, or not to its end; the user was told.
    Badly(Exit),
}

struct Reading {
    table: Table,
    dissection: Dissection,
    /// What was found in the frame: kept, since it is large.
    walk: Walk,
    outputs: Outputs,
    knowledge: Knowledge,
    records: Vec<Record>,
    interfaces: Interfaces,
    unparsed: [(u64, u64); Reason::ALL.len()],
    /// Frames without IP, by EtherType.
    not_ip: BTreeMap<u16, u64>,
    /// The latest stamp of the file, for packets without one.
    latest: u64,
    summary: Summary,
    progress: Progress,
    signals: Signals,
    /// Whether standard input is read.
    is_live: bool,
}

impl Reading {
    fn file(&mut self, path: &Path) -> Result<Ended, Error> {
        let mut reader = match self.open(path) {
            Ok(reader) => reader,
            Err(_) if self.signals.came() => return Ok(Ended::Interrupted),
            Err(error) => {
                log::fatal(&error);
                return Ok(Ended::Badly(if error.is_damage() { Exit::Damaged } else { Exit::Failed }));
            }
        };
        self.is_live = path == Path::new("-");
        self.latest = 0;
        self.interfaces.next_file();
        let ended = self.frames(&mut reader);
        self.progress.clear();
        ended
    }

    fn open(&self, path: &Path) -> Result<Reader, file::Error> {
        if path == Path::new("-") {
            let input = InterruptibleStdin::new(self.signals.clone());
            return Reader::new(Box::new(input), "standard input".to_owned());
        }
        Reader::open(path)
    }

    fn frames(&mut self, reader: &mut Reader) -> Result<Ended, Error> {
        loop {
            if self.signals.came() {
                return Ok(Ended::Interrupted);
            }
            let interface = match reader.next() {
                Ok(Some(frame)) => self.frame(&frame),
                Ok(None) => return Ok(Ended::Well),
                // Cut short by the signal, not by whoever wrote it.
                Err(_) if self.signals.came() => return Ok(Ended::Interrupted),
                Err(error) => {
                    log::fatal(&error);
                    return Ok(Ended::Badly(if error.is_damage() { Exit::Damaged } else { Exit::Failed }));
                }
            };
            self.interfaces.note(interface, reader);
            let (read, size) = (reader.bytes_read(), reader.size());
            let table = &self.table;
            self.progress.step(|| progress(read, size, table));
            if !self.records.is_empty() && self.write()? == Wanted::No {
                return Ok(Ended::Unwanted);
            }
        }
    }

    /// Counts one frame; returns its interface.
    fn frame(&mut self, frame: &Frame<'_>) -> u32 {
        let time = frame.time.unwrap_or(self.latest);
        self.latest = self.latest.max(time);
        let options = Options { ports: &*self.dissection.ports, depth: self.dissection.depth };
        match dissect(frame.bytes, frame.link, frame.wire_length, &options, &mut self.walk) {
            Ok(()) => {
                let interface = self.interfaces.number(frame.interface);
                if self.knowledge.wants_payload()
                    && let Some(payload) = payload(frame.bytes, &self.walk, time)
                {
                    self.knowledge.learn(&payload);
                }
                self.table.frame(time, &mut self.walk, interface, &mut self.records);
            }
            Err(reason) => self.unparsed(reason, frame.wire_length),
        }
        frame.interface
    }

    fn unparsed(&mut self, reason: Reason, wire_length: u32) {
        let tally = &mut self.unparsed[reason as usize];
        tally.0 += 1;
        tally.1 += u64::from(wire_length);
        if reason == Reason::NotIp {
            *self.not_ip.entry(self.walk.not_ip()).or_default() += 1;
        }
    }

    fn write(&mut self) -> Result<Wanted, Error> {
        self.complete();
        let wanted = self.outputs.write(&mut self.records)?;
        // Who sends packets as they come wants to see flows as they end.
        if self.is_live { self.outputs.tick() } else { Ok(wanted) }
    }

    /// Counts the records, and adds names and interfaces.
    fn complete(&mut self) {
        self.summary.count(&self.records);
        for record in &mut self.records {
            self.knowledge.add(record, 0);
            self.knowledge.finish(record);
            record.interface = record.interface.take().and_then(|seen| self.interfaces.of(seen));
        }
    }

    fn close(mut self) -> Result<Summary, Error> {
        self.table.close_all(&mut self.records);
        self.complete();
        let mut summary = self.summary;
        summary.flows = self.table.begun();
        summary.outputs = self.outputs.close(&self.records)?;
        summary.losses = Reason::ALL
            .into_iter()
            .zip(self.unparsed)
            .map(|(reason, (packets, bytes))| Loss { name: reason.name(), is_loss: true, packets, bytes })
            .collect();
        summary.not_ip = self.not_ip;
        Ok(summary)
    }
}

fn progress(read: u64, size: Option<u64>, table: &Table) -> String {
    let share = size.filter(|&size| size > 0).map(|size| format!("{:3} %", read.min(size) * 100 / size));
    let share = share.unwrap_or_else(|| format!("{} MiB", read >> 20));
    format!("{share} read, {} flows, {} of them open", table.begun(), table.open())
}

/// Names of the interfaces of all files. Numbers run on from file to file.
#[derive(Default)]
struct Interfaces {
    base: u32,
    next: u32,
    names: HashMap<u32, Arc<str>>,
}

impl Interfaces {
    fn next_file(&mut self) {
        self.base = self.next;
    }

    fn number(&self, interface: u32) -> u32 {
        self.base.saturating_add(interface)
    }

    /// Remembers the name of an interface when its first frame comes.
    fn note(&mut self, interface: u32, reader: &Reader) {
        let number = self.number(interface);
        if number >= self.next {
            self.next = number.saturating_add(1);
            if let Some(name) = reader.interface_name(interface) {
                self.names.insert(number, Arc::from(name));
            }
        }
    }

    /// What a record says of its interface: a file's numbers are not the system's.
    fn of(&self, seen: Interface) -> Option<Interface> {
        let name = seen.index.and_then(|index| self.names.get(&index.checked_sub(1)?)).cloned();
        (name.is_some() || seen.mac.is_some()).then_some(Interface { index: None, name, mac: seen.mac })
    }
}
