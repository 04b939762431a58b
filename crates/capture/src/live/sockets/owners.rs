//! Which process used which socket, and when.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use flowtrace_abi::{Families, Happening, SocketEvent};
use flowtrace_wire::protocol;

use super::listeners::Cookie;
use super::tables::is_stand_in;
use super::uses::{Owner, Uses};

/// For how long a socket is remembered after it was closed, in nanoseconds: the first record of what it said last is made
/// up to a minute later.
const MEMORY: u64 = 90 * SECOND;
/// How many sockets are remembered, open or closed; some 25 MB. Of too many those that were closed first go first, and
/// when there are none, further ones are not noted.
const MOST: usize = 65_536;
/// How many of them may have the same ends, as several that share a port.
const MOST_AT_PLACE: usize = 1024;
/// How long after a packet its socket may first be heard of: a send is told after its packet, a receive when its process
/// comes to it.
const SLACK: u64 = SECOND;
/// How long a connection may go on after its socket was closed (`tcp_fin_timeout`, Linux's default).
const ORPHAN: u64 = 60 * SECOND;
const SECOND: u64 = 1_000_000_000;
/// A raw socket of this protocol sends any, and gets none (`IPPROTO_RAW`).
const ANY_PROTOCOL: u8 = 255;

/// The ends of a socket. What it is not bound to is zero. IPv4 is mapped into IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Cookie of the network namespace.
    pub netns: u64,
    /// IANA's number of the protocol.
    pub protocol: u8,
    /// Local address and port.
    pub local: ([u8; 16], u16),
    /// The peer's.
    pub remote: ([u8; 16], u16),
}

impl Ends {
    fn of(event: &SocketEvent) -> Self {
        Self {
            netns: event.netns,
            protocol: event.protocol,
            local: (event.local, event.local_port),
            remote: (event.remote, event.remote_port),
        }
    }

    /// What its socket is found by: of protocols without ports all sockets of a namespace are in one place.
    fn place(self, is_raw: bool) -> Self {
        if is_raw || is_portless(self.protocol) {
            return Self { netns: self.netns, protocol: self.protocol, ..Self::default() };
        }
        self
    }

    const fn is_some(&self) -> bool {
        self.local.1 != 0 && (self.protocol != protocol::TCP || self.remote.1 != 0)
    }
}

const fn is_portless(protocol: u8) -> bool {
    matches!(protocol, protocol::ICMP | protocol::ICMPV6)
}

/// A socket that a list told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its cookie, or what stands for it where the list has none.
    pub cookie: Cookie,
    /// Its ends.
    pub ends: Ends,
    /// Bits of [`Families`].
    pub families: u8,
    /// Whether it is a raw one.
    pub is_raw: bool,
    /// Its inode, by which processes have it; 0: none has.
    pub inode: u64,
}

/// One socket, as long as its ends stay the same.
#[derive(Debug)]
struct Socket {
    cookie: Cookie,
    place: Ends,
    /// The local port of a protocol that is not found by it: the identifier of ICMP; of raw sockets 0.
    identifier: u16,
    families: u8,
    is_raw: bool,
    /// Nanoseconds since boot. 0: before anybody looked.
    opened: u64,
    /// Likewise. 0: it is not.
    closed: u64,
    uses: Uses,
}

/// Who asks: protocol, ends, and the times of the flow's first and last packet.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Cookie of the namespace in which the socket would be.
    pub netns: u64,
    /// IANA's number of the protocol.
    pub protocol: u8,
    /// The end whose process is asked for.
    pub local: (IpAddr, Option<u16>),
    /// The other end.
    pub remote: (IpAddr, Option<u16>),
    /// Nanoseconds since boot.
    pub first: u64,
    /// Likewise.
    pub last: u64,
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No socket.
    Unknown,
    /// Sockets of several processes, or of one that is not known.
    Unclear,
    /// This process's.
    Owner(Owner),
}

/// The sockets of all namespaces. Pure: time is an argument.
#[derive(Debug, Default)]
pub struct Owners {
    sockets: HashMap<u64, Socket>,
    /// The number of the next one; those before are older.
    next: u64,
    current: HashMap<Cookie, u64>,
    places: HashMap<Ends, VecDeque<u64>>,
    /// Those that were closed, in the order in which this was noted.
    closed: VecDeque<u64>,
    /// Every use is told. So who closes a socket that nobody used is its owner.
    pub sees_uses: bool,
}

impl Owners {
    /// Takes over what the kernel told.
    pub fn note(&mut self, event: &SocketEvent) {
        match event.happening {
            Happening::OPENED => {
                self.open(event.cookie, Ends::of(event), false, event.families, event.at);
            }
            Happening::USED => self.used(event, event.process),
            // By several: nobody.
            Happening::SHARED => self.used(event, 0),
            Happening::CLOSED => self.let_go(event),
            _ => {}
        }
    }

