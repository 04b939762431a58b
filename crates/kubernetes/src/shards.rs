//! A table that is read without a lock while one writer changes it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;

/// A power of two. A write copies one shard, so there are to be many: of 25,000 addresses it copies 100.
const SHARDS: usize = 256;

type Shard<K, V> = HashMap<K, V, RandomState>;

/// A table in shards. A shard is never changed: a write puts a changed copy in its place.
///
/// Writes are those of one thread: of two at once one would be lost.
pub(crate) struct Shards<K, V> {
    hash: RandomState,
    shards: Box<[ArcSwap<Shard<K, V>>]>,
}

impl<K: Clone + Eq + Hash, V: Clone> Shards<K, V> {
    /// An empty one.
    pub fn new() -> Self {
        let hash = RandomState::default();
        let empty = Arc::new(Shard::with_hasher(hash.clone()));
        Self { hash, shards: (0..SHARDS).map(|_| ArcSwap::new(Arc::clone(&empty))).collect() }
    }

    /// Looks at the value of a key.
    pub fn with<Q, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.shard(key).load().get(key).map(look)
    }

    /// A copy of the value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.with(key, V::clone)
    }

    /// Sets the value of a key.
    pub fn insert(&self, key: K, value: V) {
        let shard = self.shard(&key);
        let mut changed = Shard::clone(&shard.load());
        changed.insert(key, value);
        shard.store(Arc::new(changed));
    }

    /// Takes a key out.
    pub fn remove<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let shard = self.shard(key);
        let current = shard.load();
        if current.contains_key(key) {
            let mut changed = Shard::clone(&current);
            changed.remove(key);
            changed.shrink_to_fit();
            shard.store(Arc::new(changed));
        }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> &ArcSwap<Shard<K, V>> {
        // The tables inside take the low bits of the same hash for the place and the highest for the tag.
        let number = (self.hash.hash_one(key) >> 40) as usize;
        &self.shards[number & (SHARDS - 1)]
    }
}

impl<K: Clone + Eq + Hash, V: Clone> fmt::Debug for Shards<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shards({})", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_table() {
        let shards = Shards::<Arc<str>, u32>::new();
        for number in 0..1_000 {
            shards.insert(number.to_string().into(), number);
        }
        shards.insert("7".into(), 70);
        shards.remove("8");
        shards.remove("none");
        assert_eq!((shards.get("7"), shards.get("8"), shards.get("999")), (Some(70), None, Some(999)));
        assert_eq!(shards.len(), 999);
    }

    #[test]
    fn readers_see_all_or_nothing_of_a_write() {
        let shards = Shards::<u32, (u32, u32)>::new();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..20_000).for_each(|number| shards.insert(1, (number, number))));
            for _ in 0..20_000 {
                if let Some((one, other)) = shards.get(&1) {
                    assert_eq!(one, other);
                }
            }
        });
    }
}
