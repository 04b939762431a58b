//! Asking the kernel for its links and addresses, and being told when they change.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// `RTNLGRP_LINK` of `enum rtnetlink_groups`.
const GROUP_LINK: u32 = 1;
/// `RTNLGRP_IPV4_IFADDR`.
const GROUP_IPV4_ADDRESS: u32 = 5;
/// `RTNLGRP_IPV6_IFADDR`.
const GROUP_IPV6_ADDRESS: u32 = 9;

/// All answers to a request for a list.
pub fn dump(request: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
    exchange(request, NLM_F_REQUEST | NLM_F_DUMP)
}

/// Sends a request with the given flags and collects the answers up to the last.
pub fn exchange(request: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(request));
    message.header.flags = flags;
    message.header.sequence_number = 1;
    message.finalize();
    let mut bytes = vec![0; message.header.length as usize];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    collect(&socket)
}

fn collect(socket: &Socket) -> io::Result<Vec<RouteNetlinkMessage>> {
    let mut answers = Vec::new();
    loop {
        let (bytes, _) = socket.recv_from_full()?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            let length = (message.header.length as usize).next_multiple_of(4);
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(answers),
                NetlinkPayload::Error(error) => match error.code {
                    None => return Ok(answers),
                    Some(_) => return Err(error.to_io()),
                },
                NetlinkPayload::InnerMessage(answer) => answers.push(answer),
                _ => {}
            }
            rest = rest.get(length.max(4)..).unwrap_or(&[]);
        }
    }
}

/// A socket that becomes readable when links or addresses change. What exactly changed is not read from it: after a
/// burst some of it is lost anyway, so the lists are asked for again.
pub struct Changes {
    socket: Socket,
}

impl Changes {
    /// Listens from now on. `has_others`: also to the namespaces that this one knows by a number, as the other ends of its
    /// cables (veth) are in.
    pub fn listen(has_others: bool) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        for group in [GROUP_LINK, GROUP_IPV4_ADDRESS, GROUP_IPV6_ADDRESS] {
            socket.add_membership(group)?;
        }
        if has_others && let Err(error) = socket.set_listen_all_namespaces(true) {
            // They are visited from time to time.
            tracing::debug!(%error, "changes in other network namespaces are not told");
        }
        socket.set_non_blocking(true)?;
        Ok(Self { socket })
    }

    /// Whether anything changed since the last call.
    pub fn take(&mut self) -> bool {
        let mut changed = false;
        let mut buffer = Vec::with_capacity(32 * 1024);
        loop {
            buffer.clear();
            match self.socket.recv(&mut buffer, 0) {
                Ok(_) => changed = true,
                // Messages were dropped: something changed.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => changed = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return changed,
            }
        }
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        borrow(&self.socket)
    }
}

#[allow(unsafe_code, reason = "netlink-sys has no AsFd")]
fn borrow(socket: &Socket) -> BorrowedFd<'_> {
    // SAFETY: the descriptor is open as long as the socket is borrowed.
    unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
}
