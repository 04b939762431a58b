//! A map of bounded size that keeps what was used last.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The entries that were used last.
#[derive(Debug)]
pub struct Recent<K, V> {
    entries: HashMap<K, (V, u64), foldhash::fast::RandomState>,
    /// Keys by the number of their last use.
    order: BTreeMap<u64, K>,
    uses: u64,
    capacity: usize,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// An empty map that has room for `capacity` entries, at least one.
    pub fn new(capacity: usize) -> Self {
        Self { entries: HashMap::default(), order: BTreeMap::new(), uses: 0, capacity: capacity.max(1) }
    }

    /// The value of a key, which is used now.
    pub fn get(&mut self, key: &K) -> Option<&mut V> {
        if !self.entries.contains_key(key) {
            return None;
        }
        self.prepare(key);
        self.entries.get_mut(key).map(|(value, _)| value)
    }

    /// The value of a key; one made by `make` where there is none.
    pub fn get_or_insert_with(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        self.prepare(key);
        &mut self.entries.entry(key.clone()).or_insert_with(|| (make(), self.uses)).0
    }

    /// Adds or replaces an entry.
    pub fn put(&mut self, key: K, value: V) {
        self.prepare(&key);
        self.entries.insert(key, (value, self.uses));
    }

    /// A key is used next. The least recently used entry goes if it is new and there is no room.
    fn prepare(&mut self, key: &K) {
        self.uses += 1;
        if let Some((_, number)) = self.entries.get_mut(key) {
            self.order.remove(number);
            *number = self.uses;
        } else if self.entries.len() >= self.capacity {
            self.pop();
        }
        self.order.insert(self.uses, key.clone());
    }

    /// The least recently used entry. This is no use.
    pub fn oldest(&self) -> Option<(&K, &V)> {
        let (_, key) = self.order.first_key_value()?;
        self.entries.get(key).map(|(value, _)| (key, value))
    }

    /// Removes the least recently used entry.
    pub fn pop(&mut self) {
        if let Some((_, key)) = self.order.pop_first() {
            self.entries.remove(&key);
        }
    }

    /// How many entries there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_what_was_used() {
        for capacity in [0, 1, 3] {
            let mut recent = Recent::new(capacity);
            for number in 0..100_u32 {
                assert_eq!(*recent.get_or_insert_with(&number, || number), number);
                assert_eq!(*recent.get_or_insert_with(&number, || 0), number);
                assert!(recent.len() <= capacity.max(1) && recent.order.len() == recent.len());
                // The first is used again and again, and stays where there is room for another one.
                assert_eq!(recent.get(&0).is_some(), capacity > 1 || number == 0);
            }
            assert_eq!(recent.oldest().map(|(key, _)| *key), Some(if capacity == 3 { 98 } else { 99 }));
        }
    }
}
