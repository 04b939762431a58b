//! Names by the system's resolver, asked by threads of its own: it may take its time.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::domain::host_name;
use crate::processes::lock;
use crate::recent::Recent;

const SECOND: u64 = 1_000_000_000;
/// How many addresses are remembered, with a name or without.
const CAPACITY: usize = 65_536;
/// How many addresses may wait.
const QUEUE: usize = 256;
/// How many are asked at a time.
const THREADS: usize = 2;
/// How long a name holds: the resolver does not tell its TTL.
const KEPT: u64 = 3600 * SECOND;
/// How long an address without a name is not asked for again.
const KEPT_WITHOUT: u64 = 600 * SECOND;
/// How long an address is waited for: a resolver that does not answer gives up earlier (30 s in resolv.conf(5)).
const WAITED: u64 = 120 * SECOND;
/// `NI_NAMEREQD` and `NI_NUMERICSERV` (netdb.h): no address in place of a name, and no name for the port.
const FLAGS: i32 = 8 | 2;

/// Asks for the name of an address.
pub type Lookup = fn(IpAddr) -> Option<String>;

/// Names of addresses by the resolver.
#[derive(Debug)]
pub struct Reverse {
    known: Arc<Mutex<Recent<IpAddr, Known>>>,
    questions: SyncSender<IpAddr>,
    rate: Mutex<Rate>,
    clock: Arc<Clock>,
}

/// The time of the latest question, for the answers: in nanoseconds since boot.
type Clock = AtomicU64;

/// What is known of an address.
#[derive(Clone, Debug)]
struct Known {
    name: Option<Arc<str>>,
    /// When it is asked for again.
    until: u64,
}

/// How many questions may be asked: `per_second`, and as many at once.
#[derive(Debug)]
struct Rate {
    per_second: u32,
    /// In billionths of a question.
    room: u64,
    last: u64,
}

impl Rate {
    fn take(&mut self, now: u64) -> bool {
        let full = u64::from(self.per_second).saturating_mul(SECOND);
        let gained = now.saturating_sub(self.last).saturating_mul(u64::from(self.per_second));
        self.room = self.room.saturating_add(gained).min(full);
        self.last = self.last.max(now);
        let has_room = self.room >= SECOND;
        self.room -= if has_room { SECOND } else { 0 };
        has_room
    }
}

impl Reverse {
    /// Starts threads that ask `lookup`, `per_second` times a second at most.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(per_second: u32, lookup: Lookup) -> io::Result<Self> {
        let (questions, receiver) = sync_channel(QUEUE);
        let known = Arc::new(Mutex::new(Recent::new(CAPACITY)));
        let (receiver, clock) = (Arc::new(Mutex::new(receiver)), Arc::new(Clock::new(0)));
        for _ in 0..THREADS {
            let (receiver, known, clock) = (Arc::clone(&receiver), Arc::clone(&known), Arc::clone(&clock));
            // Not joined: it ends with the sender, after the question that it is at.
            thread::Builder::new().name("names".into()).spawn(move || answer(&receiver, &known, &clock, lookup))?;
        }
        let room = u64::from(per_second).saturating_mul(SECOND);
        Ok(Self { known, questions, rate: Mutex::new(Rate { per_second, room, last: 0 }), clock })
    }

    /// The name of an address, if it is known; else it is asked for.
    pub fn name(&self, address: IpAddr, now: u64) -> Option<Arc<str>> {
        if !is_asked_for(address) {
            return None;
        }
        self.clock.fetch_max(now, Ordering::Relaxed);
        let now = self.clock.load(Ordering::Relaxed);
        let mut known = lock(&self.known);
        let found = known.get(&address);
        let name = found.as_ref().and_then(|found| found.name.clone());
        let is_due = found.is_none_or(|found| found.until <= now);
        if is_due && lock(&self.rate).take(now) && self.questions.try_send(address).is_ok() {
            let waiting = Known { name: name.clone(), until: now.saturating_add(WAITED) };
            known.put(address, waiting);
        }
        name
    }
}

/// The work of a thread.
fn answer(questions: &Mutex<Receiver<IpAddr>>, known: &Mutex<Recent<IpAddr, Known>>, clock: &Clock, lookup: Lookup) {
    loop {
        let question = lock(questions).recv();
        let Ok(address) = question else { return };
        let name = lookup(address).as_deref().and_then(host_name);
        let kept = if name.is_some() { KEPT } else { KEPT_WITHOUT };
        let until = clock.load(Ordering::Relaxed).saturating_add(kept);
        let found = Known { name: name.map(Arc::from), until };
        lock(known).put(address, found);
    }
}

