//! What this host knows of its sockets: which listened when, which connections are open, and whose addresses are its own.
//!
//! Kernel programs note sockets as they begin and cease to listen ([`hooks`]); lists of the kernel tell of those that were
//! there before, and of all where the programs cannot be attached ([`diag`]). [`listeners`] holds what was learnt, so that
//! questions cost no system call. Likewise for the processes that use sockets: programs tell ([`ring`]), lists complete
//! ([`processes`]), [`owners`] holds.

mod btf;
mod cgroup;
mod diag;
mod hooks;
mod known;
mod listeners;
mod owners;
mod processes;
mod ring;
mod tables;
mod uses;

pub use diag::Diag;
pub use known::HostSockets;
pub use listeners::Cookie;
pub use ring::{OnSeen, Seen};
pub use uses::Owner;

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use flowtrace_wire::protocol;

use self::hooks::Hooks;
use self::known::{Known, Netns};
use self::processes::Lister;
use self::ring::Ring;
use super::namespaces::{NamespaceScope, Namespaces};
use super::{Error, Moment, ProgramRuns, addresses};

const SECOND: u64 = 1_000_000_000;
/// How often all namespaces are visited, to find new ones and what was missed.
const VISIT: u64 = 30 * SECOND;
/// The same where only lists tell which sockets listen, or where the kernel programs found no room.
const VISIT_WITHOUT_HOOKS: u64 = 10 * SECOND;
/// How soon after a visit the next one may come, because interfaces or addresses changed.
const PAUSE: u64 = SECOND;
/// A visit pauses this many times as long as it took: so all of them together take 2 % of a CPU at most.
const PAUSE_FACTOR: u64 = 50;

/// Keeps the knowledge of sockets and addresses current.
pub struct Sockets {
    known: HostSockets,
    // Before the programs: what they told last is read.
    ring: Option<Ring>,
    hooks: Option<Hooks>,
    lister: Option<Lister>,
    namespaces: Namespaces,
    ephemeral: RangeInclusive<u16>,
    visits: Visits,
    /// Addresses changed since they were taken.
    has_new_addresses: bool,
}

/// When namespaces are visited, in nanoseconds since boot.
#[derive(Debug, Default)]
struct Visits {
    /// When the last one began.
    last: u64,
    /// The next one is not before.
    earliest: u64,
    /// Something changed.
    is_wanted: bool,
    /// Lists have to tell what the programs did not.
    is_incomplete: bool,
}

impl Visits {
    const fn is_due(&self, now: u64) -> bool {
        let period = if self.is_incomplete { VISIT_WITHOUT_HOOKS } else { VISIT };
        now >= self.earliest && (self.is_wanted || now >= self.last.saturating_add(period))
    }

    fn note(&mut self, began: u64, ended: u64) {
        let pause = ended.saturating_sub(began).saturating_mul(PAUSE_FACTOR).max(PAUSE);
        (self.last, self.earliest, self.is_wanted) = (began, ended.saturating_add(pause), false);
    }
}

impl Sockets {
    /// Attaches the kernel programs and asks for the sockets that are there. `ephemeral`: ports that clients are given.
    /// `on_seen` gets each process that is seen with a socket; without it, which process uses which is not followed.
    ///
    /// # Errors
    /// When the kernel does not tell the addresses of this namespace. What else is refused is said and gone without.
    pub fn start(
        scope: NamespaceScope,
        ephemeral: RangeInclusive<u16>,
        on_seen: Option<OnSeen>,
    ) -> Result<Self, Error> {
        let namespaces = Namespaces::new(scope).map_err(Error::Namespaces)?;
        let hooks = Hooks::attach(&ephemeral, on_seen.is_some());
        let hooks = hooks.inspect_err(|error| tracing::warn!("sockets are asked for, not followed: {error}")).ok();
        let (hooks, events) = hooks.unzip();
        let diag = Diag::open();
        let diag = diag.inspect_err(|error| tracing::warn!("the kernel does not tell its sockets: {error}")).ok();
        let known = HostSockets::new(Known::new(diag));
        known.lock().users.sees_uses = hooks.as_ref().is_some_and(|hooks| hooks.follows().uses);
        let lister = on_seen.is_some().then(|| Lister::new(scope, known.clone()));
        let ring = events.zip(on_seen).and_then(|(events, on_seen)| {
            let ring = Ring::start(events, known.clone(), on_seen);
            ring.inspect_err(|error| tracing::warn!("processes are known by lists only: {error}")).ok()
        });
        let visits = Visits { is_incomplete: !follows_listeners(hooks.as_ref()), ..Visits::default() };
        let mut sockets = Self { known, ring, hooks, lister, namespaces, ephemeral, visits, has_new_addresses: true };
        sockets.follow_addresses()?;
        sockets.visit();
        sockets.follow_users(Moment::now().boot);
        Ok(sockets)
    }

