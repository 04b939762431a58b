//! What the kernel tells of processes: read at once, by a thread that does nothing else, since a process may be gone in
//! milliseconds.
#![allow(unsafe_code, reason = "an event is bytes of a map, and plain data")]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use aya::maps::{Array, MapData, RingBuf};
use flowtrace_abi::{Happening, SocketEvent};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::known::HostSockets;
use super::uses::text;

/// So many events are taken over at once. Who asks for an owner waits that long.
const BATCH: usize = 256;
/// After so many events the thread, or who drains, looks up: they may come without end.
const MOST_AT_ONCE: usize = 65_536;

/// How long to sleep between two looks while events come, in nanoseconds: less than any process lives that does something.
const PAUSE: i64 = 1_000_000;
/// After so many looks in vain the next event has to wake.
const LOOKS: u32 = 8;

/// A process was seen to use a socket, just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its id, in the initial namespace of process ids.
    pub tgid: u32,
    /// Name of its thread that did.
    pub comm: Arc<str>,
    /// Whether that was the main thread: then it is the process's name, too.
    pub is_main_thread: bool,
    /// When, in nanoseconds since boot.
    pub at: u64,
}

/// Is called, on a thread of its own, for each process that is seen with a socket: as soon as that can be, and once for
/// each socket at least. What it does must not take long.
pub type OnSeen = Box<dyn FnMut(Seen) + Send>;

/// What the kernel programs write to, of which userland reads.
pub struct Events {
    /// The events.
    pub ring: RingBuf<MapData>,
    /// 1: nobody need be woken for them.
    pub awake: Array<MapData, u64>,
}

/// The kernel's events, and the thread that reads them.
pub struct Ring {
    shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    reader: Mutex<Reader>,
    known: HostSockets,
}

struct Reader {
    ring: RingBuf<MapData>,
    /// Tells the kernel programs that nobody need be woken.
    awake: Array<MapData, u64>,
    on_seen: OnSeen,
}

impl Ring {
    /// Begins to read.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(events: Events, known: HostSockets, on_seen: OnSeen) -> io::Result<Self> {
        let Events { ring, awake } = events;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let shared = Arc::new(Shared { reader: Mutex::new(Reader { ring, awake, on_seen }), known });
        let (events, until) = (Arc::clone(&shared), Arc::clone(&stop));
        let wakes = events.lock().ring.as_fd().try_clone_to_owned()?;
        let thread = thread::Builder::new().name("sockets".to_owned()).spawn(move || {
            while wait(&wakes, &until) {
                events.stay_awake(&until);
            }
        })?;
        Ok(Self { shared, stop, thread: Some(thread) })
    }

    /// Takes over all that was told until now.
    pub fn drain(&self) {
        self.shared.drain();
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // A counter that is 0 can be added to.
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Sleeps for a moment; whether to go on.
fn doze(stop: &OwnedFd) -> bool {
    let pause = Timespec { tv_sec: 0, tv_nsec: PAUSE };
    poll(&mut [PollFd::new(stop, PollFlags::IN)], Some(&pause)) == Ok(0)
}

/// Waits for events; whether to go on.
fn wait(events: &OwnedFd, stop: &OwnedFd) -> bool {
    let mut both = [PollFd::new(events, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
    match poll(&mut both, None) {
        Ok(_) => !both[1].revents().contains(PollFlags::IN),
        Err(error) => error == rustix::io::Errno::INTR,
    }
}

impl Shared {
    /// Nothing is left half done where the lock is held, so a panic there does no harm here.
    fn lock(&self) -> std::sync::MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks again and again while events come, so that the kernel need not wake for each.
    fn stay_awake(&self, stop: &OwnedFd) {
        let mut in_vain = 0;
        while in_vain < LOOKS {
            in_vain = if self.drain() { 0 } else { in_vain + 1 };
            if !doze(stop) {
                return;
            }
        }
        self.lock().sleep();
        // What came before it was said.
        self.drain();
    }

    /// Takes over what is there; whether there was anything.
    fn drain(&self) -> bool {
        let mut reader = self.lock();
        let mut events = Vec::with_capacity(BATCH);
        for round in 0..MOST_AT_ONCE / BATCH {
            reader.take(&mut events);
            if events.is_empty() {
                return round > 0;
            }
            let mut known = self.known.lock();
            events.drain(..).for_each(|event| known.users.note(&event));
        }
        true
    }
}

impl Reader {
    /// Asks to be woken by the next event.
    fn sleep(&mut self) {
        if let Err(error) = self.awake.set(0, 0, 0) {
            tracing::debug!(%error, "processes are looked for from time to time only");
        }
    }

    fn take(&mut self, events: &mut Vec<SocketEvent>) {
        while events.len() < BATCH
            && let Some(item) = self.ring.next()
        {
            let Some(event) = parse(&item) else { continue };
            drop(item);
            if tells_a_process(&event) {
                (self.on_seen)(Seen {
                    tgid: event.process,
                    comm: text(&event.name),
                    is_main_thread: event.thread == event.process,
                    at: event.at,
                });
            }
            events.push(event);
        }
    }
}

/// Who closes a socket may be the kernel, for a process.
fn tells_a_process(event: &SocketEvent) -> bool {
    event.process != 0 && !(event.happening == Happening::CLOSED && event.name.starts_with(b"kworker/"))
}

fn parse(bytes: &[u8]) -> Option<SocketEvent> {
    let bytes = bytes.get(..size_of::<SocketEvent>())?;
    // SAFETY: as many bytes as an event has; it is integers without padding, for which any bytes will do.
    Some(unsafe { bytes.as_ptr().cast::<SocketEvent>().read_unaligned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_bytes() {
        let event = SocketEvent { at: 7, process: 9, protocol: 17, ..SocketEvent::default() };
        let mut bytes = [0; size_of::<SocketEvent>()];
        bytes[32] = 7;
        bytes[72] = 9;
        bytes[84] = 17;
        assert_eq!(parse(&bytes), Some(event));
        assert_eq!(parse(&bytes[1..]), None);
    }
}
