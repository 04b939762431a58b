//! Who was talking: what is added to records between the table and the outputs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use flowtrace_capture::live::{HostSockets, Moment, OnSeen};
use flowtrace_enrich::{
    COMM_LENGTH, Containers, Hidden, NameSettings, Names, ProcessSettings, Processes, ReverseSettings, RuntimeSettings,
    Seen, ServerNames,
};
use flowtrace_flow::{End, Endpoint, Party, Process, Record, Who};
use flowtrace_kubernetes::watch::Progress;
use flowtrace_payload::{Learned, Payload, learned};
use flowtrace_wire::{Address, protocol};

use crate::cli::CommonOptions;
use crate::cli::who::{NameSource, ProcessOptions};
use crate::kubernetes::{self, Kubernetes};
use crate::settings::{self, Invalid, Used};

/// What can be added to records.
#[derive(Default)]
pub struct Knowledge {
    processes: Option<(HostSockets, Arc<Processes>)>,
    names: Option<Names>,
    /// Whether DNS answers count.
    by_dns: bool,
    by_tls: Option<ServerNames>,
    kubernetes: Option<Kubernetes>,
    hidden: Option<Hidden>,
}

/// The processes of this host, as far as they are to be told, and who is to be told of each that uses a socket.
pub fn processes(options: &ProcessOptions, common: &CommonOptions) -> Result<Option<Arc<Processes>>, Invalid> {
    if !options.processes.is_on() {
        return Ok(None);
    }
    let containers = if options.container_runtimes.is_on() {
        Containers::start(RuntimeSettings::default()).map_err(Invalid::Thread)?
    } else {
        Containers::by_cgroups()
    };
    let has_command_lines = Used::by(common)?.has_any(|name| name.ends_with("process.command_line"));
    let processes = Processes::new(&ProcessSettings { has_command_lines, ..ProcessSettings::default() }, containers);
    if !processes.can_read() {
        tracing::warn!("not in the host's namespace of process ids: of processes only their ids are told (hostPID)");
    }
    Ok(Some(Arc::new(processes)))
}

/// What the kernel says of processes goes there at once: the process may be gone soon.
pub fn on_process(processes: &Arc<Processes>) -> OnSeen {
    let processes = Arc::clone(processes);
    Box::new(move |seen| {
        let mut comm = [0; COMM_LENGTH];
        let length = seen.comm.len().min(COMM_LENGTH - 1);
        comm[..length].copy_from_slice(&seen.comm.as_bytes()[..length]);
        processes.note(&Seen { tgid: seen.tgid, comm, is_main_thread: seen.is_main_thread, at: seen.at });
    })
}

impl Knowledge {
    /// What the options name. `asks_in_pod`: whether Kubernetes is asked without being told to.
    pub fn new(common: &CommonOptions, asks_in_pod: bool) -> Result<Self, Invalid> {
        let hidden = settings::hiding_key(common)?.map(Hidden::new);
        let sources = &common.who.names;
        let has = |source| sources.contains(&source);
        let names = NameSettings {
            hosts: has(NameSource::Hosts).then(|| "/etc/hosts".into()),
            has_learned: has(NameSource::Dns),
            reverse: has(NameSource::Reverse).then(ReverseSettings::default),
        };
        let has_others = sources.iter().any(|source| *source != NameSource::Kubernetes);
        let names = has_others.then(|| Names::start(&names)).transpose().map_err(Invalid::Thread)?;
        let by_tls = has(NameSource::Tls).then(ServerNames::default);
        let kubernetes = kubernetes::settings(common, asks_in_pod)?.map(Kubernetes::start).transpose()?;
        Ok(Self { processes: None, names, by_dns: has(NameSource::Dns), by_tls, kubernetes, hidden })
    }

    /// Processes are known, too: those of these sockets.
    pub fn set_processes(&mut self, sockets: HostSockets, processes: Arc<Processes>) {
        self.processes = Some((sockets, processes));
    }

    /// How far watching Kubernetes has come, where it is watched.
    pub fn kubernetes(&self) -> Option<Arc<Progress>> {
        self.kubernetes.as_ref().map(Kubernetes::progress)
    }

    /// Whether names are learned from payload.
    pub fn wants_payload(&self) -> bool {
        self.by_dns || self.by_tls.is_some()
    }

    /// Learns what a payload tells; before the records of what follows it.
    pub fn learn(&mut self, payload: &Payload<'_>) {
        match (learned(payload), &self.names, &mut self.by_tls) {
            (Some(Learned::Addresses(answers)), Some(names), _) if self.by_dns => {
                for (address, name, ttl) in answers {
                    names.learn(address, &name, ttl, payload.at);
                }
            }
            (Some(Learned::ServerName(name)), _, Some(by_tls)) => {
                let version = payload.key.ip_version;
                let [client, server] = [payload.sender(), payload.receiver()].map(|end| socket(end, version));
                by_tls.learn(server, client, &name, payload.at);
            }
            _ => {}
        }
    }

