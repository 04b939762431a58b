//! The kernel programs that note sockets as they begin and cease to listen, and tell who uses which.
#![allow(unsafe_code, reason = "aya asks for a promise that the shared types are plain data")]

use std::collections::HashMap;
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;

use aya::maps::{Array, HashMap as BpfHashMap, Map, MapData, MapError};
use aya::programs::{CgroupAttachMode, Program, ProgramError};
use aya::{Btf, Ebpf, EbpfError, EbpfLoader, Pod};
use flowtrace_abi::{ListeningSocket, SocketEvents, SocketOffsets, SocketSettings};

use super::listeners::Cookie;
use super::ring::Events;
use super::{btf, cgroup};
use crate::live::{ProgramRuns, runs};

/// The programs as they were built for this version (see `cargo xtask ebpf`).
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../../../ebpf/prebuilt/sockets.bpf.o");
/// More entries than the map has.
const MOST_READ: usize = 32_768;
/// `BPF_NOEXIST` of include/uapi/linux/bpf.h.
const ONLY_NEW: u64 = 1;

/// Why sockets cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    /// The object does not fit this program, or the kernel does not make its maps.
    #[error("their programs could not be loaded: {0}")]
    Load(#[from] EbpfError),
    /// A map that should be there is not, or has another shape.
    #[error("a map is missing or cannot be used: {0}")]
    Map(#[from] MapError),
}

/// Why a program is not attached.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// The kernel refused it, or to attach it.
    #[error("the kernel refused it: {0}")]
    Program(#[from] ProgramError),
    /// There is no cgroup to attach to.
    #[error("the root of the cgroup hierarchy (version 2) cannot be opened: {0}")]
    Cgroup(String),
    /// The kernel does not tell its types.
    #[error("{0}")]
    Types(String),
}

/// Plain data of the contract, in a form in which aya moves it.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Plain<T: Copy>(T);

// SAFETY: only instantiated with the types of the contract, which are integers without padding.
unsafe impl<T: Copy + 'static> Pod for Plain<T> {}

/// The attached programs; dropping it takes them off. They are kernel links: gone with the process, whatever ends it.
pub struct Hooks {
    listening: BpfHashMap<MapData, u64, Plain<ListeningSocket>>,
    events: Array<MapData, u64>,
    /// [`SocketEvents::CHANGES`] and [`SocketEvents::MISSED`], as they were read last.
    seen: [u64; 2],
    /// [`SocketEvents::LOST`], likewise.
    lost: u64,
    follows: Follows,
    programs: Ebpf,
}

/// What the programs see.
#[derive(Clone, Copy, Debug)]
pub struct Follows {
    /// Which sockets begin and cease to listen.
    pub listeners: bool,
    /// Which process sends and receives by which socket.
    pub uses: bool,
}

/// What the programs noted since the last look.
#[derive(Debug, Default)]
pub struct Noted {
    /// Sockets that listen, and that ceased to.
    pub sockets: HashMap<Cookie, ListeningSocket>,
    /// Some found no room.
    pub is_incomplete: bool,
}

impl Hooks {
    /// Attaches the programs; what the kernel refuses is said and gone without. `ephemeral`: the ports that clients are
    /// given. Returns what the programs write to, too.
    pub fn attach(ephemeral: &RangeInclusive<u16>, tells_processes: bool) -> Result<(Self, Events), HooksError> {
        let offsets = if tells_processes { btf::offsets() } else { Ok(SocketOffsets::UNKNOWN) };
        let settings = Plain(SocketSettings {
            first_ephemeral: u32::from(*ephemeral.start()),
            last_ephemeral: u32::from(*ephemeral.end()),
            tells_processes: tells_processes.into(),
            reserved: 0,
            offsets: offsets.as_ref().copied().unwrap_or_default(),
        });
        let mut programs = EbpfLoader::new().override_global("SETTINGS", &settings, true).load(OBJECT)?;
        let follows = Follows {
            listeners: attach_to_cgroup(&mut programs),
            uses: tells_processes && follow_calls(&mut programs, offsets),
        };
        let mut take = |name: &str| programs.take_map(name).ok_or(MapError::InvalidName { name: name.to_owned() });
        let (listening, events): (Map, Map) = (take("LISTENING")?, take("EVENTS")?);
        let told = Events { ring: take("RING")?.try_into()?, awake: take("AWAKE")?.try_into()? };
        let hooks = Self {
            listening: listening.try_into()?,
            events: events.try_into()?,
            seen: [0; 2],
            lost: 0,
            follows,
            programs,
        };
        Ok((hooks, told))
    }

    /// What the kernel counted of the programs.
    pub fn runs(&self) -> impl Iterator<Item = ProgramRuns> {
        runs::of(&self.programs)
    }

    /// What the programs see here.
    pub const fn follows(&self) -> Follows {
        self.follows
    }

    /// Whether events were lost since the last call.
    pub fn take_lost(&mut self) -> Result<bool, HooksError> {
        let lost = self.events.get(&SocketEvents::LOST, 0)?;
        Ok(std::mem::replace(&mut self.lost, lost) != lost)
    }

    /// What changed since the last call. Sockets that ceased to listen are taken out of the kernel's map.
    pub fn take_noted(&mut self) -> Result<Noted, HooksError> {
        let events = [self.events.get(&SocketEvents::CHANGES, 0)?, self.events.get(&SocketEvents::MISSED, 0)?];
        let before = std::mem::replace(&mut self.seen, events);
        if before == events {
            return Ok(Noted::default());
        }
        let entries = self.listening.iter().take(MOST_READ).filter_map(Result::ok);
        let sockets: HashMap<_, _> = entries.map(|(cookie, Plain(socket))| (cookie, socket)).collect();
        for (cookie, _) in sockets.iter().filter(|(_, socket)| socket.closed != 0) {
            self.remove(*cookie);
        }
        Ok(Noted { sockets, is_incomplete: before[1] != events[1] })
    }

    /// Notes a socket that began to listen unseen, so that its end is seen.
    pub fn insert(&mut self, cookie: Cookie, socket: ListeningSocket) {
        if let Err(error) = self.listening.insert(cookie, Plain(socket), ONLY_NEW) {
            // A program was faster; or there is no room, and the lists tell.
            tracing::trace!(cookie, %error, "a listening socket was not noted");
        }
    }

    /// Takes out a socket that has gone unseen.
    pub fn remove(&mut self, cookie: Cookie) {
        if let Err(error) = self.listening.remove(&cookie) {
            tracing::trace!(cookie, %error, "a listening socket was gone already");
        }
    }
}

/// Attaches what sees processes' calls to the root of the cgroup hierarchy; whether all of it.
fn attach_to_cgroup(programs: &mut Ebpf) -> bool {
    let root = cgroup::root().map_err(|error| error.to_string());
    let mut refused = programs.programs_mut().filter_map(|(name, program)| {
        if matches!(program, Program::BtfTracePoint(_)) {
            return None;
        }
        let attached = match &root {
            Ok(root) => attach(program, root).map_err(Refusal::from),
            Err(error) => Err(Refusal::Cgroup(error.clone())),
        };
        Some((name.to_owned(), attached.err()?))
    });
    let first = refused.next();
    let others = refused.count();
    if let Some((name, error)) = &first {
        tracing::warn!("listening sockets are asked for, not followed: program `{name}` and {others} others: {error}");
    }
    first.is_none()
}

/// Attaches what sees that processes send and receive, where that can be; whether it can.
fn follow_calls(programs: &mut Ebpf, offsets: io::Result<SocketOffsets>) -> bool {
    let attached = offsets.map_err(|error| Refusal::Types(error.to_string())).and_then(|_| attach_to_calls(programs));
    if let Err(error) = &attached {
        tracing::info!("processes are known by their connections and by lists, not by what they send: {error}");
    }
    attached.is_ok()
}

/// Attaches what sees that processes send and receive: programs with the names of their tracepoints.
fn attach_to_calls(programs: &mut Ebpf) -> Result<(), Refusal> {
    let types = Btf::from_sys_fs().map_err(|error| Refusal::Types(error.to_string()))?;
    for (name, program) in programs.programs_mut() {
        if let Program::BtfTracePoint(program) = program {
            program.load(name, &types)?;
            program.attach()?;
        }
    }
    Ok(())
}

fn attach(program: &mut Program, root: &OwnedFd) -> Result<(), ProgramError> {
    /// No flags: links stand beside what others attached.
    const MODE: CgroupAttachMode = CgroupAttachMode::Single;
    match program {
        Program::SockOps(program) => {
            program.load()?;
            program.attach(root, MODE)?;
        }
        Program::CgroupSock(program) => {
            program.load()?;
            program.attach(root, MODE)?;
        }
        Program::CgroupSockAddr(program) => {
            program.load()?;
            program.attach(root, MODE)?;
        }
        _ => return Err(ProgramError::UnexpectedProgramType),
    }
    Ok(())
}
