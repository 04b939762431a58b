//! Attaching the programs to an interface, and taking them off again.

use aya::programs::tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions};
use aya::programs::{LinkOrder, ProgramError, TcAttachType};

use super::kernel::{Header, Hook, Kernel};
use super::links::Link;
use super::{Error, qdisc};

/// The way in which programs are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachKind {
    /// tcx links (Linux 6.6): gone with the process, whatever ends it.
    Tcx,
    /// Filters of a clsact qdisc, for older kernels.
    Clsact,
}

/// The programs on one interface; dropping it takes them off.
pub struct Attachment {
    name: String,
    index: u32,
    links: Vec<SchedClassifierLink>,
    /// The qdisc was not there before.
    made_qdisc: bool,
}

impl Attachment {
    /// Attaches both programs to the interface.
    pub fn new(kernel: &mut Kernel, kind: AttachKind, link: &Link, header: Header) -> Result<Self, Error> {
        let (name, index) = (link.name.as_str(), link.index);
        let mut attachment = Self { name: name.to_owned(), index, links: Vec::with_capacity(2), made_qdisc: false };
        if kind == AttachKind::Clsact {
            attachment.made_qdisc = tc::qdisc_add_clsact(name).is_ok();
        }
        for hook in Hook::ALL {
            let program = kernel.classifier(hook, header)?;
            let failed = |source: ProgramError| Error::Attach { interface: name.to_owned(), source };
            let id = program.attach_with_options(name, direction(hook), options(kind)).map_err(failed)?;
            attachment.links.push(program.take_link(id).map_err(failed)?);
        }
        Ok(attachment)
    }

    /// The interface's name when the programs were attached.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.links.clear();
        if self.made_qdisc {
            qdisc::remove_if_unused(self.index);
        }
    }
}

/// Before all others: what they drop or redirect was on the interface, too.
fn options(kind: AttachKind) -> TcAttachOptions {
    match kind {
        AttachKind::Tcx => TcAttachOptions::TcxOrder(LinkOrder::first()),
        AttachKind::Clsact => TcAttachOptions::Netlink(NlOptions { priority: 1, ..NlOptions::default() }),
    }
}

fn direction(hook: Hook) -> TcAttachType {
    match hook {
        Hook::Ingress => TcAttachType::Ingress,
        Hook::Egress => TcAttachType::Egress,
    }
}
