//! Address translation: what the kernel's connection tracking knows, as the table asks for it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use flowtrace_abi::FlowKey;
use flowtrace_capture::live::{NamespaceScope, Namespaces};
use flowtrace_conntrack::{Conntrack, Counts, Known, Listed, Others, list};
use flowtrace_flow::{Joins, Nat, NatSide};

use crate::cli::conntrack::ConntrackOptions;
use crate::log;

/// Connection tracking, if it is read.
#[derive(Default)]
pub struct Translations {
    conntrack: Option<Conntrack>,
    /// Why it tells nothing, where it is to be read.
    trouble: Option<String>,
}

/// What the table asks.
struct Translated(Known);

impl Nat for Translated {
    fn sides(&self, key: &FlowKey, first: u64, last: u64) -> Option<Vec<NatSide>> {
        self.0.sides(key, first, last)
    }
}

impl Translations {
    /// Reads from now on, in this network namespace and from time to time in the others that are this host's.
    pub fn start(options: &ConntrackOptions, scope: NamespaceScope) -> Self {
        if !options.conntrack.is_on() {
            return Self::default();
        }
        match Conntrack::start(others(scope)) {
            Ok((conntrack, unreadable)) => {
                Self { conntrack: Some(conntrack), trouble: unreadable.map(|why| why.to_string()) }
            }
            Err(error) => Self { conntrack: None, trouble: Some(error.to_string()) },
        }
    }

    /// Says why translations are not known, once it is certain that there is anything to watch.
    pub fn say(&self) {
        if let Some(why) = &self.trouble {
            tracing::warn!(
                "address translation is not known: {why}; the sides of a translated connection are flows apart"
            );
        }
    }

    /// Who is to be asked.
    pub fn nat(&self) -> Box<dyn Nat> {
        match &self.conntrack {
            Some(conntrack) => Box::new(Translated(conntrack.known())),
            None => Box::new(()),
        }
    }

    /// Takes over what was told up to now; before every scan.
    pub fn refresh(&self) {
        if let Some(conntrack) = &self.conntrack {
            conntrack.known().refresh();
        }
    }

    /// What was read and what came of it.
    pub fn report(&self, joins: Joins) -> Option<Report> {
        self.conntrack.as_ref().map(|conntrack| Report { counts: conntrack.known().counts(), joins })
    }
}

/// The other namespaces of this host, if they are its own to read.
fn others(scope: NamespaceScope) -> Option<Others> {
    let mut namespaces = Namespaces::new(scope).ok().filter(Namespaces::has_others)?;
    Some(Box::new(move || namespaces.each(list_this)))
}

/// What is tracked in the namespace of the calling thread, with its number.
fn list_this() -> io::Result<(u64, Listed)> {
    Ok((fs::metadata("/proc/thread-self/ns/net")?.ino(), list()?))
}

/// What the summary says of address translation.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    counts: Counts,
    joins: Joins,
}

impl Report {
    /// Says it on standard error.
    pub fn say(&self) {
        log::say(&self.line());
    }

    fn line(&self) -> String {
        let Counts { events, lists, lost, full, unclear, present, is_heard } = self.counts;
        let Joins { joined, late, apart } = self.joins;
        let heard = if is_heard { "" } else { " (not readable)" };
        format!(
            "conntrack{heard}: events={events} lists={lists} lost={lost} full={full} unclear={unclear} \
             present={present} joined={joined} late={late} apart={apart}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_whether_it_could_be_read() {
        let report =
            |is_heard| Report { counts: Counts { events: 3, is_heard, ..Counts::default() }, joins: Joins::default() };
        let rest = "events=3 lists=0 lost=0 full=0 unclear=0 present=0 joined=0 late=0 apart=0";
        assert_eq!(report(true).line(), format!("conntrack: {rest}"));
        assert_eq!(report(false).line(), format!("conntrack (not readable): {rest}"));
    }
}