    /// Whether that many records are to wait for what is not known yet.
    pub fn keeps_waiting(&mut self, records: usize) -> bool {
        self.kubernetes.as_mut().is_some_and(|kubernetes| kubernetes.keeps_waiting(records))
    }

    /// Waits until all is known that will be soon.
    pub fn wait(&mut self) {
        if let Some(kubernetes) = &mut self.kubernetes {
            kubernetes.wait();
        }
    }

    /// Adds what may be forgotten soon to a record: processes, and names. `offset`: what is to be taken off its times to
    /// get nanoseconds since boot.
    pub fn add(&mut self, record: &mut Record, offset: u64) {
        let [first, last] = [record.start, record.end].map(|wall| wall.saturating_sub(offset));
        let who = Who {
            source: self.party(record, End::Source, first, last),
            destination: self.party(record, End::Destination, first, last),
            ..Who::default()
        };
        if who != Who::default() {
            record.who = Some(Box::new(who));
        }
    }

    /// Adds what Kubernetes knows, and hides what is to be hidden: once, before a record is written.
    pub fn finish(&self, record: &mut Record) {
        if let Some(kubernetes) = &self.kubernetes {
            kubernetes.add(record);
        }
        if let Some(hidden) = &self.hidden {
            hide(record, hidden);
        }
    }

    fn party(&mut self, record: &Record, end: End, first: u64, last: u64) -> Party {
        Party {
            process: self.process(record, end, first, last),
            name: self.name(record, end, first, last),
            workload: None,
        }
    }

    fn name(&mut self, record: &Record, end: End, first: u64, last: u64) -> Option<Arc<str>> {
        let (this, other) = ends(record, end);
        let socket = |end: &Endpoint| end.port.map(|port| SocketAddr::new(end.address, port));
        let by_tls = || self.by_tls.as_mut()?.name(socket(this)?, socket(other)?, last);
        self.names.as_ref()?.name_or(this.address, first, by_tls)
    }

    /// The process at an end, where that is on this host. The answers of ICMP are the kernel's.
    fn process(&self, record: &Record, end: End, first: u64, last: u64) -> Option<Arc<Process>> {
        let (sockets, processes) = self.processes.as_ref()?;
        if matches!(record.protocol, protocol::ICMP | protocol::ICMPV6) && record.initiator != Some(end) {
            return None;
        }
        // The socket of a translated connection's responder has what its packets are translated to.
        let ends = [Some(ends(record, end)), translated(record, end)].into_iter().flatten();
        let owner = ends
            .map(|(local, remote)| [local, remote].map(|end| (end.address, end.port)))
            .find_map(|[local, remote]| sockets.owner(record.protocol, local, remote, first, last))?;
        // A process that has gone meanwhile was last seen when it began to use the socket, and is still the one that had it.
        let at_first = processes.get(owner.tgid, owner.since.max(first));
        at_first.or_else(|| processes.get(owner.tgid, owner.since))
    }
}

/// An end of a payload's flow.
fn socket((address, port): (Address, u16), ip_version: u8) -> SocketAddr {
    let address = match ip_version {
        4 => IpAddr::V4(Ipv4Addr::from(address.v4_octets())),
        _ => IpAddr::V6(Ipv6Addr::from(address.octets())),
    };
    SocketAddr::new(address, port)
}

/// What the times of records are ahead of those since boot, in nanoseconds.
pub fn offset(now: Moment) -> u64 {
    now.wall.saturating_sub(now.boot)
}

/// An end and the other one.
fn ends(record: &Record, end: End) -> (&Endpoint, &Endpoint) {
    (record.endpoint(end), record.endpoint(end.other()))
}

/// The same behind a translation.
fn translated(record: &Record, end: End) -> Option<(&Endpoint, &Endpoint)> {
    let nat = record.nat.as_ref()?;
    Some(match end {
        End::Source => (&nat.source, &nat.destination),
        End::Destination => (&nat.destination, &nat.source),
    })
}

/// Puts pseudonyms in the place of addresses, and takes out what says as much as they.
fn hide(record: &mut Record, hidden: &Hidden) {
    let tunnel = record.tunnel.iter_mut().flat_map(|tunnel| {
        tunnel.mac = None;
        [&mut tunnel.source.address, &mut tunnel.destination.address]
    });
    let ipip = record.ipip.iter_mut().flat_map(|ipip| [&mut ipip.source, &mut ipip.destination]);
    let inner = [&mut record.source.address, &mut record.destination.address];
    let nat = record.nat.iter_mut().flat_map(|nat| [&mut nat.source.address, &mut nat.destination.address]);
    for address in inner.into_iter().chain(tunnel).chain(ipip).chain(nat) {
        *address = IpAddr::V6(hidden.address(*address));
    }
    if let Some(interface) = &mut record.interface {
        interface.mac = None;
    }
}
