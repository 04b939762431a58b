//! The interfaces that are watched, and their flows.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use flowtrace_abi::{Loss, Payload};

use super::attach::{AttachKind, Attachment};
use super::attached::Attached;
use super::kernel::{Header, Kernel, KernelOptions, Readings};
use super::namespaces::NamespaceScope;
use super::netlink::Changes;
use super::sockets::{HostSockets, OnSeen, Sockets};
use super::{Error, InterfacePatterns, ProgramRuns, batch, links, runs};

/// Packets and bytes by loss.
pub type Losses = Vec<(Loss, u64, u64)>;

/// What to capture.
pub struct LiveOptions {
    /// Which interfaces.
    pub interfaces: InterfacePatterns,
    /// How to attach; without it, by tcx where the kernel has it.
    pub attach: Option<AttachKind>,
    /// Whose addresses and sockets are this host's.
    pub namespaces: NamespaceScope,
    /// The ports that this host gives to its clients.
    pub ephemeral: RangeInclusive<u16>,
    /// Is told of each process that is seen with a socket. Without it, nobody follows which process uses which, at no cost.
    pub on_process: Option<OnSeen>,
    /// How the program is loaded.
    pub kernel: KernelOptions,
    /// Where the attachments are kept.
    pub attached: Attached,
}

/// A running capture.
pub struct Live {
    // Emptied first, whatever ends it.
    attached: Attached,
    kernel: Kernel,
    sockets: Sockets,
    changes: Changes,
    patterns: InterfacePatterns,
    kind: Option<AttachKind>,
    names: HashMap<u32, Arc<str>>,
    /// Interfaces that could not be attached to, so that it is said once.
    failed: HashSet<u32>,
}

impl Live {
    /// Loads the program and attaches it to the interfaces that are there.
    ///
    /// # Errors
    /// When the program cannot be loaded or the kernel cannot be asked. An interface that cannot be watched is said
    /// and passed over.
    pub fn start(options: LiveOptions) -> Result<Self, Error> {
        let kernel = Kernel::load(&options.kernel)?;
        let sockets = Sockets::start(options.namespaces, options.ephemeral, options.on_process)?;
        let mut live = Self {
            attached: options.attached,
            kernel,
            changes: Changes::listen(sockets.has_other_namespaces()).map_err(Error::Netlink)?,
            sockets,
            patterns: options.interfaces,
            kind: options.attach,
            names: HashMap::new(),
            failed: HashSet::new(),
        };
        live.follow()?;
        Ok(live)
    }

    /// Becomes readable when interfaces or addresses change; then [`follow`](Self::follow).
    pub fn changes(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }

    /// Whether interfaces or addresses changed since the last call.
    pub fn take_changes(&mut self) -> bool {
        self.changes.take()
    }

    /// Attaches to interfaces that have come and forgets those that have gone, and takes over changes of addresses.
    ///
    /// # Errors
    /// When the kernel does not list its interfaces or addresses.
    pub fn follow(&mut self) -> Result<(), Error> {
        self.sockets.follow_addresses()?;
        let links = links::list().map_err(Error::Netlink)?;
        let present: HashSet<u32> = links.iter().map(|link| link.index).collect();
        self.attached.lock().retain(|index, attachment| {
            let stays = present.contains(index);
            if !stays {
                tracing::info!(interface = attachment.name(), "interface has gone");
            }
            stays
        });
        self.failed.retain(|index| present.contains(index));
        for link in links {
            self.note_name(&link);
            if self.patterns.matches(&link.name, link.is_loopback) {
                self.attach(&link);
            }
        }
        Ok(())
    }

    fn note_name(&mut self, link: &links::Link) {
        if self.names.get(&link.index).is_none_or(|name| **name != *link.name) {
            self.names.insert(link.index, Arc::from(link.name.as_str()));
        }
    }

