//! Which sockets listened, where, and when.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;

use flowtrace_abi::{End, Families, ListeningSocket};

/// How long a socket is remembered after it ceased to listen: longer than a flow's first record may wait, in nanoseconds.
const MEMORY: u64 = 3600 * 1_000_000_000;
/// How many sockets are remembered, open or closed; some 10 MB. Of too many, those that were closed first go first, and
/// when there are none, further ones are not noted.
const MOST: usize = 65_536;
/// A socket counts as listening this much longer, before and after, in nanoseconds: who asks the kernel from time to time
/// does not know more exactly.
const SLACK: u64 = 1_000_000_000;

/// A socket's cookie.
pub type Cookie = u64;

/// Where a socket listens: cookie of the network namespace, protocol, port.
type Place = (u64, u8, u16);

/// The sockets, by cookie and by where they listen. Pure: time is an argument, in nanoseconds since boot.
#[derive(Debug, Default)]
pub struct Listeners {
    sockets: HashMap<Cookie, ListeningSocket>,
    places: HashMap<Place, Vec<Cookie>>,
    /// Those that were closed, in the order in which this was noted.
    closed: VecDeque<Cookie>,
}

impl Listeners {
    /// Notes what is known of a socket now.
    pub fn note(&mut self, cookie: Cookie, socket: ListeningSocket) {
        let before = self.sockets.get(&cookie).copied();
        if before == Some(socket) || (before.is_none() && self.sockets.len() >= MOST && !self.forget_oldest()) {
            return;
        }
        if before.is_some_and(|before| before.closed != 0) {
            self.closed.retain(|other| *other != cookie);
        }
        self.remove(cookie);
        self.places.entry(place(&socket)).or_default().push(cookie);
        self.sockets.insert(cookie, socket);
        if socket.closed != 0 {
            self.closed.push_back(cookie);
        }
    }

    fn remove(&mut self, cookie: Cookie) {
        let Some(socket) = self.sockets.remove(&cookie) else { return };
        if let Some(cookies) = self.places.get_mut(&place(&socket)) {
            cookies.retain(|other| *other != cookie);
            if cookies.is_empty() {
                self.places.remove(&place(&socket));
            }
        }
    }

    /// Forgets the socket that was closed first; whether there is one.
    fn forget_oldest(&mut self) -> bool {
        let oldest = self.closed.pop_front();
        oldest.into_iter().for_each(|cookie| self.remove(cookie));
        oldest.is_some()
    }

    /// Forgets what was closed too long ago to matter.
    pub fn sweep(&mut self, now: u64) {
        while let Some(socket) = self.closed.front().and_then(|cookie| self.sockets.get(cookie)) {
            if socket.closed.saturating_add(MEMORY) > now {
                return;
            }
            self.forget_oldest();
        }
    }

    /// Compares with the sockets of a namespace that the kernel listed at `now`. Returns those that are new; of those
    /// that are not in the list and began to listen before `asked`, the end was missed: they are closed.
    pub fn reconcile(
        &mut self,
        netns: u64,
        listed: Vec<(Cookie, ListeningSocket)>,
        asked: u64,
        now: u64,
    ) -> Reconciled {
        let present: HashSet<Cookie> = listed.iter().map(|(cookie, _)| *cookie).collect();
        let ended: Vec<Cookie> = self.open_in(netns, asked).filter(|cookie| !present.contains(cookie)).collect();
        for cookie in &ended {
            self.close(*cookie, now);
        }
        let mut begun = Vec::new();
        for (cookie, socket) in listed {
            match self.sockets.get_mut(&cookie) {
                // What only the list tells: whether a socket bound to any IPv6 address takes IPv4.
                Some(known) if known.closed == 0 => known.families = socket.families,
                _ => begun.push((cookie, socket)),
            }
        }
        Reconciled { begun, ended }
    }

    fn open_in(&self, netns: u64, before: u64) -> impl Iterator<Item = Cookie> {
        let is_it =
            move |socket: &ListeningSocket| socket.netns == netns && socket.closed == 0 && socket.opened < before;
        self.sockets.iter().filter(move |(_, socket)| is_it(socket)).map(|(cookie, _)| *cookie)
    }

    fn close(&mut self, cookie: Cookie, now: u64) {
        if let Some(socket) = self.sockets.get_mut(&cookie) {
            (socket.closed, socket.end) = (now, End::CLOSED);
            self.closed.push_back(cookie);
        }
    }

