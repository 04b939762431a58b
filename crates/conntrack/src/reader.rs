//! The thread that keeps translations current.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use flowtrace_abi::FlowKey;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::time::{ClockId, clock_gettime};

use crate::socket::{Events, Listed, Read, list};
use crate::{Change, Side, Translations};

const SECOND: u64 = 1_000_000_000;
/// How often other namespaces are asked, and this one where it could not be heard.
const PERIOD: u64 = 30 * SECOND;
/// How soon after a list the next one may be made, because events were lost: this many times as long as it took, and at
/// least a second.
const PAUSE_FACTOR: u64 = 10;
/// The same where no event tells of the end of connections that were there before.
const CALM_FACTOR: u64 = 100;
/// For how long events gather before they are read, in nanoseconds: waking up costs more than they do.
const GATHERING: u64 = SECOND / 50;
/// How many datagrams are read at once: who fills the socket as fast as it is read does not stop the others.
const AT_ONCE: usize = 65_536;
/// It is there where connections are tracked. (Asking would load the module.)
const TRACKED: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
/// Stands for the namespace in which the program runs.
const OWN: u64 = 0;

/// Lists of other network namespaces, each with a number of the namespace: those that can be read.
pub type Others = Box<dyn FnMut() -> Vec<(u64, Listed)> + Send>;

/// Why translations are not known.
#[derive(Debug)]
pub enum Unreadable {
    /// The kernel tracks no connections.
    NotTracked,
    /// It does not tell them.
    Refused(io::Error),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotTracked => to.write_str("the kernel tracks no connections (nf_conntrack is not loaded)"),
            Self::Refused(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                to.write_str("connection tracking is told to CAP_NET_ADMIN only")
            }
            Self::Refused(error) => write!(to, "the kernel does not tell tracked connections: {error}"),
        }
    }
}

/// What was read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that began or ended, translated or not.
    pub events: u64,
    /// Lists that were read, of all namespaces.
    pub lists: u64,
    /// How often events were lost, so that a list had to tell.
    pub lost: u64,
    /// Translated connections that found no room.
    pub full: u64,
    /// How often a flow's ends were translated differently in several namespaces or zones.
    pub unclear: u64,
    /// Translated connections that are there.
    pub present: u64,
    /// Whether events are heard.
    pub is_heard: bool,
}

#[derive(Default)]
struct State {
    events: Option<Events>,
    /// A list of our own namespace has to tell.
    wants_list: bool,
    translations: Translations,
    counts: Counts,
}

/// What is known, for whoever asks.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<State>>);

impl Known {
    /// All sides of the connection to which packets of this flow belong: see [`Translations::sides`].
    pub fn sides(&self, key: &FlowKey, first: u64, last: u64) -> Option<Vec<Side>> {
        self.lock().translations.sides(key, first, last)
    }

    /// Takes over what the kernel has told up to now.
    pub fn refresh(&self) {
        self.lock().drain();
    }

    /// What was read so far.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        let Translations { full, unclear, .. } = state.translations;
        let present = state.translations.present() as u64;
        let is_heard = state.events.is_some();
        Counts { full: state.counts.full + full, unclear, present, is_heard, ..state.counts }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens and lists; what is listed before the first event that is read.
    fn hear(&self) -> Result<(), Unreadable> {
        if !Path::new(TRACKED).exists() {
            return Err(Unreadable::NotTracked);
        }
        let events = Events::listen().map_err(Unreadable::Refused)?;
        let began = now();
        let listed = list().map_err(Unreadable::Refused)?;
        let mut state = self.lock();
        state.take_list(OWN, &listed, began);
        state.events = Some(events);
        state.wants_list = false;
        Ok(())
    }

    /// Lists again, after events were lost.
    fn list_again(&self) {
        let began = now();
        self.lock().wants_list = false;
        match list() {
            Ok(listed) => self.lock().take_list(OWN, &listed, began),
            Err(error) => {
                tracing::debug!(%error, "tracked connections are not listed");
                self.lock().wants_list = true;
            }
        }
    }

    fn take_others(&self, others: Vec<(u64, Listed)>, began: u64) {
        let present: HashSet<u64> = others.iter().map(|(netns, _)| *netns).chain([OWN]).collect();
        let mut state = self.lock();
        others.iter().for_each(|(netns, listed)| state.take_list(*netns, listed, began));
        state.translations.retain_namespaces(&present, began);
    }
}

impl State {
    fn take_list(&mut self, netns: u64, listed: &Listed, began: u64) {
        self.counts.lists += 1;
        self.counts.full += listed.full;
        self.translations.listed(netns, &listed.translated, began);
    }

