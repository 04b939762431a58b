//! What the main loop counts for the metrics, and hands over at each scan.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use flowtrace_capture::live::{self, Live};
use flowtrace_export::Durations;
use flowtrace_flow::{Party, Record, Table};
use flowtrace_wire::protocol;

use super::published::{Counted, Published, Snapshot};
use crate::output::Outputs;

/// Which facts are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    /// Processes.
    pub process: bool,
    /// Names of addresses.
    pub name: bool,
    /// What ends are in Kubernetes.
    pub workload: bool,
}

/// Counts in the main loop; does nothing where nobody can ask.
pub struct Observer {
    published: Option<Arc<Published>>,
    facts: Facts,
    /// The addresses of this host.
    local: HashSet<IpAddr>,
    counted: Counted,
    scans: Durations,
    kernel_flows_max: u64,
}

impl Observer {
    /// For what is to be published. `kernel_flows_max`: for how many flows the kernel has room.
    pub fn new(published: Option<Arc<Published>>, facts: Facts, kernel_flows_max: u64) -> Self {
        let (local, counted, scans) = (HashSet::new(), Counted::default(), Durations::default());
        Self { published, facts, local, counted, scans, kernel_flows_max }
    }

    /// The addresses of this host changed.
    pub fn set_local_addresses(&mut self, addresses: &HashSet<IpAddr>) {
        if self.published.is_some() && self.facts.process {
            self.local.clone_from(addresses);
        }
    }

    /// Counts records as they come from the table, with their true addresses.
    pub fn count(&mut self, records: &[Record]) {
        if self.published.is_none() {
            return;
        }
        let Counted { traffic, records: by_reason, attribution } = &mut self.counted;
        for record in records {
            let [packets, bytes] = traffic.entry(transport(record.protocol)).or_default();
            *packets += record.forward.packets + record.reverse.packets;
            *bytes += record.forward.bytes + record.reverse.bytes;
            *by_reason.entry(record.end_reason.name()).or_default() += 1;
            let ends = [&record.source, &record.destination];
            let local = ends.into_iter().filter(|end| self.local.contains(&end.address)).count() as u64;
            for (fact, is_wanted, ends) in [
                ("process", self.facts.process, local),
                ("name", self.facts.name, 2),
                ("workload", self.facts.workload, 2),
            ] {
                if is_wanted {
                    attribution.entry(fact).or_default()[0] += ends;
                }
            }
        }
    }

    /// Counts what was found out about the ends of records.
    pub fn count_found(&mut self, records: &[Record]) {
        if self.published.is_none() {
            return;
        }
        let parties = records.iter().filter_map(|record| record.who.as_deref());
        for party in parties.flat_map(|who| [&who.source, &who.destination]) {
            let Party { process, name, workload } = party;
            for (fact, is_found) in
                [("process", process.is_some()), ("name", name.is_some()), ("workload", workload.is_some())]
            {
                if is_found && let Some(counts) = self.counted.attribution.get_mut(fact) {
                    counts[1] += 1;
                }
            }
        }
    }

    /// Publishes after a scan that began then and found so many entries in the kernel.
    ///
    /// # Errors
    /// When the kernel does not say what it lost.
    pub fn publish(
        &mut self,
        began: Instant,
        kernel_flows: u64,
        live: &Live,
        table: &Table,
        outputs: &Outputs,
    ) -> Result<(), live::Error> {
        let Some(published) = &self.published else { return Ok(()) };
        let at = Instant::now();
        self.scans.add(at.saturating_duration_since(began));
        published.put(Snapshot {
            at,
            time: SystemTime::now(),
            counted: self.counted.clone(),
            flows_begun: table.begun(),
            flows_open: table.open() as u64,
            windows_waiting: table.waiting_cuts(),
            kernel_flows,
            kernel_flows_max: self.kernel_flows_max,
            programs: live.program_runs(),
            interfaces: live.watched().len() as u64,
            scans: self.scans,
            losses: live.losses()?,
            outputs: outputs.state(),
        });
        Ok(())
    }

    /// There are no more scans.
    pub fn end(&self) {
        self.published.iter().for_each(|published| published.end());
    }
}

/// The transports that are told apart.
fn transport(number: u8) -> &'static str {
    match number {
        protocol::TCP => "tcp",
        protocol::UDP => "udp",
        protocol::ICMP | protocol::ICMPV6 => "icmp",
        _ => "other",
    }
}
