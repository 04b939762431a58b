//! The network namespaces of this host.
//!
//! They are visited, not kept: an open socket or file of a namespace would keep it, and the interfaces in it, alive after
//! all others have left it.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use flowtrace_abi::ListeningSocket;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::addresses;
use super::sockets::{Cookie, Diag};

/// The initial network namespace's number since Linux 6.18 (`NET_NS_INIT_INO`, include/uapi/linux/nsfs.h).
const INITIAL: u64 = 0xefff_fff9;
/// Where `ip netns` and container runtimes keep names of namespaces.
const NAMED: &str = "/run/netns";
/// How many namespaces are visited at most.
const MOST: usize = 1024;
/// By how many ways in, processes and names, one is remembered: a process may end before the next visit.
const MOST_WAYS: usize = 4;

/// Whose addresses and sockets are this host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NamespaceScope {
    /// Those of all namespaces where the program runs in the host's initial one, else of its own.
    #[default]
    Auto,
    /// Those of the namespace in which the program runs.
    Own,
    /// Those of all namespaces that can be read.
    All,
}

/// What was found in a namespace.
#[derive(Debug)]
pub struct Visit {
    /// Its cookie (`SO_NETNS_COOKIE`).
    pub netns: u64,
    /// How to get into it.
    pub ways: Ways,
    /// Its addresses; of other namespaces than this one, only those that mean the same everywhere on the host.
    pub addresses: HashSet<IpAddr>,
    /// Its sockets that listen.
    pub sockets: Vec<(Cookie, ListeningSocket)>,
}

/// Ways into a namespace: its number, and files that lead to it, or led when it was found.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    number: u64,
    paths: Vec<PathBuf>,
}

/// The namespaces beside that in which the program runs.
pub struct Namespaces {
    /// Number of our own.
    own: u64,
    has_others: bool,
    /// That there are too many was said.
    is_told: bool,
}

impl Namespaces {
    /// Decides which namespaces are this host's.
    ///
    /// # Errors
    /// Where there is no /proc.
    pub fn new(scope: NamespaceScope) -> io::Result<Self> {
        let own = number(Path::new("/proc/self/ns/net"))?;
        let has_others = match scope {
            NamespaceScope::Own => false,
            NamespaceScope::All => true,
            // The first process's namespace may be hidden.
            NamespaceScope::Auto => number(Path::new("/proc/1/ns/net")).unwrap_or(INITIAL) == own,
        };
        Ok(Self { own, has_others, is_told: false })
    }

    /// Whether other namespaces are this host's, too.
    pub const fn has_others(&self) -> bool {
        self.has_others
    }

    /// Goes through all others, on a thread of its own. Those that cannot be entered are passed over.
    pub fn visit(&mut self) -> Vec<Visit> {
        let visits = self.go_through(|ways| within(&ways, || look(ways.clone())));
        visits.into_iter().flatten().collect()
    }

    /// Does something in all others, likewise; what went well.
    pub fn each<T: Send + 'static>(&mut self, work: fn() -> io::Result<T>) -> Vec<T> {
        self.go_through(move |ways| within(&ways, work)).into_iter().flatten().collect()
    }

    fn go_through<T: Send + 'static>(&mut self, work: impl Fn(Ways) -> T + Send + 'static) -> Vec<T> {
        if !self.has_others {
            return Vec::new();
        }
        let mut found = self.find();
        if found.len() > MOST && !std::mem::replace(&mut self.is_told, true) {
            tracing::warn!("{} network namespaces: the sockets and addresses of {MOST} are known", found.len());
        }
        let ways = std::iter::from_fn(|| found.pop_first()).take(MOST);
        let ways: Vec<Ways> = ways.map(|(number, paths)| Ways { number, paths }).collect();
        aside(move || ways.into_iter().map(work).collect()).unwrap_or_default()
    }

    /// The numbers of all other namespaces, with files that lead to them.
    fn find(&self) -> BTreeMap<u64, Vec<PathBuf>> {
        let mut found: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
        let mut note = |number: io::Result<u64>, path: PathBuf| {
            if let Some(number) = number.ok().filter(|number| *number != self.own) {
                let paths = found.entry(number).or_default();
                paths.extend((paths.len() < MOST_WAYS).then_some(path));
            }
        };
        // A name lasts longer than a process.
        for path in entries(NAMED) {
            note(fs::metadata(&path).map(|file| file.ino()), path);
        }
        for process in entries("/proc") {
            let is_process = process.file_name().is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
            if is_process {
                let path = process.join("ns/net");
                note(number(&path), path);
            }
        }
        found
    }
}