    /// Closes all sockets of namespaces that are not among these.
    pub fn retain_namespaces(&mut self, present: &HashSet<u64>, now: u64) {
        let is_gone = |socket: &ListeningSocket| socket.closed == 0 && !present.contains(&socket.netns);
        let gone: Vec<_> =
            self.sockets.iter().filter(|(_, socket)| is_gone(socket)).map(|(cookie, _)| *cookie).collect();
        gone.into_iter().for_each(|cookie| self.close(cookie, now));
    }

    /// Whether a socket of the namespace listened at this end at some time from `first` to `last`.
    pub fn listened(&self, netns: u64, protocol: u8, (address, port): (IpAddr, u16), first: u64, last: u64) -> bool {
        let Some(cookies) = self.places.get(&(netns, protocol, port)) else { return false };
        let sockets = cookies.iter().filter_map(|cookie| self.sockets.get(cookie));
        sockets.into_iter().any(|socket| takes(socket, address) && listened(socket, first, last))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        assert_eq!(self.places.values().map(Vec::len).sum::<usize>(), self.sockets.len());
        assert_eq!(self.sockets.values().filter(|socket| socket.closed != 0).count(), self.closed.len());
        self.sockets.len()
    }
}

/// What a list of a namespace's sockets told.
#[derive(Debug, PartialEq, Eq)]
pub struct Reconciled {
    /// Sockets that were not known, or not to listen.
    pub begun: Vec<(Cookie, ListeningSocket)>,
    /// Sockets whose end was missed.
    pub ended: Vec<Cookie>,
}

const fn place(socket: &ListeningSocket) -> Place {
    (socket.netns, socket.protocol, socket.port)
}

fn takes(socket: &ListeningSocket, address: IpAddr) -> bool {
    let (family, octets) = match address {
        IpAddr::V4(address) => (Families::V4, address.to_ipv6_mapped().octets()),
        IpAddr::V6(address) => (Families::V6, address.octets()),
    };
    socket.families & family != 0 && (socket.address == [0; 16] || socket.address == octets)
}

