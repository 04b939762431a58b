//! Names of addresses.

mod domain;
mod hosts;
mod learned;
mod reverse;
mod server_names;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::processes::lock;
use crate::watched::Watched;
use hosts::Hosts;
use learned::Learned;
use reverse::Reverse;

pub use domain::host_name;
pub use hosts::parse as parse_hosts;
pub use server_names::ServerNames;

/// Where names come from. The first source that has one says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameSettings {
    /// A file such as `/etc/hosts`.
    pub hosts: Option<PathBuf>,
    /// Whether names that are [learned](Names::learn) count.
    pub has_learned: bool,
    /// The system's resolver.
    pub reverse: Option<ReverseSettings>,
}

/// How the system's resolver is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReverseSettings {
    /// How many addresses a second, at most.
    pub per_second: u32,
    /// Whether a name must have the address, too: anybody can have any name written for an own address.
    pub is_confirmed: bool,
}

impl Default for ReverseSettings {
    /// 20 addresses a second, confirmed.
    fn default() -> Self {
        Self { per_second: 20, is_confirmed: true }
    }
}

/// Names of addresses. Nothing here blocks; an address may be without a name at first and have one later.
///
/// Times are in nanoseconds since boot (`CLOCK_BOOTTIME`).
#[derive(Debug)]
pub struct Names {
    hosts: Option<Mutex<Watched<Hosts>>>,
    learned: Option<Mutex<Learned>>,
    reverse: Option<Reverse>,
}

impl Names {
    /// Starts what the settings name.
    ///
    /// # Errors
    /// When the threads that ask the resolver cannot be started.
    pub fn start(settings: &NameSettings) -> io::Result<Self> {
        let hosts = settings.hosts.clone().map(|path| Mutex::new(Watched::new(path, hosts::LIMIT, hosts::parse)));
        let reverse = settings.reverse.map(|asked| {
            let lookup = if asked.is_confirmed { reverse::confirmed } else { reverse::unconfirmed };
            Reverse::start(asked.per_second, lookup)
        });
        let learned = settings.has_learned.then(|| Mutex::new(Learned::new()));
        Ok(Self { hosts, learned, reverse: reverse.transpose()? })
    }

    /// An answer of the domain name system at `at` says that `address` is that of `name` for `ttl` seconds. What is no
    /// name of a host is passed over. It holds a minute at least and a day at most.
    pub fn learn(&self, address: IpAddr, name: &str, ttl: u32, at: u64) {
        let Some(learned) = &self.learned else { return };
        if let Some(name) = host_name(name).filter(|_| !address.is_unspecified()) {
            lock(learned).learn(address.to_canonical(), &name, ttl, at);
        }
    }

    /// The name of an address at `at`: when its conversation began, for those that were learned.
    pub fn name(&self, address: IpAddr, at: u64) -> Option<Arc<str>> {
        self.name_or(address, at, || None)
    }

    /// The same with one more source, before the system's resolver.
    pub fn name_or(&self, address: IpAddr, at: u64, more: impl FnOnce() -> Option<Arc<str>>) -> Option<Arc<str>> {
        let address = address.to_canonical();
        let by_hosts = || lock(self.hosts.as_ref()?).get(at).get(&address).cloned();
        let learned = || lock(self.learned.as_ref()?).name(&address, at);
        let reverse = || self.reverse.as_ref()?.name(address, at);
        by_hosts().or_else(learned).or_else(more).or_else(reverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_in_order_and_each_for_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        std::fs::write(&path, "192.0.2.1 by-hosts\n").unwrap();
        let both: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "::ffff:192.0.2.2".parse().unwrap()];
        let rows = [
            (true, true, [Some("by-hosts"), Some("learned.example")]),
            (true, false, [Some("by-hosts"), None]),
            (false, true, [Some("learned.example"), Some("learned.example")]),
            (false, false, [None, None]),
        ];
        for (has_hosts, has_learned, expected) in rows {
            let hosts = has_hosts.then(|| path.clone());
            let names = Names::start(&NameSettings { hosts, has_learned, reverse: None }).unwrap();
            for address in both {
                names.learn(address, "Learned.Example.", 60, 1);
                names.learn(address, "no name", 60, 2);
            }
            let found = both.map(|address| names.name(address, 3));
            assert_eq!([found[0].as_deref(), found[1].as_deref()], expected);
        }
    }

    #[test]
    fn the_resolver_is_asked_last() {
        let reverse = Some(ReverseSettings::default());
        let names = Names::start(&NameSettings { hosts: None, has_learned: true, reverse }).unwrap();
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(names.name(address, 1), None);
        names.learn(address, "learned.example", 60, 1);
        assert_eq!(names.name(address, 1).as_deref(), Some("learned.example"));
    }
}
