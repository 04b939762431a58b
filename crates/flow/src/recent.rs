//! A map of bounded size that keeps what was put last.

use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

/// The entries of a map that were put last.
#[derive(Debug)]
pub struct Recent<K, V> {
    entries: HashMap<K, (V, u64), foldhash::fast::RandomState>,
    /// Keys in the order in which they were put, with the number of the putting.
    order: VecDeque<(K, u64)>,
    puttings: u64,
    capacity: usize,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// An empty map that has room for `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::default(), order: VecDeque::new(), puttings: 0, capacity }
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(value, _)| value)
    }

    /// Removes an entry.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(value, _)| value)
    }

    /// Adds or replaces an entry; the oldest goes where there is no room.
    pub fn put(&mut self, key: K, value: V) {
        self.add(key, value);
        while self.overflow().is_some() {}
    }

    /// Adds or replaces an entry. There may be one too many now: see [`overflow`](Self::overflow).
    pub fn add(&mut self, key: K, value: V) {
        self.puttings += 1;
        self.entries.insert(key, (value, self.puttings));
        self.order.push_back((key, self.puttings));
    }

    /// Takes out the oldest entry if there are too many. The order has room for as many entries that were put again or
    /// removed.
    pub fn overflow(&mut self) -> Option<(K, V)> {
        while self.entries.len() > self.capacity || self.order.len() > self.capacity.saturating_mul(2) {
            if let Some(oldest) = self.pop() {
                return Some(oldest);
            }
        }
        None
    }

    /// Takes the key that is first in the order out of it, and its entry out of the map unless it was put again.
    fn pop(&mut self) -> Option<(K, V)> {
        let (key, number) = self.order.pop_front()?;
        if self.is_latest(&key, number) { self.remove(&key).map(|value| (key, value)) } else { None }
    }

    fn is_latest(&self, key: &K, number: u64) -> bool {
        self.entries.get(key).is_some_and(|&(_, latest)| latest == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_the_latest() {
        for capacity in [0, 1, 3] {
            let mut recent = Recent::new(capacity);
            for number in 0..100_u32 {
                recent.put(number, number);
                recent.put(number / 2, number);
                assert!(recent.entries.len() <= capacity && recent.order.len() <= 2 * capacity);
                assert_eq!(recent.get(&(number / 2)).is_some(), capacity > 0);
                recent.remove(&(number / 3));
            }
        }
    }
}
