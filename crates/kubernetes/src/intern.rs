//! One copy of each text: labels, images and names are the same for many objects.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::options::KeyPatterns;
use flowtrace_flow::workload::Pairs;

/// Labels and annotations with longer values, in bytes, are left out: nobody searches for those, and one object may
/// have 256 KiB of them.
pub const LONGEST_VALUE: usize = 4_096;

/// Texts that are in use.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    known: HashSet<Arc<str>, RandomState>,
    /// How many there were when those out of use were last thrown away.
    swept: usize,
}

impl Texts {
    /// The one copy of a text.
    pub fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(text);
        self.known.insert(Arc::clone(&new));
        new
    }

    /// Labels or annotations, those whose keys have one of the patterns; sorted by key.
    pub fn pairs(&mut self, from: &BTreeMap<String, String>, wanted: &KeyPatterns) -> Pairs {
        let kept = from.iter().filter(|(key, value)| value.len() <= LONGEST_VALUE && wanted.has(key));
        kept.map(|(key, value)| (self.get(key), self.get(value))).collect()
    }

    /// Throws away what nobody uses, once there is twice as much as was left the last time.
    pub fn sweep(&mut self) {
        if self.known.len() > 1_024 + 2 * self.swept {
            self.known.retain(|text| Arc::strong_count(text) > 1);
            self.known.shrink_to_fit();
            self.swept = self.known.len();
        }
    }
}