/// A UDP socket that was connected waited only for who spoke before: a server that takes its first caller, where the
/// socket of a client is connected before anything is said.
fn listened(socket: &ListeningSocket, first: u64, last: u64) -> bool {
    if socket.end == End::CONNECTED {
        return socket.opened <= first && first <= socket.closed;
    }
    socket.opened.saturating_sub(SLACK) <= last && (socket.closed == 0 || first <= socket.closed.saturating_add(SLACK))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const UDP: u8 = 17;
    const NETNS: u64 = 7;
    const A: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const B: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const C: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

    fn at(seconds: u64) -> u64 {
        seconds * SECOND
    }

    fn bound(socket: ListeningSocket, opened: u64) -> ListeningSocket {
        ListeningSocket { netns: NETNS, protocol: UDP, port: 53, opened: at(opened), ..socket }
    }

    fn any4(opened: u64) -> ListeningSocket {
        bound(ListeningSocket::v4([0; 4]), opened)
    }

    fn ended(socket: ListeningSocket, closed: u64, end: u32) -> ListeningSocket {
        ListeningSocket { closed: at(closed), end, ..socket }
    }

    fn asks(listeners: &Listeners, address: IpAddr, first: u64, last: u64) -> bool {
        listeners.listened(NETNS, UDP, (address, 53), at(first), at(last))
    }

    #[test]
    fn a_socket_takes_what_it_is_bound_to() {
        let only6 = ListeningSocket { families: Families::V6, ..ListeningSocket::v6([0; 16]) };
        for (socket, takes) in [
            (ListeningSocket::v4([0; 4]), [true, true, false]),
            (ListeningSocket::v4([192, 0, 2, 1]), [true, false, false]),
            (ListeningSocket::v6([0; 16]), [true, true, true]),
            (only6, [false, false, true]),
            (
                ListeningSocket::v6("2001:db8::1".parse::<Ipv6Addr>().expect("an address").octets()),
                [false, false, true],
            ),
        ] {
            let mut listeners = Listeners::default();
            listeners.note(1, bound(socket, 10));
            assert_eq!([A, B, C].map(|address| asks(&listeners, address, 20, 20)), takes, "{socket:?}");
        }
    }

    #[test]
    fn a_place_is_namespace_protocol_and_port() {
        let mut listeners = Listeners::default();
        listeners.note(1, any4(10));
        let asks = |netns, protocol, port| listeners.listened(netns, protocol, (A, port), at(20), at(20));
        assert!(asks(NETNS, UDP, 53));
        assert!(!asks(NETNS + 1, UDP, 53) && !asks(NETNS, 6, 53) && !asks(NETNS, UDP, 54));
    }

    #[test]
    fn a_socket_listens_from_its_beginning_to_its_end() {
        let closed = ended(any4(10), 20, End::CLOSED);
        let connected = ended(any4(10), 20, End::CONNECTED);
        for (socket, first, last, listens) in [
            (any4(0), 1, 2, true),
            (any4(10), 3, 8, false),
            // A second more or less.
            (any4(10), 3, 9, true),
            (any4(10), 30, 40, true),
            (closed, 15, 16, true),
            (closed, 21, 22, true),
            (closed, 22, 30, false),
            (closed, 5, 30, true),
            // The first packet came, then the socket was given to its sender.
            (connected, 12, 40, true),
            // It was connected, then it sent.
            (connected, 21, 40, false),
            // The flow was there before.
            (connected, 5, 40, false),
        ] {
            let mut listeners = Listeners::default();
            listeners.note(1, socket);
            assert_eq!(asks(&listeners, A, first, last), listens, "{socket:?} from {first} to {last}");
        }
    }

    #[test]
    fn of_several_sockets_on_a_port_each_is_closed_for_itself() {
        let mut listeners = Listeners::default();
        listeners.note(1, any4(10));
        listeners.note(2, any4(11));
        listeners.note(1, ended(any4(10), 20, End::CLOSED));
        assert!(asks(&listeners, A, 30, 30));
        listeners.note(2, ended(any4(11), 25, End::CLOSED));
        assert!(!asks(&listeners, A, 30, 30) && asks(&listeners, A, 22, 24));
        assert_eq!(listeners.len(), 2);
    }

    #[test]
    fn a_list_corrects_what_was_missed() {
        let mut listeners = Listeners::default();
        listeners.note(1, any4(10));
        listeners.note(2, bound(ListeningSocket::v6([0; 16]), 10));
        // Noted while the list was made: it cannot be in it.
        listeners.note(3, any4(31));
        let only6 = ListeningSocket { families: Families::V6, ..bound(ListeningSocket::v6([0; 16]), 0) };
        let told = listeners.reconcile(NETNS, vec![(2, only6), (4, any4(0))], at(30), at(31));
        assert_eq!(told, Reconciled { begun: vec![(4, any4(0))], ended: vec![1] });
        let families = |cookie| listeners.sockets[&cookie].families;
        assert_eq!(
            (families(2), listeners.sockets[&1].closed, listeners.sockets[&3].closed),
            (Families::V6, at(31), 0)
        );
        assert_eq!(listeners.len(), 3);
    }

    #[test]
    fn the_sockets_of_a_namespace_end_with_it() {
        let mut listeners = Listeners::default();
        listeners.note(1, any4(10));
        listeners.note(2, ListeningSocket { netns: 8, ..any4(10) });
        listeners.retain_namespaces(&HashSet::from([8]), at(20));
        assert!(!asks(&listeners, A, 30, 30) && asks(&listeners, A, 12, 12));
        assert!(listeners.listened(8, UDP, (A, 53), at(30), at(30)));
    }

    #[test]
    fn the_past_is_forgotten_and_bounded() {
        let mut listeners = Listeners::default();
        listeners.note(1, ended(any4(10), 20, End::CLOSED));
        listeners.note(2, any4(10));
        listeners.sweep(at(3619));
        assert_eq!(listeners.len(), 2);
        listeners.sweep(at(3620));
        assert_eq!(listeners.len(), 1);
        for cookie in 10..10 + MOST as u64 + 5 {
            let socket = ListeningSocket { port: cookie as u16, ..any4(10) };
            listeners.note(cookie, if cookie < 20 { ended(socket, 15, End::CLOSED) } else { socket });
        }
        assert_eq!(listeners.len(), MOST);
        // The closed ones went; the open ones that came last found no room.
        assert!(listeners.sockets.contains_key(&2) && !listeners.sockets.contains_key(&15));
    }
}