    fn drain(&mut self) {
        let Some(mut events) = self.events.take() else { return };
        let now = now();
        for _ in 0..AT_ONCE {
            let read = events.read(|change| match change {
                Change::New(connection) => {
                    self.counts.events += 1;
                    self.translations.begun(OWN, connection, now);
                }
                Change::Gone(connection) => {
                    self.counts.events += 1;
                    self.translations.ended(OWN, &connection, now);
                }
                Change::Done | Change::Refused(_) => {}
            });
            match read {
                Ok(Read::Some) => {}
                Ok(Read::Empty) => break,
                Ok(Read::Lost) => {
                    self.counts.lost += 1;
                    self.wants_list = true;
                }
                Err(error) => {
                    tracing::warn!("address translations are listed from time to time, no longer heard of: {error}");
                    return;
                }
            }
        }
        self.events = Some(events);
    }
}

/// Reads until it goes.
pub struct Conntrack {
    known: Known,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Conntrack {
    /// Reads what is tracked in this network namespace and, if there are `others`, from time to time in those. Answers
    /// also why this namespace cannot be read, if so; it is tried again.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(others: Option<Others>) -> io::Result<(Self, Option<Unreadable>)> {
        let known = Known::default();
        let unreadable = known.hear().err();
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let mut reader = Reader {
            known: known.clone(),
            stop: Arc::clone(&stop),
            others,
            asked: 0,
            heard: now(),
            paused: 0,
            calm: now().saturating_add(PERIOD),
        };
        let thread = thread::Builder::new().name("conntrack".to_owned()).spawn(move || reader.run())?;
        Ok((Self { known, stop, thread: Some(thread) }, unreadable))
    }

    /// What is known.
    pub fn known(&self) -> Known {
        self.known.clone()
    }
}

impl Drop for Conntrack {
    fn drop(&mut self) {
        // The counter has room for this.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Reader {
    known: Known,
    stop: Arc<OwnedFd>,
    others: Option<Others>,
    /// When others were asked, and when this namespace was tried; nanoseconds since boot.
    asked: u64,
    heard: u64,
    /// No list before, after events were lost, and because of ends that nobody tells.
    paused: u64,
    calm: u64,
}

impl Reader {
    fn run(&mut self) {
        loop {
            self.keep_up();
            let socket = self.known.lock().events.as_ref().and_then(|events| events.as_fd().try_clone_to_owned().ok());
            if self.is_stopped(socket.as_ref(), SECOND) || socket.is_some() && self.is_stopped(None, GATHERING) {
                return;
            }
            self.known.refresh();
        }
    }

    /// Does what is due.
    fn keep_up(&mut self) {
        let began = now();
        let (is_heard, wants_list, has_unheard) = {
            let state = self.known.lock();
            (state.events.is_some(), state.wants_list, state.translations.has_unheard())
        };
        if !is_heard && began >= self.heard.saturating_add(PERIOD) {
            self.heard = began;
            if self.known.hear().is_ok() {
                tracing::info!("address translations are known from now on");
            }
        } else if is_heard && (wants_list && began >= self.paused || has_unheard && began >= self.calm) {
            self.known.list_again();
            let ended = now();
            let took = ended.saturating_sub(began);
            self.paused = ended.saturating_add(took.saturating_mul(PAUSE_FACTOR).max(SECOND));
            self.calm = ended.saturating_add(took.saturating_mul(CALM_FACTOR).max(PERIOD));
        }
        if let Some(others) = &mut self.others
            && (self.asked == 0 || began >= self.asked.saturating_add(PERIOD))
        {
            self.asked = began;
            self.known.take_others(others(), began);
        }
    }

    /// Waits for an event, or for some nanoseconds; whether it is to stop.
    fn is_stopped(&self, events: Option<&OwnedFd>, time: u64) -> bool {
        let mut files = vec![PollFd::new(&*self.stop, PollFlags::IN)];
        files.extend(events.map(|events| PollFd::new(events, PollFlags::IN)));
        let time = Timespec { tv_sec: (time / SECOND).cast_signed(), tv_nsec: (time % SECOND).cast_signed() };
        // A signal that interrupts it makes it look earlier.
        let _ = poll(&mut files, Some(&time));
        !files[0].revents().is_empty()
    }
}

/// Nanoseconds since boot.
fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.cast_unsigned().saturating_mul(SECOND).saturating_add(time.tv_nsec.cast_unsigned())
}
