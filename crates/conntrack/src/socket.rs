//! Netlink sockets of connection tracking (ctnetlink), in the network namespace of the thread that opens them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, recv, send, socket_with, sockopt,
};

use crate::translations::MOST;
use crate::{Change, Connection, connections};

/// A message with all it may hold; a list comes in pieces of at most this.
const DATAGRAM: usize = 1 << 16;
/// Room for events that are not read yet, in bytes: as the kernel counts, some thousands.
const ROOM: usize = 8 << 20;
/// `NFNLGRP_CONNTRACK_NEW` and `NFNLGRP_CONNTRACK_DESTROY`, as bits. What a connection is translated to does not change
/// after it has begun, so nobody need hear of its updates, which are most of what there is to hear.
const GROUPS: u32 = 1 << 0 | 1 << 2;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET`.
const GET: u16 = 0x101;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const LIST: u16 = 0x301;

/// What a list has.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The connections that are translated, as many as are held at most.
    pub translated: Vec<Connection>,
    /// How many more there are.
    pub full: u64,
}

/// All translated connections that are tracked in the namespace of the calling thread.
///
/// # Errors
/// Without permission, and where the kernel has no ctnetlink.
pub fn list() -> io::Result<Listed> {
    let socket = open(0)?;
    let mut question = [0; 20];
    question[..4].copy_from_slice(&20_u32.to_ne_bytes());
    question[4..6].copy_from_slice(&GET.to_ne_bytes());
    question[6..8].copy_from_slice(&LIST.to_ne_bytes());
    send(&socket, &question, SendFlags::empty())?;
    let (mut listed, mut buffer) = (Listed::default(), vec![0; DATAGRAM]);
    loop {
        let (length, _) = match recv(&socket, &mut buffer[..], RecvFlags::empty()) {
            Err(Errno::INTR) => continue,
            received => received?,
        };
        for change in connections(&buffer[..length]) {
            match change {
                Change::New(connection) if !connection.is_translated() => {}
                Change::New(_) if listed.translated.len() >= MOST => listed.full += 1,
                Change::New(connection) => listed.translated.push(connection),
                Change::Refused(number) => return Err(io::Error::from_raw_os_error(number)),
                Change::Done => return Ok(listed),
                Change::Gone(_) => {}
            }
        }
    }
}

/// Hears of connections that begin and end.
pub struct Events {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Nothing more is there.
    Empty,
    /// There may be more.
    Some,
    /// Some were lost: they came faster than they were read.
    Lost,
}

impl Events {
    /// Listens from now on.
    pub fn listen() -> io::Result<Self> {
        let socket = open(GROUPS)?;
        // Who may hear events may have the room, too; else there is less.
        if sockopt::set_socket_recv_buffer_size_force(&socket, ROOM).is_err() {
            let _ = sockopt::set_socket_recv_buffer_size(&socket, ROOM);
        }
        Ok(Self { socket, buffer: vec![0; DATAGRAM] })
    }

    /// Reads one datagram, if there is one, and hands out what it says.
    pub fn read(&mut self, mut visit: impl FnMut(Change)) -> io::Result<Read> {
        match recv(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT) {
            Ok((length, _)) => {
                connections(&self.buffer[..length]).for_each(&mut visit);
                Ok(Read::Some)
            }
            Err(Errno::AGAIN) => Ok(Read::Empty),
            Err(Errno::INTR) => Ok(Read::Some),
            Err(Errno::NOBUFS) => Ok(Read::Lost),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A socket that hears the kernel alone.
fn open(groups: u32) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(NETFILTER))?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}
