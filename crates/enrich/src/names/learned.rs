//! Names that answers of the domain name system gave to addresses.

use std::net::IpAddr;
use std::sync::Arc;

use crate::recent::Recent;

/// How many addresses are remembered.
const CAPACITY: usize = 65_536;
/// How many names an address has: those of a content network have many, and a conversation is told by the name that
/// was asked for before it.
const MAX_NAMES: usize = 8;
const SECOND: u64 = 1_000_000_000;
/// A name holds at least this long, in seconds: what was asked for with a TTL of 0 is used nevertheless, and records
/// come up to a minute after their first packet.
const LEAST: u64 = 60;
/// And at most this long, whatever the answer says: a day.
const MOST: u64 = 86_400;

/// Names of addresses with the times for which they hold, bounded in number.
#[derive(Debug)]
pub struct Learned {
    names: Recent<IpAddr, Vec<Learning>>,
}

/// A name, in nanoseconds since boot.
#[derive(Clone, Debug)]
struct Learning {
    name: Arc<str>,
    /// Since when it holds without a gap.
    from: u64,
    /// When it was learned last.
    last: u64,
    /// Until when it holds.
    until: u64,
}

impl Learned {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { names: Recent::new(CAPACITY) }
    }

    /// An answer at `at` says that `address` is that of `name`, for `ttl` seconds.
    pub fn learn(&mut self, address: IpAddr, name: &str, ttl: u32, at: u64) {
        let until = at.saturating_add(u64::from(ttl).clamp(LEAST, MOST) * SECOND);
        let names = self.names.get_or_insert_with(&address, Vec::new);
        if let Some(known) = names.iter_mut().find(|known| *known.name == *name) {
            // Without a gap, it goes on.
            known.from = if at <= known.until { known.from.min(at) } else { at };
            (known.last, known.until) = (known.last.max(at), known.until.max(until));
            return;
        }
        if names.len() >= MAX_NAMES {
            let oldest = (0..names.len()).min_by_key(|&place| names[place].last);
            oldest.map(|place| names.swap_remove(place));
        }
        names.push(Learning { name: name.into(), from: at, last: at, until });
    }

    /// The name that was learned last before `at`, if it held then. Of names that were learned before and after that,
    /// the one that was first learned last.
    pub fn name(&mut self, address: &IpAddr, at: u64) -> Option<Arc<str>> {
        let names = self.names.get(address)?;
        let held = names.iter().filter(|known| known.from <= at && at < known.until);
        let latest = held.max_by_key(|known| if known.last <= at { (true, known.last) } else { (false, known.from) });
        latest.map(|known| Arc::clone(&known.name))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    #[test]
    fn names_hold_for_their_time() {
        for (ttl, seconds) in [(0, 60), (60, 60), (300, 300), (86_400, 86_400), (u32::MAX, 86_400)] {
            let mut learned = Learned::new();
            learned.learn(address(1), "a", ttl, 5 * SECOND);
            let name = |learned: &mut Learned, at| learned.name(&address(1), at).is_some();
            assert!(!name(&mut learned, 5 * SECOND - 1), "not yet");
            assert!(name(&mut learned, 5 * SECOND));
            assert!(name(&mut learned, (5 + seconds) * SECOND - 1), "{ttl}");
            assert!(!name(&mut learned, (5 + seconds) * SECOND), "{ttl}");
        }
    }

    #[test]
    fn the_name_that_was_asked_for_before() {
        let mut learned = Learned::new();
        for (name, at) in [("a", 0), ("b", 10), ("c", 20), ("a", 30)] {
            learned.learn(address(1), name, 60, at * SECOND);
        }
        let mut name = |at: u64| learned.name(&address(1), at * SECOND).map(|name| name.to_string());
        // "a" was asked for again.
        let found: Vec<_> =
            [0, 5, 12, 25, 40, 89, 90].map(&mut name).into_iter().map(Option::unwrap_or_default).collect();
        assert_eq!(found, ["a", "a", "b", "c", "a", "a", ""]);
        for at in [200, 300] {
            learned.learn(address(1), "a", 60, at * SECOND);
        }
        let mut name = |at: u64| learned.name(&address(1), at * SECOND).map(|name| name.to_string());
        let found: Vec<_> = [25, 220, 280, 300].map(&mut name).into_iter().map(Option::unwrap_or_default).collect();
        assert_eq!(found, ["c", "", "", "a"]);
    }

    #[test]
    fn it_is_bounded() {
        let mut learned = Learned::new();
        for number in 0..CAPACITY as u32 + 10 {
            learned.learn(address(number), "a", 60, 0);
            learned.learn(address(7), &format!("n{number}"), 60, 0);
        }
        assert_eq!(learned.names.len(), CAPACITY);
        assert_eq!(learned.names.get(&address(7)).unwrap().len(), MAX_NAMES);
    }
}
