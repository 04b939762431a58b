//! What is known of this host's sockets and addresses, and the answers that follow from it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowtrace_abi::ListeningSocket;

use super::diag::Diag;
use super::listeners::{Cookie, Listeners};
use super::owners::{Answer, Owners, Question};
use super::uses::Owner;
use crate::live::namespaces::Ways;

/// For how long the addresses of a namespace that has gone are still this host's, in nanoseconds: the first record of what
/// it said last is made up to a minute later.
const GRACE: u64 = 90 * 1_000_000_000;
/// How many of them are remembered at most; the oldest go.
const MOST_GONE: usize = 4096;

/// A network namespace beside our own.
#[derive(Clone, Debug)]
pub struct Netns {
    /// How to get into it.
    pub ways: Ways,
    /// Its addresses.
    pub addresses: HashSet<IpAddr>,
}

/// What is known.
pub struct Known {
    pub listeners: Listeners,
    /// Who uses which socket.
    pub users: Owners,
    /// A socket was asked for that nobody knows.
    is_list_wanted: bool,
    /// Asks about our own namespace.
    diag: Option<Diag>,
    own: HashSet<IpAddr>,
    /// By cookie.
    others: HashMap<u64, Netns>,
    /// Those that have gone: until when they count (nanoseconds since boot), cookie, addresses.
    gone: VecDeque<(u64, u64, HashSet<IpAddr>)>,
    /// In which other namespaces an address is.
    owners: HashMap<IpAddr, Vec<u64>>,
    /// Our own namespace was listed once.
    is_listed: bool,
}

impl Known {
    /// Nothing yet.
    pub fn new(diag: Option<Diag>) -> Self {
        Self {
            listeners: Listeners::default(),
            users: Owners::default(),
            is_list_wanted: false,
            diag,
            own: HashSet::new(),
            others: HashMap::new(),
            gone: VecDeque::new(),
            owners: HashMap::new(),
            is_listed: false,
        }
    }

    /// Takes the addresses of our own namespace; whether they changed.
    pub fn set_own_addresses(&mut self, addresses: HashSet<IpAddr>) -> bool {
        let is_new = self.own != addresses;
        self.own = addresses;
        is_new
    }

    /// Takes all other namespaces that are there at `now` (nanoseconds since boot); whether addresses changed.
    pub fn set_others(&mut self, others: Vec<(u64, Netns)>, now: u64) -> bool {
        let others: HashMap<u64, Netns> = others.into_iter().collect();
        let before = std::mem::replace(&mut self.others, others);
        let until = now.saturating_add(GRACE);
        self.gone.extend(before.into_iter().map(|(netns, other)| (until, netns, other.addresses)));
        self.gone.retain(|(until, netns, _)| *until > now && !self.others.contains_key(netns));
        self.gone.drain(..self.gone.len().saturating_sub(MOST_GONE));
        let mut owners: HashMap<IpAddr, Vec<u64>> = HashMap::new();
        let present = self.others.iter().map(|(netns, other)| (netns, &other.addresses));
        for (netns, addresses) in present.chain(self.gone.iter().map(|(_, netns, addresses)| (netns, addresses))) {
            addresses.iter().for_each(|address| owners.entry(*address).or_default().push(*netns));
        }
        let is_new = owners.len() != self.owners.len() || owners.keys().any(|at| !self.owners.contains_key(at));
        self.owners = owners;
        is_new
    }

    /// Whether the sockets of a namespace were listed before.
    pub fn is_known(&self, netns: u64) -> bool {
        self.others.contains_key(&netns) || (self.is_listed && self.own_netns() == Some(netns))
    }

    /// The addresses of all namespaces.
    pub fn addresses(&self) -> HashSet<IpAddr> {
        self.own.iter().chain(self.owners.keys()).copied().collect()
    }

    /// Cookie and sockets of our own namespace, where the kernel tells them.
    pub fn own_sockets(&mut self) -> Option<(u64, Vec<(Cookie, ListeningSocket)>)> {
        let diag = self.diag.as_ref()?;
        let listed = diag.listening();
        let listed =
            listed.inspect_err(|error| tracing::debug!(%error, "the kernel does not list its sockets")).ok()?;
        Some((diag.netns(), listed))
    }

    /// Notes that our own namespace was listed.
    pub const fn note_listed(&mut self) {
        self.is_listed = true;
    }

    fn own_netns(&self) -> Option<u64> {
        self.diag.as_ref().map(Diag::netns)
    }

    /// The namespaces that have an address. Loopback is our own: that of others passes none of our interfaces.
    fn owners(&self, address: IpAddr) -> impl Iterator<Item = u64> {
        let own = (self.own.contains(&address) || address.is_loopback()).then(|| self.own_netns()).flatten();
        own.into_iter().chain(self.owners.get(&address).into_iter().flatten().copied())
    }

    fn listens(&self, protocol: u8, end: (IpAddr, u16), first: u64, last: u64) -> bool {
        self.owners(end.0).any(|netns| self.listeners.listened(netns, protocol, end, first, last))
    }

    /// Sockets should be listed.
    pub const fn want_list(&mut self) {
        self.is_list_wanted = true;
    }

    /// Whether sockets should be listed; asks once.
    pub const fn take_wanted(&mut self) -> bool {
        std::mem::replace(&mut self.is_list_wanted, false)
    }