    fn used(&mut self, event: &SocketEvent, process: u32) {
        let (ends, is_raw) = (Ends::of(event), event.is_raw != 0);
        let number = match self.current.get(&event.cookie).copied() {
            // One that has lost its ends, or still has them.
            Some(number) if self.has_ends(number, ends, is_raw) => Some(number),
            _ => self.open(event.cookie, ends, is_raw, event.families, event.at),
        };
        let socket = number.and_then(|number| self.sockets.get_mut(&number));
        if let Some(socket) = socket {
            socket.uses.note(process, event.thread == event.process, event.name, event.at);
        }
    }

    fn has_ends(&self, number: u64, ends: Ends, is_raw: bool) -> bool {
        let socket = self.sockets.get(&number).filter(|socket| socket.closed == 0);
        let is_gone = !is_raw && ends.protocol == protocol::TCP && !ends.is_some();
        socket.is_some_and(|socket| is_gone || socket.place == ends.place(is_raw))
    }

    fn let_go(&mut self, event: &SocketEvent) {
        let Some(number) = self.current.remove(&event.cookie) else { return };
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        // The kernel may close what a process left, later.
        let is_kernel = event.name.starts_with(b"kworker/");
        if self.sees_uses && !is_kernel && socket.uses.is_empty() {
            socket.uses.note(event.process, event.thread == event.process, event.name, socket.opened);
        }
        self.close(number, event.at);
    }

    /// A socket has these ends from now on; its number, or `None` where it is none that matters or finds no room.
    fn open(&mut self, cookie: Cookie, ends: Ends, is_raw: bool, families: u8, at: u64) -> Option<u64> {
        if !is_raw && !ends.is_some() && !is_portless(ends.protocol) {
            return None;
        }
        if let Some(number) = self.current.remove(&cookie) {
            self.close(number, at);
        }
        if self.sockets.len() >= MOST && !self.forget_oldest() {
            return None;
        }
        let place = ends.place(is_raw);
        let at_place = self.places.entry(place).or_default();
        if at_place.len() >= MOST_AT_PLACE {
            return None;
        }
        let number = self.next;
        self.next += 1;
        at_place.push_back(number);
        let identifier = if is_raw { 0 } else { ends.local.1 };
        let socket =
            Socket { cookie, place, identifier, families, is_raw, opened: at, closed: 0, uses: Uses::default() };
        self.sockets.insert(number, socket);
        self.current.insert(cookie, number);
        Some(number)
    }

    fn close(&mut self, number: u64, now: u64) {
        if let Some(socket) = self.sockets.get_mut(&number).filter(|socket| socket.closed == 0) {
            socket.closed = now.max(1);
            self.closed.push_back(number);
        }
    }

    /// Forgets the socket that was closed first; whether there is one.
    fn forget_oldest(&mut self) -> bool {
        let Some(number) = self.closed.pop_front() else { return false };
        let Some(socket) = self.sockets.remove(&number) else { return true };
        if let Some(numbers) = self.places.get_mut(&socket.place) {
            if let Some(at) = numbers.iter().position(|other| *other == number) {
                numbers.remove(at);
            }
            if numbers.is_empty() {
                self.places.remove(&socket.place);
            }
        }
        true
    }

    /// Forgets what was closed too long ago to matter.
    pub fn sweep(&mut self, now: u64) {
        while let Some(socket) = self.closed.front().and_then(|number| self.sockets.get(number)) {
            if socket.closed.saturating_add(MEMORY) > now {
                return;
            }
            self.forget_oldest();
        }
    }

    /// Takes over a list of all sockets of a namespace that the kernel began to make at `asked`. `opened`: those that are
    /// new were there since. `holder`: the one process that has a socket, where it is one.
    pub fn reconcile(
        &mut self,
        netns: u64,
        listed: &[Listed],
        (opened, asked): (u64, u64),
        holder: impl Fn(u64) -> Option<(u32, Option<Arc<str>>)>,
    ) {
        let present: HashSet<Cookie> = listed.iter().map(|socket| socket.cookie).collect();
        let is_gone = |socket: &Socket| {
            socket.place.netns == netns
                && socket.opened < asked
                && is_listed(socket)
                && !present.contains(&socket.cookie)
        };
        let current = self.current.iter();
        let gone: Vec<(Cookie, u64)> = current
            .filter(|(_, number)| self.sockets.get(number).is_some_and(is_gone))
            .map(|(cookie, number)| (*cookie, *number))
            .collect();
        for (cookie, number) in gone {
            self.current.remove(&cookie);
            self.close(number, asked);
        }
        for socket in listed {
            let number = match self.current.get(&socket.cookie).copied() {
                Some(number) => Some(number),
                None => self.open(socket.cookie, socket.ends, socket.is_raw, socket.families, opened),
            };
            let known = number.and_then(|number| self.sockets.get_mut(&number));
            if let Some(known) = known.filter(|known| known.uses.is_empty())
                && let Some((process, name)) = holder(socket.inode)
            {
                known.uses.hold(process, name, known.opened);
            }
        }
    }