    /// Whether other namespaces are this host's, too.
    pub const fn has_other_namespaces(&self) -> bool {
        self.namespaces.has_others()
    }

    /// What the kernel counted of the programs.
    pub fn runs(&self) -> impl Iterator<Item = ProgramRuns> {
        self.hooks.iter().flat_map(Hooks::runs)
    }

    /// What is known, for whoever asks.
    pub fn known(&self) -> HostSockets {
        self.known.clone()
    }

    /// Interfaces or addresses changed somewhere: takes over those of this namespace at once, those of others with the
    /// next [`refresh`](Self::refresh).
    ///
    /// # Errors
    /// When the kernel does not tell them.
    pub fn follow_addresses(&mut self) -> Result<(), Error> {
        let own = addresses::list().map_err(Error::Netlink)?;
        self.has_new_addresses |= self.known.lock().set_own_addresses(own);
        self.visits.is_wanted |= self.namespaces.has_others();
        Ok(())
    }

    /// The addresses of this host, where they changed since the last call.
    pub fn take_addresses(&mut self) -> Option<HashSet<IpAddr>> {
        std::mem::take(&mut self.has_new_addresses).then(|| self.known.lock().addresses())
    }

    /// Takes over what the kernel programs noted, and visits the namespaces when it is time.
    pub fn refresh(&mut self) {
        let now = Moment::now().boot;
        if let Some(hooks) = &mut self.hooks {
            match hooks.take_noted() {
                Ok(noted) => {
                    self.visits.is_incomplete |= noted.is_incomplete;
                    let mut known = self.known.lock();
                    noted.sockets.into_iter().for_each(|(cookie, socket)| known.listeners.note(cookie, socket));
                }
                Err(error) => {
                    tracing::warn!("listening sockets are asked for from now on: {error}");
                    self.hooks = None;
                    self.visits.is_incomplete = true;
                }
            }
        }
        self.follow_users(now);
        self.known.lock().listeners.sweep(now);
        if self.visits.is_due(now) {
            self.visit();
        }
    }

    /// Takes over who uses which socket, and asks for it where events were lost.
    fn follow_users(&mut self, now: u64) {
        if let Some(ring) = &self.ring {
            ring.drain();
        }
        let has_lost = self.hooks.as_mut().is_some_and(|hooks| hooks.take_lost().unwrap_or(true));
        let mut known = self.known.lock();
        known.users.sweep(now);
        if has_lost {
            known.want_list();
        }
        drop(known);
        self.lister.iter_mut().for_each(|lister| lister.refresh(now));
    }

    /// Asks for the sockets and addresses of all namespaces.
    fn visit(&mut self) {
        let (before, began) = (self.visits.last, Moment::now().boot);
        let visits = self.namespaces.visit();
        let mut known = self.known.lock();
        let mut lists = Vec::with_capacity(visits.len() + 1);
        lists.extend(known.own_sockets());
        let mut others = Vec::with_capacity(visits.len());
        for visit in visits {
            others.push((visit.netns, Netns { ways: visit.ways, addresses: visit.addresses }));
            lists.push((visit.netns, visit.sockets));
        }
        let ended = Moment::now().boot;
        let present = lists.iter().map(|(netns, _)| *netns).collect();
        for (netns, mut list) in lists {
            list.retain(|(_, socket)| socket.protocol == protocol::TCP || !self.ephemeral.contains(&socket.port));
            // In a namespace that was visited before, what is new came since.
            let opened = if known.is_known(netns) { before } else { 0 };
            list.iter_mut().for_each(|(_, socket)| socket.opened = opened);
            let told = known.listeners.reconcile(netns, list, began, ended);
            for (cookie, socket) in told.begun {
                known.listeners.note(cookie, socket);
                self.hooks.iter_mut().for_each(|hooks| hooks.insert(cookie, socket));
            }
            told.ended.iter().for_each(|cookie| self.hooks.iter_mut().for_each(|hooks| hooks.remove(*cookie)));
        }
        if self.namespaces.has_others() {
            known.listeners.retain_namespaces(&present, ended);
            self.has_new_addresses |= known.set_others(others, ended);
        }
        known.note_listed();
        drop(known);
        self.visits.note(began, ended);
        self.visits.is_incomplete = !follows_listeners(self.hooks.as_ref());
    }
}

fn follows_listeners(hooks: Option<&Hooks>) -> bool {
    hooks.is_some_and(|hooks| hooks.follows().listeners)
}