    /// The one owner in all namespaces that have the local address.
    fn owner(&mut self, question: Question) -> Option<Owner> {
        let spaces = self.owners(question.local.0);
        let answers = spaces.map(|netns| self.users.owner(&Question { netns, ..question }));
        let mut answers: Vec<Answer> = answers.filter(|answer| *answer != Answer::Unknown).collect();
        let (first, rest) = (answers.pop(), answers);
        // Where calls are not seen, only a list tells who has a socket.
        let is_unclear = first == Some(Answer::Unclear) && !self.users.sees_uses;
        self.is_list_wanted |= first.is_none() || is_unclear;
        match first {
            Some(Answer::Owner(owner)) if rest.is_empty() => Some(owner),
            _ => None,
        }
    }

    fn has_open(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.owners(local.ip()).any(|netns| {
            let asked = match (&self.diag, self.others.get(&netns)) {
                (_, Some(other)) => other.ways.within(move || Diag::open()?.has_open(local, remote)),
                (Some(diag), None) if diag.netns() == netns => Some(diag.has_open(local, remote)),
                _ => None,
            };
            asked
                .is_some_and(|answer| answer.inspect_err(|error| tracing::debug!(%error, "no answer")).unwrap_or(false))
        })
    }
}

/// What this host knows of its sockets, for whoever asks. Cheap to clone: all clones share one knowledge.
#[derive(Clone)]
pub struct HostSockets(Arc<Mutex<Known>>);

impl HostSockets {
    /// Shares what is known.
    pub(super) fn new(known: Known) -> Self {
        Self(Arc::new(Mutex::new(known)))
    }

    /// Nothing is left half done where the lock is held, so a panic there does no harm here.
    pub(super) fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a socket of this host listened for the protocol at this end at some time from `first` to `last`
    /// (nanoseconds since boot). Costs no system call.
    pub fn listens(&self, protocol: u8, end: (IpAddr, u16), first: u64, last: u64) -> bool {
        self.lock().listens(protocol, end, first, last)
    }

    /// Whether a socket of this host has the TCP connection between these ends open: asks the kernel, in the namespaces
    /// that have one of the addresses. A system call in our own, a thread in another.
    pub fn has_open(&self, ends: [(IpAddr, u16); 2]) -> bool {
        let [one, other] = ends.map(SocketAddr::from);
        let known = self.lock();
        known.has_open(one, other) || known.has_open(other, one)
    }
}

impl HostSockets {
    /// The process behind a flow's local end: that which used the socket last from `first` to `last`, the times of the
    /// flow's first and last packet in nanoseconds since boot. `None` where it is not known, or not the only one it can
    /// be. Costs no system call; what is not known is listed soon, so that a later question may find it.
    ///
    /// Ports are absent where the protocol has none. Of ICMP, the local port may be the query's identifier; the question
    /// is of use for the end that asked, as the other one's answers are the kernel's.
    pub fn owner(
        &self,
        protocol: u8,
        local: (IpAddr, Option<u16>),
        remote: (IpAddr, Option<u16>),
        first: u64,
        last: u64,
    ) -> Option<Owner> {
        self.lock().owner(Question { netns: 0, protocol, local, remote, first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: u8 = 6;

    fn listening(netns: u64, port: u16) -> ListeningSocket {
        ListeningSocket { netns, port, protocol: TCP, ..ListeningSocket::v6([0; 16]) }
    }

    fn end(address: &str, port: u16) -> (IpAddr, u16) {
        (address.parse().expect("an address"), port)
    }

    #[test]
    fn a_socket_listens_at_the_addresses_of_its_namespace() {
        let diag = Diag::open().expect("anybody may ask");
        let (own, pod) = (diag.netns(), diag.netns() + 1);
        let mut known = Known::new(Some(diag));
        assert!(known.set_own_addresses(HashSet::from([end("10.0.0.1", 0).0])));
        let addresses = HashSet::from([end("10.0.0.2", 0).0]);
        let others = vec![(pod, Netns { ways: Ways::default(), addresses })];
        assert!(known.set_others(others.clone(), 1) && !known.set_others(others, 2));
        known.listeners.note(1, listening(own, 80));
        known.listeners.note(2, listening(pod, 81));
        let listens = |known: &Known, address, port| known.listens(TCP, end(address, port), 5, 6);
        assert!(listens(&known, "10.0.0.1", 80) && listens(&known, "10.0.0.2", 81));
        assert!(
            !listens(&known, "10.0.0.1", 81) && !listens(&known, "10.0.0.2", 80) && !listens(&known, "10.0.0.3", 80)
        );
        assert!(
            listens(&known, "127.0.0.1", 80) && listens(&known, "127.9.9.9", 80) && !listens(&known, "127.0.0.1", 81)
        );
        let ours = HashSet::from(["10.0.0.1", "10.0.0.2"].map(|address| end(address, 0).0));
        assert_eq!(known.addresses(), ours);
        // What it said last is still to be told.
        assert!(!known.set_others(Vec::new(), 3) && known.addresses() == ours);
        assert!(known.set_others(Vec::new(), 3 + GRACE) && known.addresses().len() == 1);
    }

    #[test]
    fn a_connection_is_open_until_both_know_that_it_is_not() {
        let own = HashSet::from([end("127.0.0.1", 0).0]);
        let mut known = Known::new(Some(Diag::open().expect("anybody may ask")));
        known.set_own_addresses(own);
        let known = HostSockets::new(known);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let server = listener.local_addr().expect("it is bound");
        let stream = std::net::TcpStream::connect(server).expect("it listens");
        let client = stream.local_addr().expect("it is connected");
        let ends = [client, server].map(|end| (end.ip(), end.port()));
        assert!(known.has_open(ends) && known.has_open([ends[1], ends[0]]));
        let accepted = listener.accept().expect("it was connected");
        drop((stream, accepted));
        assert!(!known.has_open(ends));
        assert!(!known.has_open([end("192.0.2.1", 1), ends[1]]));
    }
}