    /// Attaches to the interface, unless that was done.
    fn attach(&mut self, link: &links::Link) {
        let shared = self.attached.clone();
        let mut attached = shared.lock();
        if attached.contains_key(&link.index) {
            return;
        }
        let Some(header) = link.header else {
            if self.failed.insert(link.index) {
                tracing::warn!(interface = link.name, "not watched: its packets begin with neither Ethernet nor IP");
            }
            return;
        };
        match self.attach_by_what_works(link, header) {
            Ok(attachment) => {
                tracing::debug!(interface = link.name, "watching");
                self.failed.remove(&link.index);
                attached.insert(link.index, attachment);
            }
            Err(error) => {
                if self.failed.insert(link.index) {
                    tracing::warn!(interface = link.name, "not watched: {error}");
                }
            }
        }
    }

    /// By tcx; where the kernel refuses that, by clsact from then on.
    fn attach_by_what_works(&mut self, link: &links::Link, header: Header) -> Result<Attachment, Error> {
        if let Some(kind) = self.kind {
            return Attachment::new(&mut self.kernel, kind, link, header);
        }
        let attachment = match Attachment::new(&mut self.kernel, AttachKind::Tcx, link, header) {
            Ok(attachment) => {
                self.kind = Some(AttachKind::Tcx);
                attachment
            }
            Err(_) => {
                let attachment = Attachment::new(&mut self.kernel, AttachKind::Clsact, link, header)?;
                tracing::info!("this kernel has no tcx links; attached by clsact");
                self.kind = Some(AttachKind::Clsact);
                attachment
            }
        };
        Ok(attachment)
    }

    /// Names of the interfaces that are watched, sorted.
    pub fn watched(&self) -> Vec<String> {
        let attached = self.attached.lock();
        let mut names: Vec<_> = attached.values().map(|attachment| attachment.name().to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// How the programs are attached, once they are.
    pub fn attach_kind(&self) -> Option<AttachKind> {
        self.kind
    }

    /// The name of an interface, also of one that has gone.
    pub fn interface_name(&self, index: u32) -> Option<Arc<str>> {
        self.names.get(&index).cloned()
    }

    /// The addresses of this host, where they changed since the last call.
    pub fn take_addresses(&mut self) -> Option<HashSet<IpAddr>> {
        self.sockets.take_addresses()
    }

    /// What this host knows of its sockets; as current as the last [`refresh`](Self::refresh).
    pub fn sockets(&self) -> HostSockets {
        self.sockets.known()
    }

    /// Makes what is known of sockets and of other namespaces' addresses current; before every scan.
    pub fn refresh(&mut self) {
        self.sockets.refresh();
    }

    /// Says how long a flow may be silent from the next scan on; see [`Kernel::set_silence`].
    pub fn set_silence(&mut self, silence: u64) {
        self.kernel.set_silence(silence);
    }

    /// Reads all flows; see [`Kernel::scan`].
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn scan(&mut self, visit: impl FnMut(&Readings<'_>, &mut Vec<usize>)) -> Result<(), Error> {
        self.kernel.scan(visit)
    }

    /// Takes out the payloads that were put aside; after every scan. See [`Kernel::take_payloads`].
    pub fn take_payloads(&mut self, visit: impl FnMut(Payload<'_>)) {
        self.kernel.take_payloads(visit);
    }

    /// Frames that held no IP; see [`Kernel::not_ip`].
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn not_ip(&self) -> Result<Vec<(u16, u64)>, Error> {
        self.kernel.not_ip()
    }

    /// How often each kernel program ran, and for how long; `None` where the kernel does not count it.
    pub fn program_runs(&self) -> Option<Vec<ProgramRuns>> {
        runs::are_counted().then(|| self.kernel.runs().chain(self.sockets.runs()).collect())
    }

    /// What was seen and not counted into a flow so far.
    ///
    /// # Errors
    /// When the kernel does not answer.
    pub fn losses(&self) -> Result<Losses, Error> {
        (0..Loss::COUNT)
            .filter_map(Loss::at)
            .map(|loss| self.kernel.loss(loss).map(|(packets, bytes)| (loss, packets, bytes)))
            .collect()
    }

    /// Takes the programs off all interfaces and waits until no CPU runs them: what is read afterwards is final.
    pub fn detach(&mut self) {
        self.attached.lock().clear();
        batch::wait_for_running_programs();
    }
}

impl Drop for Live {
    /// First no more packets, then the program.
    fn drop(&mut self) {
        self.attached.lock().clear();
    }
}