    /// Whose socket it was.
    pub fn owner(&self, question: &Question) -> Answer {
        let protocol = question.protocol;
        let (Some(local), Some(remote)) = (question.local.1, question.remote.1) else {
            return self.owner_of_raw(question);
        };
        if is_portless(protocol) {
            return self.owner_of_raw(question);
        }
        let (near, far) = (octets(question.local.0), octets(question.remote.0));
        let exact = Ends { netns: question.netns, protocol, local: (near, local), remote: (far, remote) };
        let any_peer = Ends { remote: ([0; 16], 0), ..exact };
        let any = Ends { local: ([0; 16], local), ..any_peer };
        let places: &[Ends] = if protocol == protocol::TCP { &[exact] } else { &[exact, any_peer, any] };
        let found = places.iter().map(|place| self.nearest(question, *place, |_| true));
        found.into_iter().find(|sockets| !sockets.is_empty()).map_or(Answer::Unknown, |found| answer(&found, question))
    }

    /// Of protocols without ports: the only process that has such a socket. One with the identifier of an ICMP query is
    /// its own.
    fn owner_of_raw(&self, question: &Question) -> Answer {
        let place = Ends { netns: question.netns, protocol: question.protocol, ..Ends::default() };
        if let Some(identifier) = question.local.1.filter(|identifier| *identifier != 0) {
            let own = self.nearest(question, place, |socket| socket.identifier == identifier);
            if !own.is_empty() {
                return answer(&own, question);
            }
        }
        let mut all = self.nearest(question, place, |_| true);
        all.extend(self.nearest(question, Ends { protocol: ANY_PROTOCOL, ..place }, |_| true));
        if all.is_empty() { Answer::Unknown } else { answer(&all, question) }
    }

    /// The sockets in a place that were there at the flow's time; where none was, those that came or went shortly after
    /// or before.
    fn nearest(&self, question: &Question, place: Ends, wants: impl Fn(&Socket) -> bool) -> Vec<&Socket> {
        let family = if question.local.0.is_ipv4() { Families::V4 } else { Families::V6 };
        // An exact place holds addresses of one version.
        let is_bound = place.local.0 != [0; 16];
        let at_place = self.places.get(&place).into_iter().flatten();
        let mut found = Vec::new();
        let mut nearest = u64::MAX;
        for socket in at_place.filter_map(|number| self.sockets.get(number)) {
            if !wants(socket) || !(is_bound || socket.families & family != 0) {
                continue;
            }
            let Some(gap) = gap(socket, question) else { continue };
            if gap < nearest {
                found.clear();
                nearest = gap;
            }
            if gap == nearest {
                found.push(socket);
            }
        }
        found
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        assert_eq!(self.places.values().map(VecDeque::len).sum::<usize>(), self.sockets.len());
        let open = self.sockets.values().filter(|socket| socket.closed == 0).count();
        assert_eq!((open, self.sockets.len() - open), (self.current.len(), self.closed.len()));
        self.sockets.len()
    }
}

/// Whether a list of all sockets has this one, too, by its cookie.
const fn is_listed(socket: &Socket) -> bool {
    is_stand_in(socket.cookie) || (!socket.is_raw && matches!(socket.place.protocol, protocol::TCP | protocol::UDP))
}

/// How far a socket's time is from the flow's, in nanoseconds; `None`: too far.
fn gap(socket: &Socket, question: &Question) -> Option<u64> {
    let before = socket.opened.saturating_sub(question.last);
    let is_tcp = socket.place.protocol == protocol::TCP;
    let after = if socket.closed == 0 { 0 } else { question.first.saturating_sub(socket.closed) };
    let longest = if is_tcp { ORPHAN } else { SLACK };
    (before <= SLACK && after <= longest).then(|| before.max(after))
}

/// The one process of all these sockets.
fn answer(sockets: &[&Socket], question: &Question) -> Answer {
    let mut owners = sockets.iter().map(|socket| socket.uses.at(question.first, question.last));
    let Some(Some(owner)) = owners.next() else { return Answer::Unclear };
    let is_one = owners.all(|other| other.is_some_and(|other| other.tgid == owner.tgid));
    if is_one { Answer::Owner(owner) } else { Answer::Unclear }
}

/// An address as it is in [`Ends`].
pub const fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}