/// Whether an address may have a name: groups, links and nobody have none.
fn is_asked_for(address: IpAddr) -> bool {
    let is_link = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !is_link && !address.is_multicast() && !address.is_unspecified()
}

/// The name of an address by the system's resolver (getnameinfo(3)), if the name has that address, too (getaddrinfo(3)):
/// whoever has an address can have any name written for it, but not for the name.
pub fn confirmed(address: IpAddr) -> Option<String> {
    let name = unconfirmed(address)?;
    let mut addresses = (name.as_str(), 0).to_socket_addrs().ok()?;
    addresses.any(|found| found.ip().to_canonical() == address.to_canonical()).then_some(name)
}

/// The name of an address by the system's resolver, whatever the name's own addresses are.
pub fn unconfirmed(address: IpAddr) -> Option<String> {
    let (name, _) = dns_lookup::getnameinfo(&SocketAddr::new(address, 0), FLAGS).ok()?;
    host_name(&name)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    fn by_number(address: IpAddr) -> Option<String> {
        let IpAddr::V4(address) = address else { return None };
        match address.octets()[3] {
            0 => None,
            1 => Some("Not A Name".to_owned()),
            number => Some(format!("H{number}.Example.")),
        }
    }

    /// The name as soon as there is an answer.
    fn wait(reverse: &Reverse, address: IpAddr, now: u64) -> Option<String> {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            let kept = lock(&reverse.known).get(&address).map(|known| (known.until, known.name.clone()));
            match kept {
                Some((kept, name)) if kept != now + WAITED => return name.map(|name| name.to_string()),
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
        panic!("no answer");
    }

    #[test]
    fn the_first_goes_without_and_answers_are_kept() {
        let reverse = Reverse::start(100, by_number).unwrap();
        for (number, expected) in [(7, Some("h7.example")), (0, None), (1, None)] {
            let now = 5 * SECOND;
            assert!(reverse.name(address(number), now).is_none());
            assert_eq!(wait(&reverse, address(number), now).as_deref(), expected);
            assert_eq!(reverse.name(address(number), now).as_deref(), expected);
            let kept = lock(&reverse.known).get(&address(number)).unwrap().until;
            assert_eq!(kept, now + if expected.is_some() { KEPT } else { KEPT_WITHOUT });
        }
        // Asked for again, with the old name until there is an answer.
        assert_eq!(reverse.name(address(7), 6 * SECOND + KEPT).as_deref(), Some("h7.example"));
        assert!(lock(&reverse.known).get(&address(7)).unwrap().until > 6 * SECOND + KEPT);
    }

    #[test]
    fn questions_are_few_and_nobody_waits() {
        fn slow(_: IpAddr) -> Option<String> {
            thread::sleep(Duration::from_secs(3600));
            None
        }
        let asked = |reverse: &Reverse| lock(&reverse.known).len();
        let reverse = Reverse::start(10, slow).unwrap();
        let begin = Instant::now();
        for (now, expected) in [(SECOND, 10), (SECOND * 3 / 2, 15), (60 * SECOND, 25)] {
            for number in 0..1000 {
                assert!(reverse.name(address(number), now).is_none());
            }
            assert_eq!(asked(&reverse), expected, "{now}");
        }
        let reverse = Reverse::start(1_000_000, slow).unwrap();
        for number in 0..10_000 {
            assert!(reverse.name(address(number), SECOND).is_none());
        }
        // Some are with the threads.
        assert!((QUEUE..=QUEUE + THREADS).contains(&asked(&reverse)), "{}", asked(&reverse));
        assert!(begin.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn some_addresses_have_no_name() {
        let reverse = Reverse::start(100, by_number).unwrap();
        for address in ["224.0.0.251", "255.255.255.255", "0.0.0.0", "169.254.1.1", "fe80::1", "ff02::1", "::"] {
            assert!(reverse.name(address.parse().unwrap(), 1).is_none());
        }
        assert_eq!(lock(&reverse.known).len(), 0);
    }

    /// This machine's own resolver: `/etc/hosts` at least has this one.
    #[test]
    fn the_system_resolver() {
        let local = confirmed("127.0.0.1".parse().unwrap());
        assert!(local.is_none_or(|name| host_name(&name).as_ref() == Some(&name)));
        // TEST-NET-1 has no names, whoever is asked.
        assert_eq!(confirmed("192.0.2.1".parse().unwrap()), None);
    }
}
