//! Asking the kernel for sockets (sock_diag(7)), in the network namespace of the thread that opens the netlink socket.
#![allow(unsafe_code, reason = "the namespace's cookie has no safe call")]

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;

use flowtrace_abi::{Families, ListeningSocket};
use flowtrace_wire::protocol;
use netlink_sys::{Socket, SocketAddr as NetlinkAddress};

use super::listeners::Cookie;
use super::owners::{Ends, Listed};
use super::tables;

/// `NETLINK_SOCK_DIAG`.
const SOCK_DIAG: isize = 4;
/// `SOCK_DIAG_BY_FAMILY` of include/uapi/linux/sock_diag.h.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `NLM_F_REQUEST`, and with `NLM_F_DUMP`.
const REQUEST: u16 = 1;
const LIST: u16 = 0x301;
/// `INET_DIAG_SKV6ONLY`.
const V6_ONLY: u16 = 11;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// TCP states (include/net/tcp_states.h). UDP uses two of them: established is connected, close is not.
const TIME_WAIT: u8 = 6;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;
const NEW_SYN_RECEIVED: u8 = 12;
/// UDP-Lite (RFC 3828).
const UDP_LITE: u8 = 136;
/// A list is cut here: more sockets do not listen on a host in reason.
const MOST: usize = 65_536;

/// Places in a message: of `struct nlmsghdr` (16 bytes), then `struct inet_diag_req_v2` (56 bytes) or
/// `struct inet_diag_msg` (72 bytes, then attributes), whose `struct inet_diag_sockid` begin at different places.
mod field {
    use std::ops::Range;

    pub const KIND: Range<usize> = 4..6;
    pub const FLAGS: Range<usize> = 6..8;
    pub const SEQUENCE: Range<usize> = 8..12;
    pub const BODY: usize = 16;
    pub const REQUEST_END: usize = BODY + 56;
    pub const REQUEST_ID: usize = BODY + 8;
    pub const FAMILY: usize = BODY;
    pub const STATE: usize = BODY + 1;
    pub const ID: usize = BODY + 4;
    pub const INODE: usize = BODY + 68;
    pub const ATTRIBUTES: usize = BODY + 72;
    // In `struct inet_diag_sockid`.
    pub const SOURCE_PORT: Range<usize> = 0..2;
    pub const DESTINATION_PORT: Range<usize> = 2..4;
    pub const SOURCE: Range<usize> = 4..20;
    pub const DESTINATION: Range<usize> = 20..36;
    pub const COOKIE: Range<usize> = 40..48;
}

/// A netlink socket for questions.
pub struct Diag {
    socket: Socket,
    netns: u64,
    /// Number of the last question: an answer to an earlier one is none.
    asked: Cell<u32>,
}

impl Diag {
    /// Opens one in the namespace of the calling thread, where it stays.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&NetlinkAddress::new(0, 0))?;
        let netns = netns_cookie(&socket)?;
        Ok(Self { socket, netns, asked: Cell::new(0) })
    }

    /// Cookie of the namespace.
    pub const fn netns(&self) -> u64 {
        self.netns
    }

    /// TCP sockets that listen and UDP sockets that are bound and not connected. When they were opened is not known.
    pub fn listening(&self) -> io::Result<Vec<(Cookie, ListeningSocket)>> {
        let mut found = Vec::new();
        for (protocol, state) in [(protocol::TCP, LISTEN), (protocol::UDP, CLOSE)] {
            for family in [AF_INET, AF_INET6] {
                self.ask(request(family, protocol, 1 << state, LIST, [0; 48]), |message| {
                    let socket = listening(message)
                        .map(|(cookie, socket)| (cookie, ListeningSocket { netns: self.netns, protocol, ..socket }));
                    found.extend(socket.filter(|_| found.len() < MOST));
                })?;
            }
        }
        Ok(found)
    }

    /// All sockets that have ends, or are raw ones, with their inodes; none that listen for connections.
    pub fn all(&self) -> io::Result<Vec<Listed>> {
        const CONNECTIONS: u32 = !(1 << TIME_WAIT | 1 << CLOSE | 1 << LISTEN | 1 << NEW_SYN_RECEIVED);
        let mut found = Vec::new();
        for (protocol, states) in [(protocol::TCP, CONNECTIONS), (protocol::UDP, u32::MAX), (UDP_LITE, u32::MAX)] {
            for family in [AF_INET, AF_INET6] {
                let asked = self.ask(request(family, protocol, states, LIST, [0; 48]), |message| {
                    let socket = listed(message, self.netns, protocol);
                    found.extend(socket.filter(|_| found.len() < MOST));
                });
                // Not every kernel has UDP-Lite.
                if protocol != UDP_LITE {
                    asked?;
                }
            }
        }
        found.extend(tables::list(self.netns));
        Ok(found)
    }

    /// Whether there is a TCP socket with these ends that is open: neither listening nor only waiting for its end.
    pub fn has_open(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<bool> {
        let family = if local.is_ipv4() { AF_INET } else { AF_INET6 };
        let mut is_open = false;
        let asked = self.ask(request(family, protocol::TCP, u32::MAX, REQUEST, id(local, remote)), |message| {
            // Where no connection fits, the kernel answers with the socket that listens.
            is_open |=
                !matches!(message.get(field::STATE), None | Some(&(TIME_WAIT | CLOSE | LISTEN | NEW_SYN_RECEIVED)));
        });
        match asked {
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
            asked => asked.map(|()| is_open),
        }
    }

    /// Sends a question and hands out the answers, each from its header on.
    fn ask(&self, mut question: [u8; field::REQUEST_END], mut answer: impl FnMut(&[u8])) -> io::Result<()> {
        let sequence = self.asked.get().wrapping_add(1).to_ne_bytes();
        self.asked.set(u32::from_ne_bytes(sequence));
        question[field::SEQUENCE].copy_from_slice(&sequence);
        self.socket.send(&question, 0)?;
        let is_list = question[field::FLAGS] == LIST.to_ne_bytes();
        loop {
            let (bytes, _) = self.socket.recv_from_full()?;
            let (mut rest, mut is_answer) = (bytes.as_slice(), false);
            while let Some(message) = next_message(&mut rest) {
                if message[field::SEQUENCE] != sequence {
                    continue;
                }
                is_answer = true;
                match u16_at(message, field::KIND) {
                    DONE => return Ok(()),
                    ERROR => return error_of(message),
                    BY_FAMILY => answer(message),
                    _ => {}
                }
            }
            if is_answer && !is_list {
                return Ok(());
            }
        }
    }
}

