//! Where the open flows are: a slab, and a hash table of indices into it.

use std::hash::BuildHasher;

use flowtrace_abi::FlowKey;
use hashbrown::HashTable;

use crate::flow::Flow;

/// The open flows, by key and by index. An index stays valid until its flow is removed.
#[derive(Default)]
pub struct Store {
    flows: Vec<Option<Flow>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    hasher: foldhash::fast::RandomState,
}

impl Store {
    /// Number of open flows.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Where the flow of a key is.
    pub fn find(&self, key: &FlowKey) -> Option<u32> {
        let flows = &self.flows;
        self.index.find(self.hasher.hash_one(key), |&at| has_key(flows, at, key)).copied()
    }

    /// Adds a flow whose key is not there.
    pub fn insert(&mut self, flow: Flow) -> u32 {
        let hash = self.hasher.hash_one(flow.key);
        let at = match self.free.pop() {
            Some(at) => {
                self.flows[at as usize] = Some(flow);
                at
            }
            None => {
                self.flows.push(Some(flow));
                (self.flows.len() - 1) as u32
            }
        };
        let (flows, hasher) = (&self.flows, &self.hasher);
        self.index.insert_unique(hash, at, |&at| match &flows[at as usize] {
            Some(flow) => hasher.hash_one(flow.key),
            None => 0,
        });
        at
    }

    /// The flow at an index, if it is open.
    pub fn get(&self, at: u32) -> Option<&Flow> {
        self.flows.get(at as usize)?.as_ref()
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, at: u32) -> Option<&mut Flow> {
        self.flows.get_mut(at as usize)?.as_mut()
    }

    /// Removes the flow at an index.
    pub fn remove(&mut self, at: u32) -> Option<Flow> {
        let flow = self.flows.get_mut(at as usize)?.take()?;
        if let Ok(found) = self.index.find_entry(self.hasher.hash_one(flow.key), |&other| other == at) {
            found.remove();
        }
        self.free.push(at);
        Some(flow)
    }

    /// Live: the flow that a later generation, begun at `first`, follows on the same ends, if it is still open.
    pub fn predecessor(&self, key: &FlowKey, first: u64) -> Option<&Flow> {
        let earlier = |generation: u8| {
            let flow = self.find(&key.with_generation(generation)).and_then(|at| self.get(at))?;
            (flow.entry.first <= first).then_some(flow)
        };
        match key.generation {
            0 => None,
            1 => earlier(FlowKey::LAST_GENERATION).or_else(|| earlier(0)),
            later => earlier(later - 1),
        }
    }

    /// Indices of the `count` flows that have been silent for longest, those first.
    pub fn idlest(&self, count: usize) -> Vec<u32> {
        let at = |at: u32| self.get(at).map(|flow| (flow.last(), flow.entry.first, at));
        let mut flows: Vec<_> = (0..self.flows.len() as u32).filter_map(at).collect();
        if count < flows.len() {
            flows.select_nth_unstable(count);
            flows.truncate(count);
        }
        flows.sort_unstable();
        flows.into_iter().map(|(_, _, at)| at).collect()
    }

    /// Indices of all open flows, in the order in which they began.
    pub fn indices(&self) -> Vec<u32> {
        let begin = |at: u32| self.get(at).map(|flow| (flow.entry.first, flow.key.generation));
        let mut indices: Vec<_> = (0..self.flows.len() as u32).filter(|&at| self.get(at).is_some()).collect();
        indices.sort_by_key(|&at| begin(at));
        indices
    }
}

fn has_key(flows: &[Option<Flow>], at: u32, key: &FlowKey) -> bool {
    flows[at as usize].as_ref().is_some_and(|flow| flow.key == *key)
}
