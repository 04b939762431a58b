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
/// How many sockets are remembered, open or closed; some 45 MB. Of too many those that were closed first go first, and
/// when there are none, further ones are not noted.
const MOST: usize = 131_072;
/// How many of them may have the same ends, as several that share a port.
const MOST_AT_PLACE: usize = 1024;
/// How long after a packet its socket may first be heard of: a send is told after its packet, whose time may be that of
/// the timer tick before.
const SLACK: u64 = SECOND / 10;
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
            // A bind does not tell whether IPv4 is refused.
            socket.families = event.families;
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
        // Of equally near ones, those with the most exact ends.
        let found = places.iter().filter_map(|place| self.nearest(question, *place, |_| true));
        found.min_by_key(|(gap, _)| *gap).map_or(Answer::Unknown, |(_, sockets)| answer(&sockets, question))
    }

    /// Of protocols without ports: the only process that has such a socket. One with the identifier of an ICMP query is
    /// its own.
    fn owner_of_raw(&self, question: &Question) -> Answer {
        let place = Ends { netns: question.netns, protocol: question.protocol, ..Ends::default() };
        if let Some(identifier) = question.local.1.filter(|identifier| *identifier != 0) {
            let own = self.nearest(question, place, |socket| socket.identifier == identifier);
            if let Some((0, own)) = own {
                return answer(&own, question);
            }
        }
        let places = [place, Ends { protocol: ANY_PROTOCOL, ..place }];
        let found = places.iter().filter_map(|place| self.nearest(question, *place, |_| true));
        let all: Vec<_> = found.flat_map(|(_, sockets)| sockets).collect();
        if all.is_empty() { Answer::Unknown } else { answer(&all, question) }
    }

    /// The sockets in a place that were there at the flow's time; where none was, those that came next after it, or went
    /// last before. How far away that is in nanoseconds, and they.
    fn nearest(
        &self,
        question: &Question,
        place: Ends,
        wants: impl Fn(&Socket) -> bool,
    ) -> Option<(u64, Vec<&Socket>)> {
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
        (!found.is_empty()).then_some((nearest, found))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
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
    let after = if socket.closed == 0 { 0 } else { question.first.saturating_sub(socket.closed) };
    // Only a connection goes on without its socket.
    let longest = if socket.place.protocol == protocol::TCP { ORPHAN } else { 0 };
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const NETNS: u64 = 7;
    const TCP: u8 = protocol::TCP;
    const UDP: u8 = protocol::UDP;
    const A: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const C: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    const ANY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

    const fn at(seconds: u64) -> u64 {
        seconds * SECOND
    }

    /// Process `process` uses a socket that is from `local` to `remote`, at `seconds`.
    fn used(cookie: Cookie, protocol: u8, local: (IpAddr, u16), remote: (IpAddr, u16), process: u32) -> SocketEvent {
        SocketEvent {
            cookie,
            netns: NETNS,
            protocol,
            local: octets(local.0),
            local_port: local.1,
            remote: octets(remote.0),
            remote_port: remote.1,
            families: Families::V4 | Families::V6,
            happening: Happening::USED,
            process,
            thread: process,
            ..SocketEvent::default()
        }
    }

    fn connection(cookie: Cookie, process: u32) -> SocketEvent {
        used(cookie, TCP, (A, 40_000), (B, 80), process)
    }

    fn note(owners: &mut Owners, event: SocketEvent, seconds: u64) {
        owners.note(&SocketEvent { at: at(seconds), ..event });
    }

    fn close(owners: &mut Owners, cookie: Cookie, process: u32, seconds: u64) {
        note(owners, SocketEvent { cookie, process, happening: Happening::CLOSED, ..SocketEvent::default() }, seconds);
    }

    fn ask(owners: &Owners, protocol: u8, local: (IpAddr, u16), remote: (IpAddr, u16), times: (u64, u64)) -> Answer {
        let port = |port| (port != 0).then_some(port);
        let (local, remote) = ((local.0, port(local.1)), (remote.0, port(remote.1)));
        owners.owner(&Question { netns: NETNS, protocol, local, remote, first: at(times.0), last: at(times.1) })
    }

    /// The process, 0 where it is unclear, `None` where nothing is known.
    fn process(answer: &Answer) -> Option<u32> {
        match answer {
            Answer::Unknown => None,
            Answer::Unclear => Some(0),
            Answer::Owner(owner) => Some(owner.tgid),
        }
    }

    fn of_connection(owners: &Owners, first: u64, last: u64) -> Option<u32> {
        process(&ask(owners, TCP, (A, 40_000), (B, 80), (first, last)))
    }

    #[test]
    fn a_connection_is_found_by_all_its_ends_and_its_time() {
        let mut owners = Owners::default();
        note(&mut owners, connection(1, 11), 10);
        close(&mut owners, 1, 11, 20);
        note(&mut owners, connection(2, 12), 30);
        for (first, last, owner) in [
            (10, 15, Some(11)),
            (15, 25, Some(11)),
            (9, 9, None),
            // The kernel goes on with the connection for its process.
            (22, 25, Some(11)),
            (31, 40, Some(12)),
            // There were two.
            (15, 35, Some(0)),
        ] {
            assert_eq!(of_connection(&owners, first, last), owner, "from {first} to {last}");
        }
        for (local, remote) in
            [((A, 40_001), (B, 80)), ((A, 40_000), (B, 81)), ((B, 40_000), (A, 80)), ((C, 40_000), (B, 80))]
        {
            assert_eq!(process(&ask(&owners, TCP, local, remote, (31, 40))), None, "{local:?} {remote:?}");
        }
        let other = Question {
            netns: NETNS + 1,
            protocol: TCP,
            local: (A, Some(40_000)),
            remote: (B, Some(80)),
            first: at(31),
            last: at(31),
        };
        assert_eq!(owners.owner(&other), Answer::Unknown);
        assert_eq!(owners.len(), 2);
    }

    /// It is told after what it sent.
    #[test]
    fn a_socket_is_heard_of_after_its_packet() {
        let mut owners = Owners::default();
        note(&mut owners, used(1, UDP, (ANY, 53), (ANY, 0), 11), 10);
        for (packet, owner) in [(at(10) - SLACK, Some(11)), (at(10) - SLACK - 1, None)] {
            let question = Question {
                netns: NETNS,
                protocol: UDP,
                local: (A, Some(53)),
                remote: (B, Some(9)),
                first: packet,
                last: packet,
            };
            assert_eq!(process(&owners.owner(&question)), owner);
        }
    }

    /// It was bound before: who receives late has received what came since.
    #[test]
    fn a_bound_socket_has_what_came_since() {
        let mut owners = Owners::default();
        let bound = SocketEvent { happening: Happening::OPENED, ..used(1, UDP, (ANY, 53), (ANY, 0), 0) };
        note(&mut owners, bound, 10);
        let ask = |owners: &Owners, local| process(&ask(owners, UDP, (local, 53), (B, 9), (11, 11)));
        assert_eq!((ask(&owners, A), ask(&owners, C)), (Some(0), Some(0)));
        note(&mut owners, SocketEvent { families: Families::V6, ..used(1, UDP, (ANY, 53), (ANY, 0), 11) }, 20);
        assert_eq!((ask(&owners, A), ask(&owners, C), owners.len()), (None, Some(11), 1));
    }

    #[test]
    fn who_closes_what_nobody_used_is_its_owner() {
        for (sees_uses, name, owner) in [(true, &b"nginx"[..], 11), (false, b"nginx", 0), (true, b"kworker/0:1", 0)] {
            let mut owners = Owners { sees_uses, ..Owners::default() };
            note(&mut owners, SocketEvent { happening: Happening::OPENED, ..connection(1, 0) }, 10);
            assert_eq!(of_connection(&owners, 10, 11), Some(0), "nobody yet");
            let mut closed =
                SocketEvent { cookie: 1, process: 11, happening: Happening::CLOSED, ..SocketEvent::default() };
            closed.name[..name.len()].copy_from_slice(name);
            note(&mut owners, closed, 12);
            assert_eq!(of_connection(&owners, 10, 11), Some(owner), "{name:?}");
        }
    }

    #[test]
    fn a_socket_without_a_peer_takes_all_that_no_other_has() {
        let mut owners = Owners::default();
        note(&mut owners, used(1, UDP, (ANY, 53), (ANY, 0), 11), 10);
        note(&mut owners, used(2, UDP, (A, 53), (ANY, 0), 12), 10);
        note(&mut owners, used(3, UDP, (A, 53), (B, 9), 13), 10);
        let ask = |owners: &Owners, local, remote| process(&ask(owners, UDP, (local, 53), remote, (12, 13)));
        assert_eq!(ask(&owners, B, (A, 9)), Some(11));
        assert_eq!(ask(&owners, C, (C, 9)), Some(11));
        assert_eq!(ask(&owners, A, (B, 8)), Some(12));
        assert_eq!(ask(&owners, A, (B, 9)), Some(13));
        // A second process at the same port; the same process a second time.
        note(&mut owners, used(4, UDP, (A, 53), (ANY, 0), 14), 10);
        note(&mut owners, used(5, UDP, (ANY, 53), (ANY, 0), 11), 10);
        assert_eq!((ask(&owners, A, (B, 8)), ask(&owners, B, (A, 9))), (Some(0), Some(11)));
        // IPv6 alone.
        note(&mut owners, SocketEvent { families: Families::V6, ..used(6, UDP, (ANY, 53), (ANY, 0), 15) }, 10);
        assert_eq!((ask(&owners, B, (A, 9)), ask(&owners, C, (C, 9))), (Some(11), Some(0)));
    }

    /// A port that one process had a moment ago is another one's now, bound less exactly.
    #[test]
    fn what_is_gone_does_not_stand_before_what_is_there() {
        let mut owners = Owners::default();
        note(&mut owners, used(1, UDP, (A, 53), (ANY, 0), 11), 10);
        close(&mut owners, 1, 11, 12);
        note(&mut owners, used(2, UDP, (ANY, 53), (ANY, 0), 12), 13);
        let ask = |first, last| process(&ask(&owners, UDP, (A, 53), (B, 9), (first, last)));
        assert_eq!([ask(13, 14), ask(10, 12), ask(1, 2)], [Some(12), Some(11), None]);
    }

    #[test]
    fn a_socket_has_one_peer_after_another() {
        let mut owners = Owners::default();
        for (number, second) in [(1, 10), (2, 20), (3, 30)] {
            note(&mut owners, used(1, UDP, (A, 5000), (B, number), 10 + u32::from(number)), second);
        }
        // TCP that lost its ends changes hands all the same.
        note(&mut owners, connection(2, 11), 10);
        note(&mut owners, used(2, TCP, (A, 0), (B, 80), 12), 20);
        let ask = |port, first, last| process(&ask(&owners, UDP, (A, 5000), (B, port), (first, last)));
        assert_eq!(
            [ask(1, 10, 11), ask(2, 20, 21), ask(3, 30, 31), ask(1, 25, 26)],
            [Some(11), Some(12), Some(13), None]
        );
        assert_eq!((of_connection(&owners, 10, 15), of_connection(&owners, 10, 25)), (Some(11), Some(12)));
        assert_eq!(owners.len(), 4);
    }

    #[test]
    fn without_ports_the_only_process_is_it() {
        let icmp = |cookie, identifier, process| used(cookie, protocol::ICMP, (ANY, identifier), (ANY, 0), process);
        let raw =
            |cookie, protocol, process| SocketEvent { is_raw: 1, ..used(cookie, protocol, (A, 0), (ANY, 0), process) };
        let mut owners = Owners::default();
        note(&mut owners, icmp(1, 77, 11), 10);
        let ask =
            |owners: &Owners, identifier| process(&ask(owners, protocol::ICMP, (A, identifier), (B, 0), (11, 12)));
        assert_eq!((ask(&owners, 0), ask(&owners, 78)), (Some(11), Some(11)));
        note(&mut owners, raw(2, protocol::ICMP, 12), 10);
        assert_eq!((ask(&owners, 0), ask(&owners, 77)), (Some(0), Some(11)));
        close(&mut owners, 1, 11, 10);
        assert_eq!(ask(&owners, 0), Some(12));
        note(&mut owners, raw(3, ANY_PROTOCOL, 13), 11);
        assert_eq!(ask(&owners, 0), Some(0));
    }

    fn listed(cookie: Cookie, port: u16, inode: u64) -> Listed {
        let ends = Ends { netns: NETNS, protocol: UDP, local: (octets(A), port), ..Ends::default() };
        Listed { cookie, ends, families: Families::V4, is_raw: false, inode }
    }

    #[test]
    fn lists_tell_what_was_not_seen() {
        let mut owners = Owners::default();
        note(&mut owners, used(1, UDP, (A, 1), (ANY, 0), 11), 10);
        note(&mut owners, used(2, UDP, (A, 2), (ANY, 0), 12), 10);
        // Its end was missed; it cannot be in the list yet; it is of another kind.
        note(&mut owners, used(3, UDP, (A, 3), (ANY, 0), 13), 10);
        note(&mut owners, used(4, UDP, (A, 4), (ANY, 0), 14), 21);
        note(&mut owners, used(5, protocol::SCTP, (A, 5), (ANY, 0), 15), 10);
        let list = [listed(1, 1, 101), listed(2, 2, 102), listed(6, 6, 106), listed(7, 7, 107)];
        let holder = |inode| match inode {
            101 => Some((99, None)),
            106 => Some((16, Some("six".into()))),
            _ => None,
        };
        owners.reconcile(NETNS, &list, (0, at(20)), holder);
        let now = |protocol, port| process(&ask(&owners, protocol, (A, port), (B, 9), (30, 31)));
        assert_eq!(
            [1, 2, 3, 4, 6, 7].map(|port| now(UDP, port)),
            [Some(11), Some(12), None, Some(14), Some(16), Some(0)]
        );
        assert_eq!(now(protocol::SCTP, 5), Some(15));
        let since = |port| match ask(&owners, UDP, (A, port), (B, 9), (1, 2)) {
            Answer::Owner(owner) => Some((owner.since, owner.comm)),
            _ => None,
        };
        assert_eq!((since(6), since(7)), (Some((0, Some("six".into()))), None));
        // Who uses it is its owner.
        note(&mut owners, used(7, UDP, (A, 7), (ANY, 0), 17), 25);
        assert_eq!(process(&ask(&owners, UDP, (A, 7), (B, 9), (30, 31))), Some(17));
        owners.len();
    }

    #[test]
    fn the_past_is_forgotten_and_bounded() {
        let mut owners = Owners::default();
        note(&mut owners, connection(1, 11), 10);
        close(&mut owners, 1, 11, 20);
        owners.sweep(at(109));
        assert_eq!(owners.len(), 1);
        owners.sweep(at(110));
        assert_eq!((owners.len(), owners.places.len()), (0, 0));
        for cookie in 1..=MOST as u64 + 5 {
            note(&mut owners, used(cookie, TCP, (A, cookie as u16 | 1), (B, 1 + (cookie >> 9) as u16), 11), 10);
            if cookie < 4 {
                close(&mut owners, cookie, 11, 11);
            }
        }
        // The closed ones went; the open ones that came last found no room.
        assert_eq!((owners.len(), owners.closed.len()), (MOST, 0));
        let mut owners = Owners::default();
        (1..=2000).for_each(|cookie| note(&mut owners, used(cookie, UDP, (A, 53), (ANY, 0), 11), 10));
        assert_eq!(owners.len(), MOST_AT_PLACE);
    }
}