/// The first message, with its header; `rest` is then what follows.
fn next_message<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let bytes = *rest;
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let message = bytes.get(..length).filter(|message| message.len() >= field::BODY)?;
    *rest = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    Some(message)
}

/// `struct nlmsgerr`: a negative error number, or 0.
fn error_of(message: &[u8]) -> io::Result<()> {
    match array(message, field::BODY).map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(number.saturating_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn request(family: u8, protocol: u8, states: u32, flags: u16, id: [u8; 48]) -> [u8; field::REQUEST_END] {
    let mut bytes = [0; field::REQUEST_END];
    bytes[..4].copy_from_slice(&(field::REQUEST_END as u32).to_ne_bytes());
    bytes[field::KIND].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[field::FLAGS].copy_from_slice(&flags.to_ne_bytes());
    bytes[field::BODY] = family;
    bytes[field::BODY + 1] = protocol;
    bytes[field::BODY + 4..field::REQUEST_ID].copy_from_slice(&states.to_ne_bytes());
    bytes[field::REQUEST_ID..].copy_from_slice(&id);
    bytes
}

/// `struct inet_diag_sockid` of a connection on any interface, with any cookie (`INET_DIAG_NOCOOKIE`).
fn id(local: SocketAddr, remote: SocketAddr) -> [u8; 48] {
    let mut bytes = [0; 48];
    bytes[field::SOURCE_PORT].copy_from_slice(&local.port().to_be_bytes());
    bytes[field::DESTINATION_PORT].copy_from_slice(&remote.port().to_be_bytes());
    for (place, address) in [(field::SOURCE, local.ip()), (field::DESTINATION, remote.ip())] {
        match address {
            IpAddr::V4(address) => bytes[place.start..place.start + 4].copy_from_slice(&address.octets()),
            IpAddr::V6(address) => bytes[place].copy_from_slice(&address.octets()),
        }
    }
    bytes[field::COOKIE].fill(0xff);
    bytes
}

/// A socket of a list.
fn listening(message: &[u8]) -> Option<(Cookie, ListeningSocket)> {
    let id = message.get(field::ID..field::ATTRIBUTES)?;
    let octets: [u8; 16] = id[field::SOURCE].try_into().ok()?;
    let mut socket = match *message.get(field::FAMILY)? {
        AF_INET => ListeningSocket::v4(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).octets()),
        AF_INET6 => ListeningSocket::v6(octets),
        _ => return None,
    };
    if is_v6_only(&message[field::ATTRIBUTES..]) {
        socket.families &= Families::V6;
    }
    socket.port = u16::from_be_bytes(id[field::SOURCE_PORT].try_into().ok()?);
    let cookie = u64::from_ne_bytes(id[field::COOKIE].try_into().ok()?);
    Some((cookie, socket))
}

/// A socket of a list of all.
fn listed(message: &[u8], netns: u64, protocol: u8) -> Option<Listed> {
    let (cookie, socket) = listening(message)?;
    let id = message.get(field::ID..field::ATTRIBUTES)?;
    let octets: [u8; 16] = id[field::DESTINATION].try_into().ok()?;
    let remote = match message[field::FAMILY] {
        AF_INET => ListeningSocket::v4([octets[0], octets[1], octets[2], octets[3]]).address,
        _ => octets,
    };
    let port = u16::from_be_bytes(id[field::DESTINATION_PORT].try_into().ok()?);
    let ends = Ends { netns, protocol, local: (socket.address, socket.port), remote: (remote, port) };
    let inode = u32::from_ne_bytes(array(message, field::INODE)?);
    Some(Listed { cookie, ends, families: socket.families, is_raw: false, inode: inode.into() })
}

/// Attributes are length (with these four bytes), kind, value, padding to four bytes.
fn is_v6_only(attributes: &[u8]) -> bool {
    let mut rest = attributes;
    while rest.len() >= 4 {
        let length = u16_at(rest, 0..2) as usize;
        if u16_at(rest, 2..4) == V6_ONLY {
            return rest.get(4).is_some_and(|value| *value != 0);
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..).unwrap_or(&[]);
    }
    false
}

fn u16_at(bytes: &[u8], place: std::ops::Range<usize>) -> u16 {
    array(bytes, place.start).map_or(0, u16::from_ne_bytes)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// `SO_NETNS_COOKIE` (Linux 5.14).
fn netns_cookie(socket: &Socket) -> io::Result<u64> {
    const SO_NETNS_COOKIE: libc::c_int = 71;
    let mut cookie = 0u64;
    let mut length = size_of::<u64>() as libc::socklen_t;
    let value = std::ptr::from_mut(&mut cookie).cast();
    // SAFETY: the descriptor is open; value and length are of this function and live longer than the call.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, SO_NETNS_COOKIE, value, &raw mut length) };
    if result == 0 { Ok(cookie) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    fn list(diag: &Diag, port: u16) -> Vec<([u8; 16], u8, u8)> {
        let sockets = diag.listening().expect("anybody may ask");
        sockets
            .iter()
            .filter(|(_, socket)| socket.port == port)
            .map(|(_, at)| (at.address, at.protocol, at.families))
            .collect()
    }

    #[test]
    fn this_processs_sockets_are_found() {
        let diag = Diag::open().expect("anybody may ask");
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = tcp.local_addr().expect("it is bound");
        assert!(list(&diag, address.port()).contains(&(mapped, protocol::TCP, Families::V4)));
        let udp = UdpSocket::bind("[::]:0").expect("a free port");
        let port = udp.local_addr().expect("it is bound").port();
        assert!(list(&diag, port).contains(&([0; 16], protocol::UDP, Families::V4 | Families::V6)));
        udp.connect("[::1]:9").expect("any address can be connected to");
        assert!(!list(&diag, port).iter().any(|(_, protocol, _)| *protocol == protocol::UDP));
        let stream = TcpStream::connect(address).expect("it listens");
        let client = stream.local_addr().expect("it is connected");
        let ask = |local, remote| diag.has_open(local, remote).expect("anybody may ask");
        assert!(ask(client, address) && ask(address, client));
        // The one that listens is not a connection.
        assert!(!ask(address, SocketAddr::new(client.ip(), 1)));
        let accepted = tcp.accept().expect("it was connected");
        drop((stream, accepted));
        assert!(!ask(client, address));
    }

    #[test]
    fn answers_that_are_cut_or_wrong_are_no_sockets() {
        let mut message = vec![0; field::ATTRIBUTES];
        message[field::FAMILY] = AF_INET6;
        for attributes in
            [&[][..], &[8, 0, 11, 0, 1, 0, 0, 0], &[5, 0, 6, 0, 0, 0, 0, 0, 5, 0, 11, 0, 1], &[0; 7], &[255; 9]]
        {
            let text: Vec<u8> = message.iter().chain(attributes).copied().collect();
            let (_, socket) = listening(&text).expect("a socket");
            let is_only = attributes.windows(2).any(|two| two == [11, 0]);
            assert_eq!(socket.families == Families::V6, is_only, "{attributes:?}");
        }
        for length in 0..field::ATTRIBUTES {
            assert_eq!(listening(&message[..length]), None);
        }
        message[field::FAMILY] = 1;
        assert_eq!(listening(&message), None);
        for bytes in [&[][..], &[16, 0, 0], &[15; 16], &[255; 20], &[20, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]] {
            assert_eq!(next_message(&mut &*bytes), None, "{bytes:?}");
        }
    }
}