impl Ways {
    /// Does something in the namespace, on a thread of its own; `None` where it cannot be entered any more.
    pub fn within<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let ways = self.clone();
        aside(move || ways.enter().then(work)).flatten()
    }

    /// Moves the calling thread into the namespace; whether it worked.
    fn enter(&self) -> bool {
        self.paths.iter().any(|path| {
            let entered = File::open(path).and_then(|file| {
                // The process may be another one by now, and a name may be of another namespace.
                if file.metadata()?.ino() != self.number {
                    return Err(io::ErrorKind::NotFound.into());
                }
                Ok(move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?)
            });
            entered.inspect_err(|error| tracing::debug!(?path, %error, "a network namespace cannot be entered")).is_ok()
        })
    }
}

/// Enters a namespace, for good, and does something there.
fn within<T>(ways: &Ways, work: impl FnOnce() -> io::Result<T>) -> Option<T> {
    if !ways.enter() {
        return None;
    }
    work().inspect_err(|error| tracing::debug!(%error, "a network namespace does not answer")).ok()
}

/// Looks around in the namespace of the calling thread, which was entered by these ways.
fn look(ways: Ways) -> io::Result<Visit> {
    let diag = Diag::open()?;
    let sockets = diag.listening()?;
    let addresses = addresses::list()?.into_iter().filter(|address| means_the_same_everywhere(*address)).collect();
    Ok(Visit { netns: diag.netns(), ways, addresses, sockets })
}

/// Whether an address is not one that each namespace, or each link, has for itself.
const fn means_the_same_everywhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
    }
}

/// Runs `work` to its end on a thread that does nothing else: whoever enters a namespace stays in it.
fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let thread = thread::Builder::new().name("namespaces".to_owned()).spawn(work);
    let thread = thread.inspect_err(|error| tracing::warn!(%error, "no thread for other network namespaces")).ok()?;
    thread.join().ok()
}

/// The number of the namespace that a link in /proc leads to, as in `net:[4026531833]`.
fn number(link: &Path) -> io::Result<u64> {
    parse(&fs::read_link(link)?.to_string_lossy()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(link: &str) -> Option<u64> {
    link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// What is in a folder; nothing where it cannot be read.
fn entries(folder: &str) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_namespaces_are_read() {
        assert_eq!(parse("net:[4026531833]"), Some(INITIAL));
        for wrong in ["", "net:[]", "net:[x]", "mnt:[1]", "net:[1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert!(number(Path::new("/proc/self/ns/net")).is_ok());
    }

    #[test]
    fn addresses_that_every_namespace_has_are_not_shared() {
        for (address, is_shared) in [
            ("127.0.0.1", false),
            ("127.8.9.1", false),
            ("169.254.1.1", false),
            ("::1", false),
            ("fe80::1", false),
            ("10.0.0.1", true),
            ("fd00::1", true),
        ] {
            assert_eq!(means_the_same_everywhere(address.parse().expect("an address")), is_shared, "{address}");
        }
    }

    #[test]
    fn only_other_namespaces_are_visited() {
        let mut own = Namespaces::new(NamespaceScope::Own).expect("a namespace");
        assert!(!own.has_others() && own.visit().is_empty());
        let others = Namespaces::new(NamespaceScope::All).expect("a namespace").find();
        assert!(!others.contains_key(&own.own));
    }
}
